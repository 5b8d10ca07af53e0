"""What of a time plot stands still: title, legend, grid, ticks and the limit, painted once into a picture."""

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPixmap

from app.plots.axis import Ticks
from app.plots.legend import GAP_PX, LegendItem, item_width, paint_item
from app.tokens import Tokens, tokens
from app.typeface import font
from app.widgets.sentence import Tone
from app.widgets.surface import paint_surface

_AIR_PX = 12
_TITLE_BASELINE_PX = 23
_LEGEND_ROW_PX = 17
_TITLE_ROW_PX = 34
_LEFT_PX = 48
_RIGHT_PX = 16
_BOTTOM_PX = 28
_LEAST_TICK_GAP_PX = 15


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed line across the plot, read on the left axis, with its words and whether they are good news."""

    value: float
    words: str
    tone: Tone = "muted"


@dataclass(frozen=True, slots=True)
class BackdropContent:
    """All that the picture depends on, beside its size and the theme.

    Attributes:
        left: ticks of the value axis. A right axis has none: its curve's words tell its range, so that the time axes of all plots
            of a page have one length.
        span_s: seconds from the left end to now.
    """

    title: str
    legend: tuple[LegendItem, ...]
    left: Ticks
    limit: Limit | None
    span_s: float
    has_focus: bool


class Backdrop:
    """The picture for a content and a size, and where in it the curves go."""

    def __init__(self, content: BackdropContent, size: QSize, device_ratio: float) -> None:
        self._content = content
        self._colors = tokens()
        self._legend_rows = self._layout_legend(size.width())
        top = _TITLE_ROW_PX + 4 + _LEGEND_ROW_PX * max(0, len(self._legend_rows) - 1)
        self.area = QRect(_LEFT_PX, top, max(10, size.width() - _LEFT_PX - _RIGHT_PX), max(10, size.height() - top - _BOTTOM_PX))
        self.picture = QPixmap(size * device_ratio)
        self.picture.setDevicePixelRatio(device_ratio)
        painter = QPainter(self.picture)
        self._paint(painter, size)
        painter.end()

    def y_of(self, value: float) -> float:
        """Where a value of the left axis lies."""
        return self.area.bottom() - value / self._content.left.top * (self.area.height() - 1)

    def _layout_legend(self, width: int) -> list[list[tuple[float, LegendItem]]]:
        """Rows of (left edge, item): beside the title while there is room, then below it."""
        x = _AIR_PX + QFontMetricsF(font("card title")).horizontalAdvance(self._content.title) + GAP_PX
        rows: list[list[tuple[float, LegendItem]]] = [[]]
        for item in self._content.legend:
            item_px = item_width(item.words)
            if x + item_px > width - _AIR_PX and x > _AIR_PX:
                x = _AIR_PX
                rows.append([])
            rows[-1].append((x, item))
            x += item_px + GAP_PX
        return rows

    def _paint(self, painter: QPainter, size: QSize) -> None:
        colors, content = self._colors, self._content
        paint_surface(painter, QRectF(QRect(0, 0, size.width(), size.height())), colors)
        if content.has_focus:
            painter.setPen(QPen(QColor(colors.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(2.5, 2.5, size.width() - 5, size.height() - 5), 6, 6)
        painter.setFont(font("card title"))
        painter.setPen(QColor(colors.text))
        painter.drawText(QPointF(_AIR_PX, _TITLE_BASELINE_PX), content.title)
        painter.setFont(font("label"))
        for row, items in enumerate(self._legend_rows):
            for x, item in items:
                paint_item(painter, colors, QPointF(x, _TITLE_BASELINE_PX + row * _LEGEND_ROW_PX), item)
        self._paint_values(painter, colors, content.left)
        self._paint_times(painter, colors)
        if content.limit is not None:
            self._paint_limit(painter, colors, content.limit)

    def _paint_values(self, painter: QPainter, colors: Tokens, ticks: Ticks) -> None:
        """The grid and the ticks of the value axis; every second label is left out where they would touch."""
        values, texts = ticks.values(), ticks.texts()
        every = 1 if self.area.height() / max(1, len(values) - 1) >= _LEAST_TICK_GAP_PX else 2
        for index, (value, text) in enumerate(zip(values, texts, strict=True)):
            y = self.y_of(value)
            painter.setPen(QColor(colors.line if index == 0 else colors.grid))
            painter.drawLine(QLineF(self.area.left(), y, self.area.right(), y))
            if index % every == 0:
                painter.setPen(QColor(colors.muted))
                box = QRectF(0, y - 8, self.area.left() - 6, 16)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _paint_times(self, painter: QPainter, colors: Tokens) -> None:
        painter.setPen(QColor(colors.muted))
        parts = 4 if self.area.width() >= 240 else 2
        for index in range(parts + 1):
            ago_s = self._content.span_s * (1 - index / parts)
            text = "now" if index == parts else f"−{ago_s:.0f}" + (" s" if index == 0 else "")
            x = self.area.left() + self.area.width() * index / parts
            box = QRectF(x - 30, self.area.bottom() + 5, 60, 16)
            align = Qt.AlignmentFlag.AlignHCenter
            if index == parts:
                box.moveRight(self.area.right() + 4)
                align = Qt.AlignmentFlag.AlignRight
            painter.drawText(box, align, text)

    def _paint_limit(self, painter: QPainter, colors: Tokens, limit: Limit) -> None:
        inks = {"met": colors.met, "broken": colors.broken, "caution": colors.caution}
        ink = QColor(inks.get(limit.tone, colors.muted))
        y = self.y_of(limit.value)
        pen = QPen(ink, 1)
        pen.setDashPattern([5, 3])
        painter.setPen(pen)
        painter.drawLine(QLineF(self.area.left(), y, self.area.right(), y))
        metrics = QFontMetricsF(font("label"))
        words_px = metrics.horizontalAdvance(limit.words)
        # Above the line while there is room under the title's row; the words get a ground of their own, since curves cross here.
        box_y = y - 17 if y - 17 >= self.area.top() - 12 else y + 2
        box = QRectF(self.area.right() - words_px - 4, box_y, words_px + 4, 15)
        painter.fillRect(box, QColor(colors.surface))
        painter.setPen(ink)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, limit.words)
