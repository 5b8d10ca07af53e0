"""A heatmap: one figure over two axes, its value written in each place, hatched where it is to be taken with care.

The scale is one hue from pale to full, so that it reads the same with any colour vision and in grey; what is hatched is told by
its pattern and by a mark in the text, not by colour.
"""

from collections.abc import Iterable, Iterator

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.tokens import Tokens, contrast, mixed, tokens
from app.typeface import font
from profiler.exchange.findings.heatmap import BROKEN_WORDS, FAILED_WORDS, FEW_WORDS, HeatCell, Heatmap

_GAP_PX = 3
_ROW_PX = 32
_LINE_PX = 18
_LEAST_CELL_PX = 16
_MOST_CELL_PX = 150
_MOST_LABEL_PX = 190
_SCALE_PX = 120
_SWATCH_PX = 22
_AIR_PX = 8
_PALEST = 0.10
_INKS = ("#ffffff", "#0c1118")
_HATCH_ALPHA = 120
_FAILED, _BROKEN, _FEW = Qt.BrushStyle.DiagCrossPattern, Qt.BrushStyle.BDiagPattern, Qt.BrushStyle.Dense6Pattern
_MIDDLE = Qt.AlignmentFlag.AlignCenter
_AT_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
_EMPTY = Heatmap("", "", "", "", (), (), ())


class HeatmapPlot(QWidget):
    """The places with their labels and the scale. Arrow keys move among them, Return or a click choose a cell.

    Signals:
        cell_chosen: the id of a chosen cell.
    """

    cell_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._map = _EMPTY
        self._cells: dict[tuple[int, int], HeatCell] = {}
        self._selected: frozenset[int] = frozenset()
        self._current = (0, 0)
        self.setFont(font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Heatmap")

    @property
    def shown(self) -> Heatmap:
        """What is shown."""
        return self._map

    def show_map(self, shown: Heatmap) -> None:
        """Show this map; the keyboard stays where it is while there is such a place."""
        self._map = shown
        self._cells = {(cell.row, cell.column): cell for cell in shown.cells}
        if self._current not in self._cells:
            self._current = min(self._cells, default=(0, 0))
        self.setAccessibleName(f"Heatmap of {shown.title}")
        self._describe()
        self.updateGeometry()
        self.update()

    def select(self, cell_ids: Iterable[int]) -> None:
        """Frame these cells; the keyboard goes to the first of them."""
        self._selected = frozenset(cell_ids)
        chosen = [place for place, cell in self._cells.items() if cell.cell_id in self._selected]
        if chosen and self._current not in chosen:
            self._current = chosen[0]
            self._describe()
        self.update()

    def told(self, row: int, column: int) -> str:
        """A place in words."""
        cell = self._cells.get((row, column))
        return cell.words if cell is not None else "No such cell in this sweep"

    def _describe(self) -> None:
        self.setAccessibleDescription(self.told(*self._current) if self._cells else "")

    def _label_px(self) -> float:
        metrics = QFontMetricsF(self.font())
        titles = (f"{self._map.row_title} ↓", *self._map.rows)
        return min(_MOST_LABEL_PX, max((metrics.horizontalAdvance(text) for text in titles), default=0.0) + 12)

    def _cell_px(self) -> float:
        room = (self.width() - self._label_px()) / max(1, len(self._map.columns)) - _GAP_PX
        return max(_LEAST_CELL_PX, min(_MOST_CELL_PX, room))

    def place_of(self, row: int, column: int) -> QRectF:
        """Where a place is painted."""
        width = self._cell_px()
        return QRectF(self._label_px() + column * (width + _GAP_PX), 2 * _LINE_PX + row * (_ROW_PX + _GAP_PX), width, _ROW_PX)

    def _cell_at(self, point: QPoint) -> tuple[int, int] | None:
        return next((place for place in self._cells if self.place_of(*place).contains(point)), None)

    def sizeHint(self) -> QSize:
        """As high as its rows and its scale need."""
        rows = len(self._map.rows) * (_ROW_PX + _GAP_PX)
        return QSize(480, 2 * _LINE_PX + rows + _AIR_PX + (_LINE_PX + 4) * (1 + (len(self._key_words()) > 1)))

    def minimumSizeHint(self) -> QSize:
        """Places grow narrow first."""
        return QSize(260, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """The tooltip of the place under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._cell_at(event.pos())
            if place is not None:
                QToolTip.showText(event.globalPos(), self.told(*place), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Home and End go to a row's ends, Return or Space choose."""
        key = Qt.Key(event.key())
        row, column = self._current
        if key in _ARROWS:
            down, right = _ARROWS[key]
            row, column = row + down, column + right
        elif key == Qt.Key.Key_Home:
            column = 0
        elif key == Qt.Key.Key_End:
            column = len(self._map.columns) - 1
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current in self._cells:
            self.cell_chosen.emit(self._cells[self._current].cell_id)
            return
        else:
            super().keyPressEvent(event)
            return
        if 0 <= row < len(self._map.rows) and 0 <= column < len(self._map.columns):
            self._current = (row, column)
            self._describe()
            self.update()
            corner = self.place_of(row, column).bottomLeft().toPoint()
            QToolTip.showText(self.mapToGlobal(corner), self.told(row, column), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click chooses the cell."""
        place = self._cell_at(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and place is not None:
            self._current = place
            self._describe()
            self.cell_chosen.emit(self._cells[place].cell_id)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The keyboard's place is framed."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """No longer."""
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Labels, places, frames, scale."""
        colors = tokens()
        painter = QPainter(self)
        painter.setFont(self.font())
        self._paint_labels(painter, colors)
        for place, cell in self._cells.items():
            self._paint_cell(painter, colors, self.place_of(*place), cell)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.text), 1, Qt.PenStyle.DashLine))
            painter.drawRect(self.place_of(*self._current).adjusted(-1.5, -1.5, 0.5, 0.5))
        self._paint_key(painter, colors)
        painter.end()

    def _paint_labels(self, painter: QPainter, colors: Tokens) -> None:
        metrics = QFontMetricsF(self.font())
        elide = Qt.TextElideMode.ElideRight
        label_px, width = self._label_px(), self._cell_px()
        across = QRectF(label_px, 0, max(0.0, self.width() - label_px), _LINE_PX)
        painter.setPen(QColor(colors.muted))
        painter.drawText(across, _AT_LEFT, metrics.elidedText(f"{self._map.column_title} →", elide, across.width()))
        title = metrics.elidedText(f"{self._map.row_title} ↓", elide, label_px - 4)
        painter.drawText(QRectF(0, _LINE_PX, label_px - 4, _LINE_PX), _AT_LEFT, title)
        painter.setPen(QColor(colors.text))
        for column, text in enumerate(self._map.columns):
            left = self.place_of(0, column).left()
            painter.drawText(QRectF(left, _LINE_PX, width, _LINE_PX), _MIDDLE, metrics.elidedText(text, elide, width))
        for row, text in enumerate(self._map.rows):
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, label_px - 8)
            painter.drawText(QRectF(0, self.place_of(row, 0).top(), label_px - 8, _ROW_PX), _AT_LEFT, shown)

    def _paint_cell(self, painter: QPainter, colors: Tokens, rect: QRectF, cell: HeatCell) -> None:
        ground = heat_color(colors, cell.share)
        ink = QColor(max(_INKS, key=lambda candidate: contrast(candidate, ground.name())))
        painter.fillRect(rect, ground)
        for pattern in _patterns(cell):
            painter.fillRect(rect, _hatch(ink, pattern))
        metrics = QFontMetricsF(self.font())
        width = metrics.horizontalAdvance(cell.text) + 8
        if width <= rect.width():
            painter.fillRect(QRectF(rect.center().x() - width / 2, rect.center().y() - 9, width, 18), ground)
            painter.setPen(ink if cell.share is not None else QColor(colors.broken if cell.is_failed else colors.muted))
            painter.drawText(rect, _MIDDLE, cell.text)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        is_selected = cell.cell_id in self._selected
        painter.setPen(QPen(QColor(colors.text if is_selected else colors.line), 2 if is_selected else 1))
        painter.drawRect(rect.adjusted(1, 1, -1, -1) if is_selected else rect.adjusted(0.5, 0.5, -0.5, -0.5))

    def _key_words(self) -> list[tuple[Qt.BrushStyle, str]]:
        """The patterns that some place has, with what they mean."""
        cells = self._map.cells
        return [
            (pattern, words)
            for pattern, words, is_there in (
                (_FAILED, FAILED_WORDS, any(cell.is_failed for cell in cells)),
                (_BROKEN, f"✕ {BROKEN_WORDS}", any(cell.is_broken for cell in cells)),
                (_FEW, f"( ) {FEW_WORDS}", any(cell.is_few for cell in cells)),
            )
            if is_there
        ]

    def _key_places(self, left: float, top: float) -> Iterator[tuple[QRectF, Qt.BrushStyle, str]]:
        metrics = QFontMetricsF(self.font())
        x, y = left, top
        for pattern, words in self._key_words():
            across = _SWATCH_PX + 4 + metrics.horizontalAdvance(words)
            if x + across > self.width() and x > 0:
                x, y = 0.0, y + _LINE_PX + 4
            yield QRectF(x, y + 2, _SWATCH_PX, _LINE_PX - 4), pattern, words
            x += across + 16

    def _paint_key(self, painter: QPainter, colors: Tokens) -> None:
        """The scale from the lowest to the highest value, and what the patterns mean."""
        metrics = QFontMetricsF(self.font())
        top, x = 2 * _LINE_PX + len(self._map.rows) * (_ROW_PX + _GAP_PX) + _AIR_PX, 0.0
        painter.setPen(QColor(colors.muted))
        if self._map.low:
            low, high = self._map.low, self._map.high + (f" · {self._map.better}" if self._map.better else "")
            painter.drawText(QRectF(0, top, metrics.horizontalAdvance(low) + 2, _LINE_PX), _AT_LEFT, low)
            bar = QRectF(metrics.horizontalAdvance(low) + _AIR_PX, top + 3, _SCALE_PX, _LINE_PX - 6)
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            gradient.setColorAt(0, heat_color(colors, 0.0))
            gradient.setColorAt(1, heat_color(colors, 1.0))
            painter.fillRect(bar, QBrush(gradient))
            painter.setPen(QColor(colors.line))
            painter.drawRect(bar)
            painter.setPen(QColor(colors.muted))
            x = bar.right() + _AIR_PX
            painter.drawText(QRectF(x, top, metrics.horizontalAdvance(high) + 2, _LINE_PX), _AT_LEFT, high)
            x += metrics.horizontalAdvance(high) + 20
        for rect, pattern, words in self._key_places(x, top):
            painter.fillRect(rect, QColor(colors.surface))
            painter.fillRect(rect, _hatch(QColor(colors.text), pattern))
            painter.setPen(QColor(colors.line))
            painter.drawRect(rect)
            painter.setPen(QColor(colors.muted))
            place = QRectF(rect.right() + 4, rect.top() - 2, metrics.horizontalAdvance(words) + 2, _LINE_PX)
            painter.drawText(place, _AT_LEFT, words)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()


def heat_color(colors: Tokens, share: float | None) -> QColor:
    """The scale's colour at a share; the surface's own where there is no value."""
    if share is None:
        return QColor(colors.surface)
    return mixed(colors.surface, colors.accent, _PALEST + (1 - _PALEST) * share)


def _patterns(cell: HeatCell) -> list[Qt.BrushStyle]:
    told = ((_FAILED, cell.is_failed), (_BROKEN, cell.is_broken and not cell.is_failed), (_FEW, cell.is_few))
    return [pattern for pattern, is_there in told if is_there]


def _hatch(ink: QColor, pattern: Qt.BrushStyle) -> QBrush:
    color = QColor(ink)
    color.setAlpha(_HATCH_ALPHA)
    return QBrush(color, pattern)
