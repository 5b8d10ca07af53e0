"""Tokens a second in the last minute: written, and read from prompts."""

from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures


class ThroughputPlot(TimePlot):
    """Output and prompt tokens a second, in slices of a quarter of a second."""

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            "Throughput",
            [CurveStyle("output", "tok/s", color=0), CurveStyle("prompt", "tok/s", color=2, marker="square")],
            cursor,
            least_top=10.0,
            parent=parent,
        )
        self.setToolTip("Output tokens by when they became visible; prompt tokens spread over their prefill")

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        slices = figures.slices
        self.curve(0).set_points(slices.times_s, slices.output_tok_s)
        self.curve(1).set_points(slices.times_s, slices.prompt_tok_s)
        self.draw(figures.now_s)
