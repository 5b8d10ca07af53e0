"""The table of the library: groups keep together whatever it is sorted by, and headings cannot be chosen."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QWidget

from app.pages.compare.library_columns import LIBRARY_COLUMNS, LibraryEntry
from app.tables.column import Column
from app.tables.raw_sort import Index, RawSort
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from profiler.exchange.run_library import LibraryRow
from profiler.session.labels import tags_text


class GroupedTable(RecordTable[LibraryEntry]):
    """The entries of the library."""

    def __init__(self, columns: Sequence[Column[LibraryEntry]]) -> None:
        super().__init__(columns)
        self._searched: list[str] = []

    def show_records(self, records: Sequence[LibraryEntry], columns: Sequence[Column[LibraryEntry]] | None = None) -> None:
        """Show these instead."""
        self._searched = [_searched_text(entry) for entry in records]  # once: a search asks for all with every letter
        super().show_records(records, columns)

    def has_words(self, row: int, words: Sequence[str]) -> bool:
        """Whether all of these (in small letters) occur in what is told of a session."""
        text = self._searched[row]
        return all(word in text for word in words)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A heading is only read."""
        found = super().flags(index)
        is_heading = index.isValid() and self.record(index.row()).row is None
        return found & ~Qt.ItemFlag.ItemIsSelectable if is_heading else found


def _searched_text(entry: LibraryEntry) -> str:
    row = entry.row
    if row is None:
        return ""
    told = (row.name, row.path.stem, row.machine, *row.models, tags_text(row.tags), row.notes, row.state)
    return "\n".join(told).casefold()


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
        entry = table.record(source_row)
        if entry.row is not None:
            return table.has_words(source_row, self._searched)
        members = range(source_row + 1, source_row + 1 + entry.count)  # they follow it in the source
        return any(table.has_words(member, self._searched) for member in members)


class LibraryView(TableView):
    """Sessions to choose one or several of."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.entries = GroupedTable(LIBRARY_COLUMNS)
        super().__init__(self.entries, "Sessions", several=True, parent=parent)
        self._sort = GroupedSort(self)
        self._sort.setSourceModel(self.entries)
        self.setModel(self._sort)
        self.selectionModel().selectionChanged.connect(self._on_other_selection)
        self.horizontalHeader().sortIndicatorChanged.connect(self.span_headings)
        self.fit_columns()

    @Slot()
    def span_headings(self) -> None:
        """Have headings take the whole row, wherever sorting and searching put them."""
        self.clearSpans()
        for row in range(self._sort.rowCount()):
            if self.entries.record(self._sort.mapToSource(self._sort.index(row, 0)).row()).row is None:
                self.setSpan(row, 0, 1, self._sort.columnCount())

    def search(self, text: str) -> None:
        """Show the sessions that have all of these words, below their headings."""
        super().search(text)
        self.span_headings()

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
