"""Stacked bars: what whole things are made of. Parts differ in colour and in pattern, and bear their names where there is room.

Lying bars are for a few things with names, standing ones for many with numbers.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.tokens import Tokens, tokens
from app.typeface import font
from profiler.units import significant

_LINE_PX = 18
_SWATCH_PX = 14
_WORDS_PX = 4
_GAP_PX = 12
_AIR_PX = 8
_BAR_PX = 30
_LEAST_ROW_PX = 38
_COLUMNS_PX = 190
_MOST_TICKS = 5
_HATCH_ALPHA = 150
_SEAMED_PX = 3  # a longer part ends with a seam towards its neighbour
_MIDDLE = Qt.AlignmentFlag.AlignCenter
_AT_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_AT_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_NICE = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class PartKind:
    """What the parts of all bars stand for.

    Attributes:
        words: its name.
        series: the theme's colour of that number; None is a grey one.
        pattern: over the colour.
    """

    words: str
    series: int | None
    pattern: Qt.BrushStyle


@dataclass(frozen=True, slots=True)
class StackedBar:
    """One whole thing.

    Attributes:
        label: its name or number.
        parts: of each kind, in the axis's unit, none below 0.
        figure: the whole, in words.
        words: all of it, for the tooltip and the screen reader.
    """

    label: str
    parts: tuple[float, ...]
    figure: str
    words: str

    @property
    def whole(self) -> float:
        """Its length."""
        return sum(self.parts)


class StackedBars(QWidget):
    """The bars with their legend and axis.

    Args:
        name: for the screen reader.
        kinds: of the parts, in the order in which they follow each other.
        stands: the bars are columns.
    """

    def __init__(self, name: str, kinds: Sequence[PartKind], *, stands: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kinds, self._stands = tuple(kinds), stands
        self._bars: tuple[StackedBar, ...] = ()
        self._titles = ("", "")
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def bars(self) -> tuple[StackedBar, ...]:
        """What is shown."""
        return self._bars

    @property
    def kinds(self) -> tuple[PartKind, ...]:
        """What the parts stand for."""
        return self._kinds

    @property
    def axis(self) -> str:
        """Title of the axis, with the unit."""
        return self._titles[0]

    def show_bars(self, bars: Sequence[StackedBar], axis: str, of: str = "") -> None:
        """Show these.

        Args:
            bars: all with as many parts as there are kinds.
            axis: title of the axis, with the unit.
            of: what standing bars are numbered by.
        """
        self._bars, self._titles = tuple(bars), (axis, of)
        self.setAccessibleDescription("; ".join(bar.words.replace("\n", ", ") for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as its bars need."""
        bars = _COLUMNS_PX if self._stands else _LEAST_ROW_PX * max(1, len(self._bars))
        return QSize(480, self._legend_height(self.width()) + bars + 2 * _LINE_PX + _AIR_PX)

    def minimumSizeHint(self) -> QSize:
        """Labels give way first."""
        return QSize(260, self.sizeHint().height())

    def _shown(self) -> list[int]:
        """Numbers of the kinds that some bar has anything of."""
        return [number for number in range(len(self._kinds)) if any(bar.parts[number] > 0 for bar in self._bars)]

    def _legend(self, width: float) -> Iterator[tuple[QPointF, int]]:
        """Where each kind's swatch begins; lines wrap."""
        metrics = QFontMetricsF(font("label"))
        x, y = 0.0, 0.0
        for number in self._shown():
            across = _SWATCH_PX + _WORDS_PX + metrics.horizontalAdvance(self._kinds[number].words)
            if x and x + across > width:
                x, y = 0.0, y + _LINE_PX
            yield QPointF(x, y), number
            x += across + _GAP_PX

    def _legend_height(self, width: float) -> int:
        return int(max((place.y() for place, _ in self._legend(width)), default=-_LINE_PX)) + _LINE_PX + _AIR_PX

    def _plane(self) -> QRectF:
        """Where the bars are."""
        metrics = QFontMetricsF(font("label"))
        top = self._legend_height(self.width())
        bottom = self.height() - 2 * _LINE_PX
        if self._stands:
            left = 2 * _AIR_PX + max((metrics.horizontalAdvance(f"{tick:.6g}") for tick in self._ticks()), default=0.0)
            return QRectF(left, top, self.width() - left - _AIR_PX, bottom - top)
        left = _AIR_PX + max((metrics.horizontalAdvance(bar.label) for bar in self._bars), default=0.0)
        right = _AIR_PX + max((metrics.horizontalAdvance(bar.figure) for bar in self._bars), default=0.0)
        return QRectF(left, top, self.width() - left - right, bottom - top)

    def _longest(self) -> float:
        return max((bar.whole for bar in self._bars), default=0.0)

    def _ticks(self) -> list[float]:
        return nice_ticks(self._longest())

    def segments(self) -> Iterator[tuple[QRectF, int, int]]:
        """Each part that can be seen: its place, the bar's number and the kind's."""
        plane, longest = self._plane(), self._longest()
        if not longest > 0:
            return
        step = (plane.width() if self._stands else plane.height()) / len(self._bars)
        thick = min(0.8 * step, 10 * _BAR_PX) if self._stands else min(0.8 * step, _BAR_PX)
        for row, bar in enumerate(self._bars):
            across, at = (row + 0.5) * step - thick / 2, 0.0
            for number, value in enumerate(bar.parts):
                length = value / longest * (plane.height() if self._stands else plane.width())
                if length > 0:
                    if self._stands:
                        yield QRectF(plane.left() + across, plane.bottom() - at - length, thick, length), row, number
                    else:
                        yield QRectF(plane.left() + at, plane.top() + across, length, thick), row, number
                at += length

    def paintEvent(self, event: QPaintEvent) -> None:
        """Legend, axis, bars, names."""
        colors = tokens()
        painter = QPainter(self)
        painter.setFont(font("label"))
        for place, number in self._legend(self.width()):
            self._paint_part(painter, colors, QRectF(place.x(), place.y() + 3, _SWATCH_PX, 11), number)
            painter.setPen(QColor(colors.muted))
            painter.drawText(place + QPointF(_SWATCH_PX + _WORDS_PX, 13), self._kinds[number].words)
        self._paint_axis(painter, colors)
        for rect, row, number in self.segments():
            has_seam = (rect.height() if self._stands else rect.width()) > _SEAMED_PX
            seam = (0, 1, 0, 0) if self._stands else (0, 0, -1, 0)
            self._paint_part(painter, colors, rect.adjusted(*seam) if has_seam else rect, number)
            if not self._stands:
                self._paint_name(painter, colors, rect, self._bars[row], number)
        painter.end()

    def _color(self, colors: Tokens, number: int) -> QColor:
        series = self._kinds[number].series
        return QColor(colors.muted if series is None else colors.series[series])

    def _paint_part(self, painter: QPainter, colors: Tokens, rect: QRectF, number: int) -> None:
        painter.fillRect(rect, self._color(colors, number))
        if self._kinds[number].pattern is not Qt.BrushStyle.SolidPattern:
            hatch = QColor(colors.surface)
            hatch.setAlpha(_HATCH_ALPHA)
            painter.fillRect(rect, QBrush(hatch, self._kinds[number].pattern))

    def _paint_name(self, painter: QPainter, colors: Tokens, rect: QRectF, bar: StackedBar, number: int) -> None:
        """The part's name and share upon a quiet ground, the share alone, or nothing: as there is room."""
        metrics = QFontMetricsF(painter.font())
        share = f"{significant(100 * bar.parts[number] / bar.whole, 2)} %"
        for words in (f"{self._kinds[number].words} {share}", share):
            width = metrics.horizontalAdvance(words) + 8
            if width + 4 <= rect.width():
                ground = QRectF(rect.center().x() - width / 2, rect.center().y() - 8, width, 16)
                painter.fillRect(ground, self._color(colors, number))
                painter.setPen(QColor(colors.on_accent))
                painter.drawText(ground, _MIDDLE, words)
                return

    def _paint_axis(self, painter: QPainter, colors: Tokens) -> None:
        plane = self._plane()
        if not self._longest() > 0:
            return
        self._paint_ticks(painter, colors, plane)
        if self._stands:
            self._paint_numbers(painter, plane)
        else:
            self._paint_labels(painter, colors, plane)
        axis, of = self._titles
        title = f"{of} · upwards: {axis}" if self._stands else axis
        painter.setPen(QColor(colors.muted))
        painter.drawText(QRectF(plane.left(), plane.bottom() + _LINE_PX, plane.width(), 16), _MIDDLE, title)

    def _paint_ticks(self, painter: QPainter, colors: Tokens, plane: QRectF) -> None:
        for tick in self._ticks():
            share = tick / self._longest()
            if self._stands:
                y = plane.bottom() - share * plane.height()
                ends = QPointF(plane.left(), y), QPointF(plane.right(), y)
                place, flags = QRectF(0, y - 8, plane.left() - _AIR_PX, 16), _AT_RIGHT
            else:
                x = plane.left() + share * plane.width()
                ends = QPointF(x, plane.top()), QPointF(x, plane.bottom())
                place, flags = QRectF(x - 40, plane.bottom() + 2, 80, 16), _MIDDLE
            painter.setPen(QColor(colors.grid))
            painter.drawLine(*ends)
            painter.setPen(QColor(colors.muted))
            painter.drawText(place, flags, f"{tick:.6g}")

    def _paint_numbers(self, painter: QPainter, plane: QRectF) -> None:
        """Under standing bars, so many as have room."""
        step = plane.width() / len(self._bars)
        stride = max(1, math.ceil(QFontMetricsF(painter.font()).horizontalAdvance("0000") / step))
        for row, bar in enumerate(self._bars):
            if row % stride == 0:
                place = QRectF(plane.left() + (row + 0.5) * step - 30, plane.bottom() + 2, 60, 16)
                painter.drawText(place, _MIDDLE, bar.label)

    def _paint_labels(self, painter: QPainter, colors: Tokens, plane: QRectF) -> None:
        """At both ends of lying bars."""
        step = plane.height() / len(self._bars)
        for row, bar in enumerate(self._bars):
            y = plane.top() + (row + 0.5) * step - 8
            painter.setPen(QColor(colors.muted))
            painter.drawText(QRectF(0, y, plane.left() - _AIR_PX, 16), _AT_RIGHT, bar.label)
            painter.setPen(QColor(colors.text))
            end = plane.left() + bar.whole / self._longest() * plane.width() + _AIR_PX
            painter.drawText(QRectF(end, y, self.width() - end, 16), _AT_LEFT, bar.figure)

    def words_at(self, position: QPointF) -> str:
        """All of the bar there, its part there first; empty beside the bars."""
        for rect, row, number in self.segments():
            if rect.adjusted(-1, -1, 1, 1).contains(position):
                bar, kind = self._bars[row], self._kinds[number]
                return f"{kind.words}: {significant(100 * bar.parts[number] / bar.whole, 2)} %\n{bar.words}"
        return ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Exact readings."""
        words = self.words_at(event.position())
        if words:
            QToolTip.showText(event.globalPosition().toPoint(), words, self)
        else:
            QToolTip.hideText()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The legend wraps elsewhere."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()


def nice_ticks(longest: float, most: int = _MOST_TICKS) -> list[float]:
    """Round numbers from 0 to `longest`, at most about `most` of them; none for nothing."""
    if not longest > 0:
        return []
    rough = longest / most
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(decade * nice for nice in _NICE if decade * nice >= rough)
    return [step * number for number in range(int(longest / step + 1e-9) + 1)]
