"""A plane of few named points with intervals on both axes, a crosshair through one of them, and labels that keep apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QWidget

from app.plots.figure import SYMBOLS, Figure
from app.plots.legend import series_item
from app.tokens import Tokens, mixed, tokens
from app.typeface import font

Range = tuple[float, float]

_FADED = 0.4
_MARKER_PX = 10
_GAP_PX = 13
_PAD = 0.12
_LABEL_PX = 14.0


@dataclass(frozen=True, slots=True)
class PlanePoint:
    """One point.

    Attributes:
        key: what it stands for.
        index: of its colour and marker, as in the legend (`series_item`).
        x, y, x_interval, y_interval: in plot units; None where no interval is known.
        name: its label; `words` are for the tooltip.
        is_faded: it is beaten: drawn hollow and pale.
    """

    key: int
    index: int
    x: float
    y: float
    name: str
    words: str
    x_interval: Range | None = None
    y_interval: Range | None = None
    is_faded: bool = False


class PointPlane(Figure):
    """The plane.

    Signals:
        pointed: the key of the point under the pointer, None when it left all of them.
        chosen: the key of a point that was clicked.
    """

    pointed = Signal(object)
    chosen = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._points: tuple[PlanePoint, ...] = ()
        self._y_ticks: tuple[tuple[float, str], ...] | None = None
        self._y_range: Range | None = None
        self._x_range: Range = (0.0, 1.0)
        self._break_at: float | None = None
        self._selected: frozenset[int] = frozenset()
        self._cross_key: int | None = None
        self._cross = [pyqtgraph.InfiniteLine(angle=angle) for angle in (90, 0)]
        self._rings = pyqtgraph.ScatterPlotItem(pxMode=True)
        self._labels_shown: list[pyqtgraph.TextItem] = []
        super().__init__(name, "", "", parent)
        self.plot.vb.sigResized.connect(self._on_view_resized)

    def show_points(
        self,
        points: Sequence[PlanePoint],
        y_range: Range | None = None,
        y_ticks: tuple[tuple[float, str], ...] | None = None,
        break_at: float | None = None,
    ) -> None:
        """Show these.

        Args:
            points: all of them.
            y_range: of the vertical axis; without one it fits its values.
            y_ticks: (place, text) on it; without them they are round.
            break_at: a dotted line here says that the scale below is not that above.
        """
        self._points, self._y_range, self._y_ticks, self._break_at = tuple(points), y_range, y_ticks, break_at
        self._cross_key = None
        self.plot.getAxis("left").setTicks([list(y_ticks)] if y_ticks is not None else None)
        self.setAccessibleDescription("; ".join(point.words.replace("\n", ", ") for point in points))
        self.redraw()

    def set_x_label(self, x_label: str) -> None:
        """Name the horizontal axis, with its unit; the words of the other one stand above the plane, where they are read."""
        self._labels = {"bottom": x_label, "left": ""}
        self._wear_theme()

    def select(self, keys: frozenset[int]) -> None:
        """Ring these points."""
        self._selected = keys
        self._ring(tokens())

    def point_at(self, key: int | None) -> None:
        """Draw the crosshair through this point; through none with None."""
        self._cross_key = key
        point = next((point for point in self._points if point.key == key), None)
        for line in self._cross:
            line.setVisible(point is not None)
        if point is not None:
            self._cross[0].setValue(point.x)
            self._cross[1].setValue(point.y)

    def paint_content(self, colors: Tokens) -> None:
        """Crosshair, intervals, points, labels, rings."""
        for line in self._cross:
            line.setPen(pyqtgraph.mkPen(colors.muted, width=1, style=Qt.PenStyle.DotLine))
            self.plot.addItem(line, ignoreBounds=True)
        self.point_at(self._cross_key)
        if self._break_at is not None:
            pen = pyqtgraph.mkPen(colors.line, width=1, style=Qt.PenStyle.DashLine)
            self.plot.addItem(pyqtgraph.InfiniteLine(self._break_at, angle=0, pen=pen), ignoreBounds=True)
        for point in self._points:
            self._paint_point(colors, point)
        self._paint_labels(colors)
        self.plot.addItem(self._rings)
        self._ring(colors)

    def fit(self) -> None:
        """All points and their intervals."""
        self._x_range = _fitting([point.x for point in self._points], [point.x_interval for point in self._points])
        y_range = self._y_range or _fitting([point.y for point in self._points], [point.y_interval for point in self._points])
        self.plot.setRange(xRange=self._x_range, yRange=y_range, padding=0)

    def redraw(self) -> None:
        """Labels keep apart in pixels, so the range must be known before they are placed."""
        self.plot.clear()
        self._labels_shown = []
        self.fit()
        self.paint_content(tokens())

    def _paint_point(self, colors: Tokens, point: PlanePoint) -> None:
        look = series_item(point.name, point.index)
        ink = QColor(colors.series[look.color])
        if point.is_faded:
            ink = mixed(colors.surface, colors.series[look.color], _FADED)
        ends: list[tuple[float, float]] = []
        if point.x_interval is not None:
            ends += [(end, point.y) for end in point.x_interval]
        if point.y_interval is not None:
            ends += [(point.x, end) for end in point.y_interval]
        if ends:
            x, y = np.array(ends).T
            self.plot.addItem(pyqtgraph.PlotCurveItem(x, y, connect="pairs", pen=pyqtgraph.mkPen(ink, width=1)))
        self.plot.addItem(
            pyqtgraph.ScatterPlotItem(
                [point.x],
                [point.y],
                symbol=SYMBOLS[look.marker],
                size=_MARKER_PX,
                pen=pyqtgraph.mkPen(ink, width=1.5),
                brush=pyqtgraph.mkBrush(QColor(colors.surface) if point.is_faded else ink),
            )
        )

    def _paint_labels(self, colors: Tokens) -> None:
        """Each beside its point, on a side where it covers neither another point nor another label."""
        area = self.plot.vb.rect()
        metrics = QFontMetricsF(font("label"))
        (left, right), (bottom, top) = self.plot.vb.viewRange()
        centers = [
            QPointF((point.x - left) / (right - left) * area.width(), (top - point.y) / (top - bottom) * area.height())
            for point in self._points
        ]
        taken = [_around(center, _MARKER_PX / 2) for center in centers]
        for label in self._labels_shown:
            self.plot.removeItem(label)
        self._labels_shown = []
        for point, center in zip(self._points, centers, strict=True):
            box = _free_box(center, metrics.horizontalAdvance(point.name), area, taken)
            taken.append(box)
            ink = mixed(colors.surface, colors.muted, 0.7) if point.is_faded else QColor(colors.text)
            label = pyqtgraph.TextItem(point.name, color=ink)
            label.setFont(font("label"))
            bounds, offset = label.boundingRect(), box.center() - center
            # An anchor is the share of the label that lies at its point.
            label.setAnchor((0.5 - offset.x() / bounds.width(), 0.5 - offset.y() / bounds.height()))
            label.setPos(point.x, point.y)
            self.plot.addItem(label, ignoreBounds=True)
            self._labels_shown.append(label)

    @Slot()
    def _on_view_resized(self) -> None:
        self._paint_labels(tokens())

    def _ring(self, colors: Tokens) -> None:
        chosen = [point for point in self._points if point.key in self._selected]
        self._rings.setData(
            [point.x for point in chosen],
            [point.y for point in chosen],
            symbol="o",
            size=18,
            pen=pyqtgraph.mkPen(colors.text, width=1),
            brush=None,
        )

    def _under(self, is_near: Callable[[QPointF], bool]) -> PlanePoint | None:
        return next((point for point in self._points if is_near(QPointF(point.x, point.y))), None)

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """The point under the pointer; whoever listens draws the crosshair."""
        point = self._under(is_near)
        key = point.key if point is not None else None
        if key != self._cross_key:
            self.pointed.emit(key)
        return point.words if point is not None else ""

    def chosen_at(self, is_near: Callable[[QPointF], bool]) -> None:
        """Choose the point under the pointer."""
        point = self._under(is_near)
        if point is not None:
            self.chosen.emit(point.key)

    def leaveEvent(self, event: QEvent) -> None:
        """No point is pointed at any more."""
        super().leaveEvent(event)
        self.pointed.emit(None)


def _fitting(values: Sequence[float], intervals: Sequence[Range | None]) -> Range:
    """The values with their intervals and air; from 0 where that takes no more than half of the room."""
    if not values:
        return 0.0, 1.0
    lowest = min([*values, *(ends[0] for ends in intervals if ends is not None)])
    # An interval of few runs may be so wide that it would squeeze all others.
    highest = max([*values, *(min(ends[1], 1.3 * max(values)) for ends in intervals if ends is not None)])
    if lowest <= highest / 2:
        return 0.0, highest * (1 + _PAD)
    air = _PAD * ((highest - lowest) or highest)
    return lowest - air, highest + 2 * air


def _around(center: QPointF, half_px: float) -> QRectF:
    return QRectF(center.x() - half_px, center.y() - half_px, 2 * half_px, 2 * half_px)


def _free_box(center: QPointF, width_px: float, area: QRectF, taken: Sequence[QRectF]) -> QRectF:
    """Where a label fits: at the right of its point, the left, above or below; at the right where it fits nowhere."""
    half = _LABEL_PX / 2
    boxes = [
        QRectF(center.x() + _GAP_PX, center.y() - half, width_px, _LABEL_PX),
        QRectF(center.x() - _GAP_PX - width_px, center.y() - half, width_px, _LABEL_PX),
        QRectF(center.x() - width_px / 2, center.y() - _GAP_PX - _LABEL_PX, width_px, _LABEL_PX),
        QRectF(center.x() - width_px / 2, center.y() + _GAP_PX, width_px, _LABEL_PX),
        QRectF(center.x() + _GAP_PX, center.y() - _GAP_PX - _LABEL_PX, width_px, _LABEL_PX),
        QRectF(center.x() + _GAP_PX, center.y() + _GAP_PX, width_px, _LABEL_PX),
    ]
    inside = QRectF(0, 0, area.width(), area.height())
    free = (box for box in boxes if inside.contains(box) and not any(box.intersects(other) for other in taken))
    return next(free, boxes[0])
