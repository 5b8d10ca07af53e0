"""Legends: a sample of each curve and its words, on one baseline; inside a time plot or in a card's title line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.tokens import Tokens, tokens
from app.typeface import font
from app.widgets.plain_tip import plain_tip

Sample = Literal["line", "dots", "none"]
Marker = Literal["none", "circle", "square", "triangle", "diamond"]

SAMPLE_PX = 14
GAP_PX = 12
_WORDS_PX = 4
_LEAST_PX = 200
_LINE_PX = 18
_MARKER_PX = 5
_MARKERS: tuple[Marker, ...] = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A curve's words and how it is told apart: a colour of the theme's series, and a marker."""

    words: str
    color: int
    marker: Marker = "none"
    sample: Sample = "line"


def series_item(words: str, index: int) -> LegendItem:
    """The look of the `index`-th series of a figure: four colours, and markers that shift when the colours begin again."""
    return LegendItem(words, index % 4, _MARKERS[(index + index // 4) % 4])


def item_width(words: str) -> float:
    """How wide an item is."""
    return SAMPLE_PX + _WORDS_PX + QFontMetricsF(font("label")).horizontalAdvance(words)


def paint_marker(painter: QPainter, marker: Marker, center: QPointF, color: QColor) -> None:
    """A small mark on a line."""
    half = _MARKER_PX / 2
    x, y = center.x(), center.y()
    if marker == "square":
        painter.fillRect(QRectF(x - half, y - half, _MARKER_PX, _MARKER_PX), color)
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    if marker == "circle":
        painter.drawEllipse(center, half + 0.5, half + 0.5)
    elif marker == "triangle":
        corners = [QPointF(x, y - half - 1), QPointF(x + half + 1, y + half), QPointF(x - half - 1, y + half)]
        painter.drawConvexPolygon(QPolygonF(corners))
    elif marker == "diamond":
        reach = half + 1
        corners = [QPointF(x, y - reach), QPointF(x + reach, y), QPointF(x, y + reach), QPointF(x - reach, y)]
        painter.drawConvexPolygon(QPolygonF(corners))


def paint_item(painter: QPainter, colors: Tokens, baseline: QPointF, item: LegendItem) -> None:
    """The sample and the words; the painter has the label font."""
    color = QColor(colors.series[item.color] if item.sample != "none" else colors.line)
    middle = QPointF(baseline.x() + SAMPLE_PX / 2, baseline.y() - 4)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    if item.sample == "dots":
        paint_marker(painter, "circle", middle, color)
    else:
        painter.fillRect(QRectF(baseline.x(), middle.y() - 1, SAMPLE_PX, 2), color)
        paint_marker(painter, item.marker, middle, color)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QColor(colors.muted))
    painter.drawText(baseline + QPointF(SAMPLE_PX + _WORDS_PX, 0), item.words)


class LegendLine(QWidget):
    """The legend of a figure: for its card's title line, or wrapped over as many lines as it takes (`set_wrapping`)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[LegendItem, ...] = ()
        self._wraps = False
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def set_items(self, items: Sequence[LegendItem]) -> None:
        """Show these."""
        self._items = tuple(items)
        self.setAccessibleName(", ".join(item.words for item in self._items))
        self.setToolTip(plain_tip("\n".join(item.words for item in self._items)))
        self.updateGeometry()
        self.update()

    def set_wrapping(self) -> None:
        """Have room of its own: items that do not fit a line go on the next one."""
        self._wraps = True
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        """Wrapped, it grows where it is narrow."""
        return self._wraps

    def heightForWidth(self, width: int) -> int:
        """Its lines."""
        return _LINE_PX * len(self._lines(width))

    def _lines(self, width: float) -> list[list[LegendItem]]:
        lines: list[list[LegendItem]] = [[]]
        x = 0.0
        for item in self._items:
            if self._wraps and lines[-1] and x + item_width(item.words) > width:
                lines.append([])
                x = 0.0
            lines[-1].append(item)
            x += item_width(item.words) + GAP_PX
        return lines

    def sizeHint(self) -> QSize:
        """All items in one line."""
        return QSize(round(sum(item_width(item.words) + GAP_PX for item in self._items)), _LINE_PX)

    def minimumSizeHint(self) -> QSize:
        """Items that do not fit are told by the tooltip; the words beside the legend give way first."""
        return QSize(min(self.sizeHint().width(), _LEAST_PX), _LINE_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the items that fit, and … for the others."""
        painter = QPainter(self)
        painter.setFont(font("label"))
        for line, items in enumerate(self._lines(self.width())):
            x, y = 0.0, line * _LINE_PX + 13
            for item in items:
                if x + item_width(item.words) > self.width():
                    painter.drawText(QPointF(x, y), "…")
                    break
                paint_item(painter, tokens(), QPointF(x, y), item)
                x += item_width(item.words) + GAP_PX
        painter.end()
