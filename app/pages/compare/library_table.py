"""The table of the library: groups keep together whatever it is sorted by, and headings cannot be chosen."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QWidget

from app.pages.compare.library_columns import LIBRARY_COLUMNS, LibraryEntry
from app.tables.raw_sort import Index, RawSort
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from profiler.exchange.run_library import LibraryRow


class GroupedTable(RecordTable[LibraryEntry]):
    """The entries of the library."""

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A heading is only read."""
        found = super().flags(index)
        is_heading = index.isValid() and self.record(index.row()).row is None
        return found & ~Qt.ItemFlag.ItemIsSelectable if is_heading else found


class GroupedSort(RawSort):
    """Sorts within groups; a heading stays where one of its sessions does."""

    def lessThan(self, source_left: Index, source_right: Index) -> bool:
        """The group first, its heading before its sessions, then the raw values; groups never change places."""
        table = self.sourceModel()
        assert isinstance(table, GroupedTable)
        left, right = table.record(source_left.row()), table.record(source_right.row())
        is_ascending = self.sortOrder() == Qt.SortOrder.AscendingOrder
        if left.group != right.group:
            return (left.group.casefold() < right.group.casefold()) == is_ascending
        if (left.row is None) != (right.row is None):
            return (left.row is None) == is_ascending
        return super().lessThan(source_left, source_right)

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """By the searched words; a heading with any session of its group."""
        table = self.sourceModel()
        assert isinstance(table, GroupedTable)
        heading = table.record(source_row)
        if heading.row is not None:
            return super().filterAcceptsRow(source_row, source_parent)
        members = range(source_row + 1, source_row + 1 + heading.count)  # they follow it in the source
        return any(super(GroupedSort, self).filterAcceptsRow(member, source_parent) for member in members)


class LibraryView(TableView):
    """Sessions to choose one or several of."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.entries = GroupedTable(LIBRARY_COLUMNS)
        super().__init__(self.entries, "Sessions", several=True, parent=parent)
        self._sort = GroupedSort(self)
        self._sort.setSourceModel(self.entries)
        self.setModel(self._sort)
        self.selectionModel().selectionChanged.connect(self._on_other_selection)
        self.fit_columns()

    @Slot()
    def _on_other_selection(self) -> None:
        self.chosen.emit()

    @property
    def shown_sessions(self) -> list[LibraryRow]:
        """The sessions in sight, in the order that they are shown in."""
        numbers = (self._sort.mapToSource(self._sort.index(row, 0)).row() for row in range(self._sort.rowCount()))
        return [row for number in numbers if (row := self.entries.record(number).row) is not None]

    @property
    def chosen_sessions(self) -> list[LibraryRow]:
        """The selected sessions, from the top of the view."""
        return [row for number in self.selected_rows() if (row := self.entries.record(number).row) is not None]
