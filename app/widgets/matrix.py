"""The sweep as a matrix of cells that colours in as they finish: hatched to come, ringed while running, ✕ where it failed."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.tokens import Tokens, contrast, mixed, tokens
from app.typeface import font
from app.widgets.surface import hatching

_GAP_PX = 4
_ROW_PX = 28
_HEAD_PX = 22
_LEAST_CELL_PX = 32
_MOST_CELL_PX = 72
_FLAG_PX = 7
_MOST_LABEL_PX = 190
_SLOWEST_SHARE = 0.30
"""How much accent the lowest figure gets, so that it still differs from an empty cell."""

_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class MatrixState(StrEnum):
    """How far a cell of the matrix is."""

    PENDING = "to come"
    RUNNING = "running"
    PARTIAL = "partly measured"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """What one cell shows.

    Attributes:
        figure: in the cell, short; empty when there is none.
        share: where the figure lies between the lowest (0) and the highest (1) of the sweep; None when there is no figure.
        sentence: for the tooltip and the screen reader, with unit or reason.
        is_flagged: something casts doubt on the figure; the sentence tells what.
    """

    state: MatrixState = MatrixState.PENDING
    figure: str = ""
    share: float | None = None
    sentence: str = ""
    is_flagged: bool = False


class Matrix(QWidget):
    """Rows and columns of cells; the arrow keys move among them, Return and a click choose one.

    Signals:
        current_changed: row and column that the keyboard or a click went to.
        activated: row and column that were chosen.
    """

    current_changed = Signal(int, int)
    activated = Signal(int, int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = ()
        self._column_title = ""
        self._cells: dict[tuple[int, int], MatrixCell] = {}
        self._current = (0, 0)
        self.setFont(font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    @property
    def current(self) -> tuple[int, int]:
        """Row and column that the keyboard is at."""
        return self._current

    def set_shape(
        self, rows: tuple[str, ...], columns: tuple[str, ...], column_title: str = "", *, current: tuple[int, int] = (0, 0)
    ) -> None:
        """Start over with these labels and no cells, the keyboard at `current`; a place without a cell stays blank."""
        self._rows, self._columns, self._column_title = rows, columns, column_title
        self._cells.clear()
        self._current = current
        self.updateGeometry()
        self.update()

    def cell(self, row: int, column: int) -> MatrixCell | None:
        """What is shown there."""
        return self._cells.get((row, column))

    def set_cell(self, row: int, column: int, cell: MatrixCell) -> None:
        """Show `cell` there; only that place is repainted."""
        if self._cells.get((row, column)) != cell:
            self._cells[row, column] = cell
            self.update(self._cell_rect(row, column).adjusted(-3, -3, 3, 3))
            if (row, column) == self._current:
                self.setAccessibleDescription(self.told(row, column))

    def told(self, row: int, column: int) -> str:
        """A cell in words: where it is, its state, its figure or reason."""
        cell = self._cells.get((row, column))
        if cell is None:
            return ""
        place = ", ".join(filter(None, (self._rows[row], f"{self._column_title} {self._columns[column]}".strip())))
        return f"{place}: {cell.state.value}" + (f". {cell.sentence}" if cell.sentence else "")

    def _label_px(self) -> int:
        metrics = self.fontMetrics()
        longest_px = max(metrics.horizontalAdvance(text) for text in (self._column_title, *self._rows))
        return min(_MOST_LABEL_PX, longest_px + 12)

    def _cell_px(self) -> int:
        columns = max(1, len(self._columns))
        return max(_LEAST_CELL_PX, min(_MOST_CELL_PX, (self.width() - self._label_px()) // columns - _GAP_PX))

    def _cell_rect(self, row: int, column: int) -> QRect:
        width = self._cell_px()
        return QRect(self._label_px() + column * (width + _GAP_PX), _HEAD_PX + row * (_ROW_PX + _GAP_PX), width, _ROW_PX)

    def center_of(self, row: int, column: int) -> QPoint:
        """The middle of a place."""
        return self._cell_rect(row, column).center()

    def _cell_at(self, point: QPoint) -> tuple[int, int] | None:
        return next((place for place in self._cells if self._cell_rect(*place).contains(point)), None)

    def _go_to(self, place: tuple[int, int]) -> None:
        if place != self._current:
            self._current = place
            self.setAccessibleDescription(self.told(*place))
            self.update()
            self.current_changed.emit(*place)

    def sizeHint(self) -> QSize:
        """Room for every label and a comfortable cell."""
        return self._size(_MOST_CELL_PX)

    def minimumSizeHint(self) -> QSize:
        """Room for the narrowest cells that still hold a figure."""
        return self._size(_LEAST_CELL_PX)

    def _size(self, cell_px: int) -> QSize:
        return QSize(
            self._label_px() + len(self._columns) * (cell_px + _GAP_PX), _HEAD_PX + len(self._rows) * (_ROW_PX + _GAP_PX) + 2
        )

    def event(self, event: QEvent) -> bool:
        """The tooltip of the cell under the pointer, or of a row's label that had to be cut."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._cell_at(event.pos())
            row = (event.pos().y() - _HEAD_PX) // (_ROW_PX + _GAP_PX)
            if place is not None:
                QToolTip.showText(event.globalPos(), self.told(*place), self)
            elif event.pos().x() < self._label_px() and 0 <= row < len(self._rows):
                QToolTip.showText(event.globalPos(), self._rows[row], self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Home and End go to a row's ends, Return chooses."""
        key = Qt.Key(event.key())
        row, column = self._current
        if key in _ARROWS:
            down, right = _ARROWS[key]
            row, column = row + down, column + right
        elif key == Qt.Key.Key_Home:
            column = 0
        elif key == Qt.Key.Key_End:
            column = len(self._columns) - 1
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current in self._cells:
            self.activated.emit(*self._current)
            return
        else:
            super().keyPressEvent(event)
            return
        if 0 <= row < len(self._rows) and 0 <= column < len(self._columns):
            self._go_to((row, column))
            QToolTip.showText(self.mapToGlobal(self._cell_rect(row, column).bottomLeft()), self.told(row, column), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click chooses the cell."""
        place = self._cell_at(event.position().toPoint())
        if place is not None:
            self._go_to(place)
            self.activated.emit(*place)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint labels and those cells that need it."""
        colors = tokens()
        painter = QPainter(self)
        painter.setFont(self.font())
        self._paint_labels(painter, colors)
        for (row, column), cell in self._cells.items():
            rect = self._cell_rect(row, column)
            if event.rect().intersects(rect.adjusted(-3, -3, 3, 3)):
                self._paint_cell(painter, colors, rect, cell)
        if self.hasFocus() and self._current in self._cells:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.text), 1, Qt.PenStyle.DashLine))
            painter.drawRect(self._cell_rect(*self._current).adjusted(-2, -2, 1, 1))
        painter.end()

    def _paint_labels(self, painter: QPainter, colors: Tokens) -> None:
        label_px = self._label_px()
        metrics = painter.fontMetrics()
        painter.setPen(QColor(colors.muted))
        center = Qt.AlignmentFlag.AlignCenter
        for column, text in enumerate(self._columns):
            rect = self._cell_rect(0, column)
            painter.drawText(QRect(rect.left(), 0, rect.width(), _HEAD_PX - 4), center, text)
        title = metrics.elidedText(self._column_title, Qt.TextElideMode.ElideRight, label_px - 10)
        painter.drawText(
            QRect(0, 0, label_px - 8, _HEAD_PX - 4), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, title
        )
        painter.setPen(QColor(colors.text))
        for row, text in enumerate(self._rows):
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, label_px - 8)
            painter.drawText(
                QRect(0, _HEAD_PX + row * (_ROW_PX + _GAP_PX), label_px - 8, _ROW_PX), Qt.AlignmentFlag.AlignVCenter, shown
            )

    def _paint_cell(self, painter: QPainter, colors: Tokens, rect: QRect, cell: MatrixCell) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        letters = colors.text
        if cell.state is MatrixState.FAILED:
            painter.setBrush(mixed(colors.surface, colors.broken, 0.16))
            letters = colors.broken
        elif cell.share is None:
            painter.setBrush(hatching(colors))
        else:
            fill = mixed(colors.surface, colors.accent, _SLOWEST_SHARE + (1 - _SLOWEST_SHARE) * cell.share)
            painter.setBrush(fill)
            letters = max(("#ffffff", "#0c1118"), key=lambda candidate: contrast(candidate, fill.name()))
        area = QRectF(rect)
        painter.drawRoundedRect(area, 3, 3)
        if cell.state is MatrixState.RUNNING:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.accent if cell.share is None else colors.text), 2))
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QColor(letters))
        text = {MatrixState.FAILED: "✕", MatrixState.PARTIAL: f"{cell.figure} …".strip()}.get(cell.state, cell.figure)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        if cell.is_flagged:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(letters))
            x, y = area.right() - 2, area.top() + 2
            corners = [QPointF(x - _FLAG_PX / 2, y), QPointF(x, y + _FLAG_PX - 1), QPointF(x - _FLAG_PX, y + _FLAG_PX - 1)]
            painter.drawConvexPolygon(QPolygonF(corners))
