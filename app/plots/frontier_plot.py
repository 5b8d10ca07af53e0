"""Latency against throughput: each cell a point, each quantization (or other row) a line, the need as a region."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app.plots.figure import SYMBOLS, Figure
from app.plots.legend import series_item
from app.plots.placed_labels import PlacedLabels
from app.tokens import Tokens, mixed, tokens
from app.typeface import font
from profiler.exchange.findings.marks import FrontierMark, FrontierSeries, Need

_WIDEST_REACH = 1.3
_FARTHEST_NEED = 3.0  # times the highest cell: a limit far above all of them would press them flat
_FADED = 0.5
_NEAR = 0.06  # of the plane: labels nearer than that would cover each other
_MOST_LABELS = 60  # more would cover each other


def _reach(value: float, interval: tuple[float, float] | None) -> float:
    """How far a figure and its interval reach; an interval of few runs may be so wide that it would squeeze all others."""
    return min(interval[1], _WIDEST_REACH * value) if interval else value


def _is_vague(value: float, interval: tuple[float, float]) -> bool:
    """Whether an interval says no more than that its few runs disagree."""
    return (interval[1] - interval[0]) / 2 > value


class FrontierPlot(Figure):
    """The plane of two figures.

    Signals:
        cell_chosen: the id of a cell whose point was clicked.
    """

    cell_chosen = Signal(int)

    def __init__(self, x_label: str, y_label: str, parent: QWidget | None = None) -> None:
        self._series: tuple[FrontierSeries, ...] = ()
        self._need: Need | None = None
        self._selected: frozenset[int] = frozenset()
        self._rings = pyqtgraph.ScatterPlotItem(pxMode=True)
        self._labels_placed: PlacedLabels | None = None
        super().__init__("Latency against throughput", x_label, y_label, parent)
        self._labels_placed = PlacedLabels(self.plot, self)
        self.redraw()

    def show_series(self, series: Sequence[FrontierSeries]) -> None:
        """Show these cells."""
        self._series = tuple(series)
        self.legend.set_items([series_item(item.name, index) for index, item in enumerate(self._series)])
        self.setAccessibleDescription("; ".join(mark.words for item in self._series for mark in item.marks))
        self.redraw()

    @property
    def series(self) -> tuple[FrontierSeries, ...]:
        """What is shown."""
        return self._series

    def set_axes(self, x_label: str, y_label: str) -> None:
        """Name the axes, with their units."""
        self._labels = {"bottom": x_label, "left": y_label}
        self._wear_theme()

    def set_need(self, need: Need | None) -> None:
        """Mark where the need is met; None marks nothing."""
        self._need = need
        self.redraw()

    def select(self, cell_ids: Iterable[int]) -> None:
        """Ring the points of these cells."""
        self._selected = frozenset(cell_ids)
        self._ring(tokens())

    def paint_content(self, colors: Tokens) -> None:
        """Region, lines, intervals, points, rings."""
        if self._need is not None:
            self._paint_need(colors, self._need)
        for index, item in enumerate(self._series):
            look = series_item(item.name, index)
            color = QColor(colors.series[look.color])
            x = np.array([mark.x for mark in item.marks])
            y = np.array([mark.y for mark in item.marks])
            self.plot.addItem(pyqtgraph.PlotCurveItem(x, y, pen=pyqtgraph.mkPen(color, width=1), antialias=True))
            pale = mixed(colors.surface, colors.series[look.color], _FADED)
            for ink, is_best in ((color, True), (pale, False)):
                self._paint_intervals(ink, [mark for mark in item.marks if mark.is_on_frontier is is_best])
            self.plot.addItem(
                pyqtgraph.ScatterPlotItem(
                    x,
                    y,
                    symbol=SYMBOLS[look.marker],
                    size=9,
                    pen=[pyqtgraph.mkPen(color if mark.is_on_frontier else pale, width=1.5) for mark in item.marks],
                    brush=[pyqtgraph.mkBrush(color if mark.is_on_frontier else colors.surface) for mark in item.marks],
                )
            )
        if self._labels_placed is not None:
            self._paint_labels(colors, self._labels_placed)
        self.plot.addItem(self._rings)
        self._ring(colors)
        self.plot.setLimits(xMin=0, yMin=0)

    def fit(self) -> None:
        """All cells, from 0, so that distances are honest; the place where the need begins, too."""
        right, top = self._reaches()
        need = self._need
        if need is not None and need.is_x:
            right = max(right, need.value)
        elif need is not None and need.value <= _FARTHEST_NEED * top:
            top = max(top, need.value)
        self.plot.setRange(xRange=(0, right * 1.05), yRange=(0, top * 1.15), padding=0)

    def _paint_need(self, colors: Tokens, need: Need) -> None:
        tint = QColor(colors.met)
        tint.setAlphaF(0.12)  # the grid shines through
        values = [mark.x if need.is_x else mark.y for item in self._series for mark in item.marks]
        far = 100 * max([need.value, *values])  # 1e9 is drawn on the wrong side
        region = pyqtgraph.LinearRegionItem(
            (need.value, far) if need.is_met_above else (0, need.value),
            orientation="vertical" if need.is_x else "horizontal",
            movable=False,
            brush=tint,
            pen=tint,
        )
        region.setZValue(-2000)  # behind all else
        self.plot.addItem(region, ignoreBounds=True)
        side = 0 if need.is_met_above else 1  # the words stand where the need is met
        anchor = (side, 0.5) if need.is_x else (1, 1 - side)
        line = pyqtgraph.InfiniteLine(
            need.value,
            angle=90 if need.is_x else 0,
            pen=pyqtgraph.mkPen(colors.met, width=1, style=Qt.PenStyle.DashLine),
            label=need.words,
            labelOpts={"position": 0.96, "color": colors.met, "anchors": [anchor, anchor]},
        )
        line.label.setFont(font("label"))
        self.plot.addItem(line, ignoreBounds=True)

    def _paint_intervals(self, color: QColor, marks: Sequence[FrontierMark]) -> None:
        """All of a line's intervals as two items, whose points are joined in pairs; those wider than their value are dotted."""
        told: list[tuple[float, float]] = []
        vague: list[tuple[float, float]] = []
        for mark in marks:
            if mark.x_interval is not None:
                ends = [(end, mark.y) for end in mark.x_interval]
                (vague if _is_vague(mark.x, mark.x_interval) else told).extend(ends)
            if mark.y_interval is not None:
                ends = [(mark.x, end) for end in mark.y_interval]
                (vague if _is_vague(mark.y, mark.y_interval) else told).extend(ends)
        for places, style in ((told, Qt.PenStyle.SolidLine), (vague, Qt.PenStyle.DotLine)):
            if places:
                x, y = np.array(places).T
                pen = pyqtgraph.mkPen(color, width=1, style=style)
                self.plot.addItem(pyqtgraph.PlotCurveItem(x, y, connect="pairs", pen=pen))

    def _paint_labels(self, colors: Tokens, placed: PlacedLabels) -> None:
        """Points of a line that are too near to each other share one."""
        right, top = self._reaches()
        labels: list[tuple[tuple[float, float], str]] = []
        for item in self._series:
            groups: list[list[FrontierMark]] = []
            for mark in (mark for mark in item.marks if mark.label):
                last = groups[-1][-1] if groups else None
                if last is not None and abs(mark.x - last.x) < _NEAR * right and abs(mark.y - last.y) < _NEAR * top:
                    groups[-1].append(mark)
                else:
                    groups.append([mark])
            labels += [((group[0].x, group[0].y), ", ".join(mark.label for mark in group)) for group in groups]
        lines = [[(mark.x, mark.y) for mark in item.marks] for item in self._series]
        if sum(len(item.marks) for item in self._series) > _MOST_LABELS:
            labels = []
        placed.show(labels, [place for line in lines for place in line], lines, colors)

    def _reaches(self) -> tuple[float, float]:
        """How far right and up the cells and their intervals go."""
        marks = [mark for item in self._series for mark in item.marks]
        right = max([1.0, *(_reach(mark.x, mark.x_interval) for mark in marks)])
        return right, max([1.0, *(_reach(mark.y, mark.y_interval) for mark in marks)])

    def _ring(self, colors: Tokens) -> None:
        chosen = [mark for item in self._series for mark in item.marks if mark.cell_id in self._selected]
        self._rings.setData(
            [mark.x for mark in chosen],
            [mark.y for mark in chosen],
            symbol="o",
            size=17,
            pen=pyqtgraph.mkPen(colors.text, width=1),
            brush=None,
        )

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
