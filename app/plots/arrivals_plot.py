"""A small drawing of how requests will come: each kind a row with its rate as a line and its due times as ticks under it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.plots.axis import round_step, tick_text
from app.plots.legend import SAMPLE_PX, item_width, paint_item, series_item
from app.tokens import Tokens, tokens
from app.typeface import font

Floats = NDArray[np.float64]

NOTHING: Floats = np.empty(0)

_ROWS_PX = 96
_TALLEST_ROW_PX = 56
_ROW_GAP_PX = 5
_TOP_PX = 4
_AXIS_PX = 20
_RUG_PX = 7
_RIGHT_PX = 16
_GUTTER_GAP_PX = 10
_WIDEST_GUTTER_SHARE = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalsRow:
    """Requests of one kind.

    Attributes:
        label: beside the row.
        times_s, rates_s: their rate over time, requests (or conversations) a second; empty where they have none.
        due_s: when they are due, rising, in one example.
        lane_s: for requests without due times of their own, from when to when they come.
        lane_words: inside that lane.
    """

    label: str
    times_s: Floats = field(default_factory=lambda: NOTHING)
    rates_s: Floats = field(default_factory=lambda: NOTHING)
    due_s: Floats = field(default_factory=lambda: NOTHING)
    lane_s: tuple[float, float] | None = None
    lane_words: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalsDrawing:
    """What is drawn.

    Attributes:
        rows: one or more, on one scale of time and of the rate.
        span_s: seconds from the left end to the right one, above 0.
        words: the same, for who does not see it.
    """

    rows: tuple[ArrivalsRow, ...]
    span_s: float
    words: str


class ArrivalsPlot(QWidget):
    """The drawing; nothing on it can be clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drawing: ArrivalsDrawing | None = None
        self.setAccessibleName("How requests come")
        self.setToolTip("Line: the rate. Ticks: when requests are due in one example; each repetition has times of its own.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def drawing(self) -> ArrivalsDrawing | None:
        """What is shown."""
        return self._drawing

    def show_drawing(self, drawing: ArrivalsDrawing) -> None:
        """Show this instead."""
        self._drawing = drawing
        self.setAccessibleDescription(drawing.words)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as its rows, at most 120 pixels."""
        rows = len(self._drawing.rows) if self._drawing else 1
        return QSize(480, _TOP_PX + rows * self._row_px() + _AXIS_PX)

    def minimumSizeHint(self) -> QSize:
        """Half a page's width is enough for the ticks."""
        return QSize(240, self.sizeHint().height())

    def _row_px(self) -> int:
        return min(_TALLEST_ROW_PX, _ROWS_PX // len(self._drawing.rows)) if self._drawing else _TALLEST_ROW_PX

    def _area(self, drawing: ArrivalsDrawing) -> QRectF:
        """Where the rows' lines go: right of their labels, above the axis."""
        widest = max(item_width(row.label) for row in drawing.rows) + _GUTTER_GAP_PX
        left = min(widest, _WIDEST_GUTTER_SHARE * self.width())
        return QRectF(left, _TOP_PX, max(10.0, self.width() - left - _RIGHT_PX), len(drawing.rows) * self._row_px())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axis, rows, labels."""
        drawing = self._drawing
        if drawing is None:
            return
        colors, area = tokens(), self._area(drawing)
        painter = QPainter(self)
        painter.setFont(font("label"))
        self._paint_axis(painter, colors, area, drawing.span_s)
        highest = max((float(row.rates_s.max()) for row in drawing.rows if len(row.rates_s)), default=0.0)
        for number, row in enumerate(drawing.rows):
            top = area.top() + number * self._row_px()
            lane = QRectF(area.left(), top, area.width(), self._row_px() - _ROW_GAP_PX)
            self._paint_row(painter, colors, lane, row, number, highest or 1.0, drawing.span_s)
        painter.end()

    @staticmethod
    def _paint_axis(painter: QPainter, colors: Tokens, area: QRectF, span_s: float) -> None:
        """The grid and the times under it; the last one has the unit."""
        step = round_step(span_s, 6 if area.width() >= 300 else 3)
        ticks = [step * index for index in range(int(span_s / step + 1e-9) + 1)]
        for index, tick_s in enumerate(ticks):
            x = round(area.left() + tick_s / span_s * area.width()) + 0.5
            painter.setPen(QPen(QColor(colors.grid), 1))
            painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
            text = tick_text(tick_s, step) + (" s" if index == len(ticks) - 1 else "")
            painter.setPen(QColor(colors.muted))
            painter.drawText(QRectF(x - 40, area.bottom() + 3, 80, 15), Qt.AlignmentFlag.AlignCenter, text)
        painter.setPen(QPen(QColor(colors.line), 1))
        painter.drawLine(QLineF(area.left(), area.bottom() + 0.5, area.right(), area.bottom() + 0.5))

    @staticmethod
    def _paint_row(
        painter: QPainter, colors: Tokens, lane: QRectF, row: ArrivalsRow, number: int, highest: float, span_s: float
    ) -> None:
        look = series_item(row.label, number)
        color = QColor(colors.series[look.color])
        tint = QColor(color)
        tint.setAlphaF(0.15)
        scale = lane.width() / span_s
        room = lane.left() - _GUTTER_GAP_PX - SAMPLE_PX - 4
        label = QFontMetricsF(font("label")).elidedText(row.label, Qt.TextElideMode.ElideRight, room)
        paint_item(painter, colors, QPointF(0, lane.center().y() + 4), series_item(label, number))
        if row.lane_s is not None:
            begin, end = row.lane_s
            band = QRectF(lane.left() + begin * scale, lane.top() + 2, max(2.0, (end - begin) * scale), lane.height() - 4)
            painter.fillRect(band, tint)
            painter.setPen(QColor(colors.text))
            words = QFontMetricsF(font("label")).elidedText(row.lane_words, Qt.TextElideMode.ElideRight, band.width() - 12)
            painter.drawText(band.adjusted(6, 0, -6, 0), Qt.AlignmentFlag.AlignVCenter, words)
            return
        floor = lane.bottom() - _RUG_PX - 1
        has_line = len(row.times_s) > 1
        if has_line:
            x = lane.left() + row.times_s * scale
            y = floor - row.rates_s / highest * (floor - lane.top() - 1)
            line = [QPointF(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tint)
            painter.drawPolygon(QPolygonF([QPointF(line[0].x(), floor), *line, QPointF(line[-1].x(), floor)]))
            painter.setPen(QPen(color, 1.5))
            painter.drawPolyline(QPolygonF(line))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        # One tick a pixel at the most: more would be drawn over each other.
        pixels = np.unique(np.rint(lane.left() + row.due_s * scale))
        painter.setPen(QPen(color, 1))
        top = floor + 2 if has_line else lane.top() + 2
        painter.drawLines([QLineF(pixel, top, pixel, lane.bottom()) for pixel in pixels.tolist()])
