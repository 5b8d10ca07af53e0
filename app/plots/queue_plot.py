"""Requests in the system and waiting over a run's time: a line that keeps rising is overload, a hill is a spike and its drain."""

from collections.abc import Callable

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget

from app.plots.figure import Figure
from app.plots.legend import LegendItem
from app.tokens import Tokens
from app.typeface import font

Series = NDArray[np.float64]

NOTHING: Series = np.empty(0)

_LEFT_SHARE = 0.3  # of the width: there is no room for words at the left of it
_ITEMS = (LegendItem("in the system", 0), LegendItem("waiting", 1))


class QueuePlot(Figure):
    """Counts over seconds, with a line where the last request became due."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._times_s = NOTHING
        self._counts = (NOTHING, NOTHING)
        self._last_due_s = 0.0
        super().__init__(name, "", "", parent)
        self.legend.set_items(_ITEMS)

    def show_counts(self, times_s: Series, in_system: Series, waiting: Series, last_due_s: float) -> None:
        """Show these counts over the same instants."""
        self._times_s, self._counts, self._last_due_s = times_s, (in_system, waiting), last_due_s
        self.redraw()

    @property
    def counts(self) -> tuple[Series, Series, Series]:
        """Seconds, requests in the system, and those waiting."""
        return self._times_s, *self._counts

    def paint_content(self, colors: Tokens) -> None:
        """The last arrival, then the lines; who waits on top."""
        if not len(self._times_s):
            return
        side = 0 if self._last_due_s < _LEFT_SHARE * float(self._times_s.max()) else 1
        line = pyqtgraph.InfiniteLine(
            self._last_due_s,
            pen=pyqtgraph.mkPen(colors.muted, width=1, style=Qt.PenStyle.DashLine),
            label="last arrival",
            labelOpts={"position": 0.92, "color": colors.muted, "anchors": [(side, 0.5), (side, 0.5)]},
        )
        line.label.setFont(font("label"))
        self.plot.addItem(line, ignoreBounds=True)
        for item, counts in zip(_ITEMS, self._counts, strict=True):
            pen = pyqtgraph.mkPen(colors.series[item.color], width=1)
            self.plot.addItem(pyqtgraph.PlotCurveItem(self._times_s, counts, pen=pen))
        self.plot.setLimits(xMin=0, yMin=0)

    def fit(self) -> None:
        """The whole run, from 0."""
        right = float(self._times_s.max(initial=1.0))
        top = float(self._counts[0].max(initial=1.0))
        self.plot.setRange(xRange=(0, 1.02 * right), yRange=(0, 1.15 * top), padding=0)

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """The counts at the pointer's time."""
        place = int(np.searchsorted(self._times_s, position.x(), side="right")) - 1
        if place < 0:
            return ""
        told = [f"{counts[place]:.0f} {item.words}" for item, counts in zip(_ITEMS, self._counts, strict=True)]
        return f"{position.x():.1f} s: {', '.join(told)}"
