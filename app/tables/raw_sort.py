"""Sorts a table by raw values and keeps the rows that a search asks for."""

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt

from app.tables.column import TableRole

Index = QModelIndex | QPersistentModelIndex


class RawSort(QSortFilterProxyModel):
    """Numbers by size, words without regard to case, what is not known last in either direction.

    A row is kept when every searched word occurs in one of its texts. The table's own order returns with the third click on a
    header.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._searched: tuple[str, ...] = ()
        self.setDynamicSortFilter(True)

    def search(self, text: str) -> None:
        """Keep the rows with all of these words."""
        self.beginFilterChange()
        self._searched = tuple(text.casefold().split())
        self.endFilterChange()

    def lessThan(self, source_left: Index, source_right: Index) -> bool:
        """By the raw values."""
        left, right = source_left.data(TableRole.RAW), source_right.data(TableRole.RAW)
        if left is None or right is None:
            is_ascending = self.sortOrder() == Qt.SortOrder.AscendingOrder
            return (left is not None) == is_ascending and (left is None) != (right is None)
        if isinstance(left, str) or isinstance(right, str):
            return str(left).casefold() < str(right).casefold()
        return bool(left < right)

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """By the searched words."""
        if not self._searched:
            return True
        source = self.sourceModel()
        texts = [
            str(source.index(source_row, column, source_parent).data(Qt.ItemDataRole.AccessibleTextRole) or "").casefold()
            for column in range(source.columnCount(source_parent))
        ]
        return all(any(word in text for text in texts) for word in self._searched)
