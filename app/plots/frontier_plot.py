"""Latency against throughput: each cell a point, each quantization (or other row) a line, the need as a region."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app.plots.figure import Figure
from app.plots.legend import series_item
from app.tokens import Tokens, mixed
from app.typeface import font

_SYMBOLS = {"circle": "o", "square": "s", "triangle": "t1", "diamond": "d"}


@dataclass(frozen=True, slots=True)
class FrontierMark:
    """One cell.

    Attributes:
        x, y: its figures; `x_interval` and `y_interval` their 95 % intervals, None where there is none.
        words: for the tooltip.
        is_on_frontier: no other cell beats it on both figures; drawn filled, the others hollow.
    """

    cell_id: int
    x: float
    y: float
    words: str
    is_on_frontier: bool
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class FrontierSeries:
    """Cells that belong together, in the order in which the line joins them."""

    name: str
    marks: tuple[FrontierMark, ...]


class FrontierPlot(Figure):
    """The plane of two figures.

    Signals:
        cell_chosen: the id of a cell whose point was clicked.
    """

    cell_chosen = Signal(int)

    def __init__(self, x_label: str, y_label: str, parent: QWidget | None = None) -> None:
        self._series: tuple[FrontierSeries, ...] = ()
        self._need: tuple[float, bool, str] | None = None
        super().__init__("Latency against throughput", x_label, y_label, parent)

    def show_series(self, series: Sequence[FrontierSeries]) -> None:
        """Show these cells."""
        self._series = tuple(series)
        self.legend.set_items([series_item(item.name, index) for index, item in enumerate(self._series)])
        self.setAccessibleDescription("; ".join(mark.words for item in self._series for mark in item.marks))
        self.redraw()

    def set_need(self, x: float | None, words: str = "", *, is_met_above: bool = True) -> None:
        """Mark where the need is met: on one side of `x`; None marks nothing."""
        self._need = None if x is None else (x, is_met_above, words)
        self.redraw()

    def paint_content(self, colors: Tokens) -> None:
        """Region, lines, intervals, points."""
        if self._need is not None:
            self._paint_need(colors, *self._need)
        for index, item in enumerate(self._series):
            look = series_item(item.name, index)
            color = QColor(colors.series[look.color])
            x = np.array([mark.x for mark in item.marks])
            y = np.array([mark.y for mark in item.marks])
            self.plot.addItem(pyqtgraph.PlotCurveItem(x, y, pen=pyqtgraph.mkPen(color, width=1), antialias=True))
            self._paint_intervals(color, item.marks)
            self.plot.addItem(
                pyqtgraph.ScatterPlotItem(
                    x,
                    y,
                    symbol=_SYMBOLS[look.marker],
                    size=9,
                    pen=pyqtgraph.mkPen(color, width=1.5),
                    brush=[pyqtgraph.mkBrush(color if mark.is_on_frontier else colors.surface) for mark in item.marks],
                )
            )
        self.plot.setLimits(xMin=0, yMin=0)

    def fit(self) -> None:
        """All cells, from 0, so that distances are honest; the place where the need begins, too."""
        marks = [mark for item in self._series for mark in item.marks]
        need = [self._need[0]] if self._need else []
        right, top = max([1.0, *need, *(mark.x for mark in marks)]), max([1.0, *(mark.y for mark in marks)])
        self.plot.setRange(xRange=(0, right * 1.06), yRange=(0, top * 1.1), padding=0)

    def _paint_need(self, colors: Tokens, x: float, is_met_above: bool, words: str) -> None:
        tint = pyqtgraph.mkBrush(mixed(colors.surface, colors.met, 0.12))
        far = 100 * max([x, *(mark.x for item in self._series for mark in item.marks)])  # 1e9 is drawn on the wrong side
        region = pyqtgraph.LinearRegionItem((x, far) if is_met_above else (0, x), movable=False, brush=tint, pen=tint.color())
        region.setZValue(-2000)  # below the grid, which pyqtgraph draws at -1000
        self.plot.addItem(region, ignoreBounds=True)
        side = 0 if is_met_above else 1  # the words stand where the need is met
        line = pyqtgraph.InfiniteLine(
            x,
            pen=pyqtgraph.mkPen(colors.met, width=1, style=Qt.PenStyle.DashLine),
            label=words,
            labelOpts={"position": 0.96, "color": colors.met, "anchors": [(side, 0.5), (side, 0.5)]},
        )
        line.label.setFont(font("label"))
        self.plot.addItem(line, ignoreBounds=True)

    def _paint_intervals(self, color: QColor, marks: Sequence[FrontierMark]) -> None:
        for mark in marks:
            for interval, is_upright in ((mark.x_interval, False), (mark.y_interval, True)):
                if interval is not None:
                    across = [mark.y, mark.y] if not is_upright else [mark.x, mark.x]
                    ends = (across, list(interval)) if is_upright else (list(interval), across)
                    self.plot.addItem(pyqtgraph.PlotCurveItem(*ends, pen=pyqtgraph.mkPen(color, width=1)))

    def _mark_at(self, is_near: Callable[[QPointF], bool]) -> FrontierMark | None:
        return next((mark for item in self._series for mark in item.marks if is_near(QPointF(mark.x, mark.y))), None)

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """The cell under the pointer."""
        mark = self._mark_at(is_near)
        return mark.words if mark else ""

    def chosen_at(self, is_near: Callable[[QPointF], bool]) -> None:
        """Choose the cell under the pointer."""
        mark = self._mark_at(is_near)
        if mark:
            self.cell_chosen.emit(mark.cell_id)
