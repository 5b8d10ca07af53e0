"""Draws a table's values as text: formatted, in their tone, with the half-width of their interval behind them."""

from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.tables.column import Column, TableRole
from app.tables.record_table import UNKNOWN
from app.tokens import Tokens, tokens
from app.typeface import font
from profiler.units import half_width_text

_PADDING_PX = 8
_ROW_PX = 32


class FigureDelegate(QStyledItemDelegate):
    """Formats one column."""

    def __init__(self, column: Column[Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._column = column

    def _texts(self, index: QModelIndex | QPersistentModelIndex) -> tuple[str, str]:
        """The value, and what follows it in a quieter tone."""
        raw, interval = index.data(TableRole.RAW), index.data(TableRole.INTERVAL)
        if raw is None:
            return UNKNOWN, ""
        return self._column.text(raw), half_width_text(raw, interval) if interval is not None else ""

    def displayText(self, value: Any, locale: object) -> str:
        """The value formatted."""
        return UNKNOWN if value is None else self._column.text(value)

    def width_px(self, index: QModelIndex | QPersistentModelIndex) -> int:
        """Room for the value, its interval and air."""
        value, rest = self._texts(index)
        return QFontMetrics(font("body")).horizontalAdvance(f"{value} {rest}" if rest else value) + 2 * _PADDING_PX + 2

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The same, a row high."""
        return QSize(self.width_px(index), max(_ROW_PX, QFontMetrics(font("body")).height() + 10))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """The row's ground as the style paints it, then the texts."""
        self.initStyleOption(option, index)
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        value, rest = self._texts(index)
        colors = tokens()
        box: QRect = option.rect.adjusted(_PADDING_PX, 0, -_PADDING_PX, 0)
        painter.save()
        painter.setFont(font("body"))
        metrics = painter.fontMetrics()
        painter.setPen(QColor(_ink(colors, "muted" if value == UNKNOWN else index.data(TableRole.TONE))))
        if rest:
            rest_px = metrics.horizontalAdvance(f" {rest}")
            painter.drawText(box.adjusted(0, 0, -rest_px, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, value)
            painter.setPen(QColor(colors.muted))
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f" {rest}")
        else:
            shown = metrics.elidedText(value, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, option.displayAlignment, shown)
        painter.restore()


def _ink(colors: Tokens, tone: str) -> str:
    inks = {"met": colors.met, "broken": colors.broken, "caution": colors.caution, "muted": colors.muted}
    return inks.get(tone, colors.text)
