"""Draws a shift: its interval as a bar around 0, and both in figures behind it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionViewItem

from app.pages.compare.words import interval_words, percent_words
from app.tables.column import Column, Interval, TableRole
from app.tables.figure_delegate import FigureDelegate
from app.tables.record_table import UNKNOWN
from app.tokens import tokens
from app.typeface import font

_BAR_PX = 112
_PADDING_PX = 8
_GAP_PX = 10
_LINE_PX = 2
_DOT_PX = 3.5
_BAND_PX = 18
_ARROW_PX = 5
_MOST_PERCENT = 100.0
_BOUNDS_IN_SIGHT = 2.0


@dataclass(frozen=True, slots=True)
class ShiftScale:
    """What the bars' ends and the band stand for, as natural logarithms: half as much is as far from 0 as twice as much."""

    most: float = math.log1p(0.1)
    same: float = math.log1p(0.05)


def scale_of(intervals: Iterable[Interval], same_within_percent: float) -> ShiftScale:
    """A scale on which these intervals (in per cent) and the band of "the same" are seen; longer ones than 100 % are cut off."""
    same = math.log1p(same_within_percent / 100)
    ends = [abs(_logarithm(end)) for interval in intervals for end in interval]
    return ShiftScale(
        min(max([_BOUNDS_IN_SIGHT * same, *ends]), max(_BOUNDS_IN_SIGHT * same, math.log1p(_MOST_PERCENT / 100))), same
    )


def place(shift_percent: float, scale: ShiftScale) -> float:
    """Where a shift lies, from -1 to 1, or beyond where it is cut off."""
    return _logarithm(shift_percent) / scale.most


class ShiftDelegate(FigureDelegate):
    """Formats the column of shifts."""

    def __init__(self, column: Column[Any], parent: QObject | None = None) -> None:
        super().__init__(column, parent)
        self.scale = ShiftScale()

    def _texts(self, index: QModelIndex | QPersistentModelIndex) -> tuple[str, str]:
        """The shift, and its interval in a quieter tone."""
        raw, interval = index.data(TableRole.RAW), index.data(TableRole.INTERVAL)
        if raw is None:
            return UNKNOWN, ""
        return f"{percent_words(raw)} %", f"({interval_words(interval)})" if interval is not None else ""

    def width_px(self, index: QModelIndex | QPersistentModelIndex) -> int:
        """Room for the bar and the figures."""
        words = " ".join(filter(None, self._texts(index)))
        return _BAR_PX + _GAP_PX + QFontMetrics(font("body")).horizontalAdvance(words) + 2 * _PADDING_PX + 2

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """The row's ground, the figures at the right, the bar at the left."""
        self.initStyleOption(option, index)
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        box: QRect = option.rect.adjusted(_PADDING_PX, 0, -_PADDING_PX, 0)
        colors = tokens()
        shift, interval = self._texts(index)
        painter.save()
        painter.setFont(font("body"))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(colors.muted))
        painter.drawText(box, flags, interval if interval else shift if shift == UNKNOWN else "")
        painter.setPen(QColor(colors.text))
        if shift != UNKNOWN:
            rest_px = painter.fontMetrics().horizontalAdvance(f" {interval}") if interval else 0
            painter.drawText(box.adjusted(0, 0, -rest_px, 0), flags, shift)
        ink = {"met": colors.met, "broken": colors.broken}.get(index.data(TableRole.TONE), colors.muted)
        area = QRectF(box.left(), box.center().y() - _BAND_PX / 2, _BAR_PX, _BAND_PX)
        self._draw_bar(painter, area, QColor(ink), index.data(TableRole.RAW), index.data(TableRole.INTERVAL))
        painter.restore()

    def _draw_bar(self, painter: QPainter, area: QRectF, ink: QColor, shift: float | None, interval: Interval | None) -> None:
        colors = tokens()
        middle, half = area.center(), area.width() / 2 - _ARROW_PX

        def x(shift_percent: float) -> float:
            return middle.x() + half * min(1.0, max(-1.0, place(shift_percent, self.scale)))

        band = half * self.scale.same / self.scale.most
        painter.fillRect(QRectF(middle.x() - band, area.top(), 2 * band, area.height()), QColor(colors.raised))
        painter.fillRect(QRectF(middle.x() - 0.5, area.top(), 1, area.height()), QColor(colors.line))
        if shift is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if interval is not None:
            painter.setPen(QPen(ink, _LINE_PX))
            painter.drawLine(QPointF(x(interval[0]), middle.y()), QPointF(x(interval[1]), middle.y()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        for end in interval or ():
            if abs(place(end, self.scale)) > 1 + 1e-9:
                self._draw_arrow(painter, QPointF(x(end), middle.y()), 1 if end > 0 else -1)
        if abs(place(shift, self.scale)) <= 1 + 1e-9:
            painter.drawEllipse(QPointF(x(shift), middle.y()), _DOT_PX, _DOT_PX)

    @staticmethod
    def _draw_arrow(painter: QPainter, tip: QPointF, direction: int) -> None:
        """The interval goes on beyond the bar."""
        end = tip.x() + direction * _ARROW_PX
        painter.drawPolygon(
            QPolygonF([QPointF(end, tip.y()), QPointF(tip.x(), tip.y() - _ARROW_PX), QPointF(tip.x(), tip.y() + _ARROW_PX)])
        )


def _logarithm(shift_percent: float) -> float:
    """Of the ratio; a ratio too small to be held counts as the smallest that can be."""
    return math.log(max(1 + shift_percent / 100, 1e-12))
