"""How fast decode steps read memory in the last minute, weights and KV apart, against the measured peak."""

from PySide6.QtWidgets import QWidget

from app.plots.backdrop import Limit
from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures
from profiler.units import significant

_ACHIEVED, _KV, _WEIGHTS = range(3)


class BandwidthPlot(TimePlot):
    """Bytes that a decode step must read over its seconds."""

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        styles = [  # KV and weights look as they do in the plot of the memory
            CurveStyle("achieved", "GB/s", color=0),
            CurveStyle("KV", "GB/s", color=2, marker="square"),
            CurveStyle("weights", "GB/s", color=3, marker="triangle"),
        ]
        super().__init__("Bandwidth", styles, cursor, least_top=5.0, parent=parent)
        self.setToolTip("Weights and KV that a pure decode step must read, over its seconds")

    def set_peak(self, peak_gb_s: float | None) -> None:
        """The measured peak of this machine, None when it was not measured."""
        self.set_limit(None if peak_gb_s is None else Limit(peak_gb_s, f"measured peak {significant(peak_gb_s)} GB/s"))

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        slices = figures.slices
        for index, series in ((_ACHIEVED, slices.bandwidth_gb_s), (_KV, slices.kv_gb_s), (_WEIGHTS, slices.weights_gb_s)):
            self.curve(index).set_points(slices.times_s, series)
        self.draw(figures.now_s)
