"""How long answers take to begin, and the gaps between their tokens, in the last minute."""

from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures

_FIRST_TOKEN, _GAPS = 0, 1


class LatencyPlot(TimePlot):
    """A dot for each first token on the left axis; the gaps between tokens, p50 to p95, as a band on the right one."""

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            "Latency",
            [
                CurveStyle("first token", "ms", color=1, shape="dots"),
                CurveStyle("between tokens p50–p95", "ms", color=0, shape="band", is_right=True),
            ],
            cursor,
            least_top=100.0,
            right_least_top=20.0,
            parent=parent,
        )
        self.setToolTip("TTFT from when the request was due, and ITL: p50 as the line, up to p95 as the band")

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        self.curve(_FIRST_TOKEN).set_points(figures.ttft_times_s, figures.ttft_ms)
        slices = figures.slices
        self.curve(_GAPS).set_points(slices.times_s, slices.itl_p50_ms, slices.itl_p95_ms)
        self.draw(figures.now_s)
