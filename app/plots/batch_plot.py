"""How many requests are served together and how many wait, in the last minute."""

from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures


class BatchPlot(TimePlot):
    """Sequences in a step and requests waiting, each weighted by time."""

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            "Batch and queue",
            [CurveStyle("sequences in the step", "", color=0), CurveStyle("waiting", "", color=1, marker="square")],
            cursor,
            least_top=2.0,
            whole=True,
            parent=parent,
        )
        self.setToolTip("Batch occupancy, and the queue: requests due and not yet started; a queue that keeps rising is overload")

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        slices = figures.slices
        self.curve(0).set_points(slices.times_s, slices.sequences)
        self.curve(1).set_points(slices.times_s, slices.waiting)
        self.draw(figures.now_s)
