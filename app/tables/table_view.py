"""A table of records as the pages show it: rows to choose, headers that sort, columns as wide as what they hold."""

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from app.tables.column import TableRole
from app.tables.figure_delegate import FigureDelegate
from app.tables.raw_sort import RawSort
from app.tables.record_table import RecordTable
from app.typeface import font
from profiler.units import half_width_text

_ROW_PX = 32
_SCROLL_BAR_PX = 12
_HEADER_AIR_PX = 24  # padding, and most of the room of the sort arrow
_WIDEST_PX = 320
_ROWS_MEASURED = 200


class TableView(QTableView):
    """Rows of a `RecordTable`; the first column takes what the others leave. Ctrl+C copies the selected rows.

    Attributes:
        table: the records.

    Signals:
        chosen: other rows are selected now.
    """

    chosen = Signal()

    def __init__(self, table: RecordTable[Any], name: str, *, several: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = table
        self._sort = RawSort(self)
        self._sort.setSourceModel(table)
        self._delegates: list[FigureDelegate] = []
        self.setModel(self._sort)
        self.setAccessibleName(name)
        mode = QAbstractItemView.SelectionMode
        self.setSelectionMode(mode.ExtendedSelection if several else mode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        table.modelReset.connect(self._on_reset)
        table.dataChanged.connect(self.fit_columns)
        table.rowsInserted.connect(self.fit_columns)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self._on_reset()

    def search(self, text: str) -> None:
        """Show the rows that have all of these words only."""
        self._sort.search(text)

    @property
    def shown_count(self) -> int:
        """How many rows the search leaves."""
        return self._sort.rowCount()

    def selected_rows(self) -> list[int]:
        """The selected records' rows in the table, from the top of the view."""
        found = self.selectionModel().selectedRows()
        return [self._sort.mapToSource(index).row() for index in sorted(found, key=lambda index: index.row())]

    def current_row(self) -> int | None:
        """The row in the table that the keyboard is at."""
        index = self._sort.mapToSource(self.currentIndex())
        return index.row() if index.isValid() else None

    def height_of_rows(self, most: int) -> int:
        """Pixels for the header and the rows, but no more than `most` of them."""
        return self.horizontalHeader().sizeHint().height() + min(self._sort.rowCount(), most) * _ROW_PX + _SCROLL_BAR_PX

    def select_rows(self, rows: Iterable[int]) -> None:
        """Select these rows of the table, and bring the first one into view."""
        places = [self._sort.mapFromSource(self.table.index(row, 0)) for row in rows]
        places = [place for place in places if place.isValid()]
        selection = QItemSelection()
        for place in places:
            selection.select(place, place.siblingAtColumn(self._sort.columnCount() - 1))
        flags = QItemSelectionModel.SelectionFlag
        if places:
            self.selectionModel().setCurrentIndex(places[0], flags.NoUpdate)
            self.scrollTo(places[0])
        self.selectionModel().select(selection, flags.ClearAndSelect | flags.Rows)

    @Slot()
    def fit_columns(self) -> None:
        """Have every column hold its header and values; some are left out where there is no room, the first takes the rest."""
        metrics = QFontMetrics(font("label"))
        widths = []
        for number, column in enumerate(self.table.columns):
            widest = metrics.horizontalAdvance(column.title) + _HEADER_AIR_PX
            for row in range(min(self._sort.rowCount(), _ROWS_MEASURED)):
                widest = max(widest, self._delegates[number].width_px(self._sort.index(row, number)))
            widths.append(min(widest, _WIDEST_PX))
        folded: set[int] = set()
        for number in reversed(range(len(widths))):
            if self.table.columns[number].can_fold and sum(widths) > self.viewport().width():
                widths[number] = 0
                folded.add(number)
        if widths:
            widths[0] += max(0, self.viewport().width() - sum(widths))
        for number, width in enumerate(widths):
            self.setColumnHidden(number, number in folded)
            if number not in folded:
                self.setColumnWidth(number, width)

    @Slot()
    def _on_reset(self) -> None:
        self._delegates = [FigureDelegate(column, self) for column in self.table.columns]
        for number, delegate in enumerate(self._delegates):
            self.setItemDelegateForColumn(number, delegate)
        self.fit_columns()

    @Slot()
    def _on_selection_changed(self) -> None:
        self.chosen.emit()

    def _copied(self) -> str:
        """The selected rows with their headers, separated by tabs, each interval behind its value."""
        lines = ["\t".join(column.title for column in self.table.columns)]
        for row in self.selected_rows():
            texts = []
            for number in range(len(self.table.columns)):
                interval = self.table.index(row, number).data(TableRole.INTERVAL)
                raw = self.table.index(row, number).data(TableRole.RAW)
                rest = f" {half_width_text(raw, interval)}" if interval is not None and raw is not None else ""
                texts.append(self.table.text(row, number) + rest)
            lines.append("\t".join(texts))
        return "\n".join(lines)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the selected rows."""
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self._copied())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The first column takes what is left."""
        super().resizeEvent(event)
        self.fit_columns()
