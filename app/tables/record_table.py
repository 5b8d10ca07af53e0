"""An item model of records: a row for each, a column for each thing to be told of it."""

from collections.abc import Sequence
from typing import Any, Generic

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.tables.column import Column, Record, TableRole
from app.widgets.plain_tip import plain_tip

UNKNOWN = "–"

_FIGURE_ALIGNMENT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_TEXT_ALIGNMENT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_NOWHERE = QModelIndex()


class RecordTable(QAbstractTableModel, Generic[Record]):
    """Raw values in roles; delegates format them, screen readers get them formatted."""

    def __init__(self, columns: Sequence[Column[Record]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._records: list[Record] = []

    @property
    def columns(self) -> tuple[Column[Record], ...]:
        """What is told of each record."""
        return self._columns

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them, in the order of the rows."""
        return tuple(self._records)

    def record(self, row: int) -> Record:
        """The record of a row."""
        return self._records[row]

    def show_records(self, records: Sequence[Record], columns: Sequence[Column[Record]] | None = None) -> None:
        """Show these instead, perhaps by other columns; rows that stay where they are stay selected."""
        if (columns is not None and tuple(columns) != self._columns) or len(records) != len(self._records):
            self.beginResetModel()
            self._columns = tuple(columns or self._columns)
            self._records = list(records)
            self.endResetModel()
            return
        self._records = list(records)
        if self._records:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._records) - 1, len(self._columns) - 1))

    def add(self, record: Record) -> int:
        """Put a record at the end; returns its row."""
        row = len(self._records)
        self.beginInsertRows(_NOWHERE, row, row)
        self._records.append(record)
        self.endInsertRows()
        return row

    def replace(self, row: int, record: Record) -> None:
        """Show another record in a row."""
        self._records[row] = record
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(self._columns) - 1))

    def text(self, row: int, column: int) -> str:
        """What is told there, without the interval."""
        described = self._columns[column]
        raw = described.raw(self._records[row])
        return UNKNOWN if raw is None else described.text(raw)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        """A row for each record."""
        return 0 if parent.isValid() else len(self._records)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = _NOWHERE) -> int:
        """The columns' number."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's value by role."""
        if not index.isValid():
            return None
        column, record = self._columns[index.column()], self._records[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | TableRole.RAW:
                return column.raw(record)
            case TableRole.INTERVAL:
                return column.interval(record)
            case TableRole.TONE:
                return column.tone(record)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _FIGURE_ALIGNMENT if column.is_figure else _TEXT_ALIGNMENT
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(column.tip(record)) or None
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{column.title}: {self.text(index.row(), index.column())}"
            case Qt.ItemDataRole.AccessibleDescriptionRole:
                return column.tip(record)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles with their terms as tooltips."""
        if orientation == Qt.Orientation.Vertical or not 0 <= section < len(self._columns):
            return None
        column = self._columns[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.title
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleDescriptionRole:
                return column.term
            case Qt.ItemDataRole.TextAlignmentRole:
                return _FIGURE_ALIGNMENT if column.is_figure else _TEXT_ALIGNMENT
        return None
