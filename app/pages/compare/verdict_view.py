"""The table of verdicts: shifts drawn as bars, copied with their intervals, a menu for the whole of it."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from app.pages.compare.copied import as_text
from app.pages.compare.shift_delegate import ShiftDelegate, ShiftScale
from app.pages.compare.verdict_columns import SHIFT_TITLE, VerdictRow
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView

_LEAST_NAME_PX = 120


class VerdictView(TableView):
    """Rows of verdicts. Ctrl+C copies the selected ones.

    Args:
        table: the rows.
        actions: of its context menu.
    """

    def __init__(self, table: RecordTable[VerdictRow], actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(table, "Verdicts", several=True, parent=parent)
        self._names: tuple[str, ...] = ()
        self._scale = ShiftScale()
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.addActions(actions)

    def show_scale(self, names: tuple[str, ...], scale: ShiftScale) -> None:
        """Have bars drawn on this scale; copied rows name these sides."""
        self._names, self._scale = names, scale
        for delegate in self._delegates:
            if isinstance(delegate, ShiftDelegate):
                delegate.scale = scale
        self.viewport().update()

    def shown_records(self) -> list[VerdictRow]:
        """The rows in the order that they are shown in."""
        return [self.table.record(self._sort.mapToSource(self._sort.index(row, 0)).row()) for row in range(self._sort.rowCount())]

    @Slot()
    def fit_columns(self) -> None:
        """Where there is no room even so, the cells' names give way: their tooltips tell them in full."""
        super().fit_columns()
        excess_px = self.horizontalHeader().length() - self.viewport().width()
        if excess_px > 0 and self.table.columns:
            self.setColumnWidth(0, max(_LEAST_NAME_PX, self.columnWidth(0) - excess_px))

    @Slot()
    def _on_reset(self) -> None:
        super()._on_reset()
        for number, column in enumerate(self.table.columns):
            if column.title == SHIFT_TITLE:
                delegate = ShiftDelegate(column, self)
                delegate.scale = getattr(self, "_scale", delegate.scale)  # the base class calls this before there is one
                self._delegates[number] = delegate
                self.setItemDelegateForColumn(number, delegate)
        self.fit_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the selected rows."""
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = [self.table.record(row) for row in self.selected_rows()]
            QGuiApplication.clipboard().setText(as_text(rows, self._names))
        else:
            super().keyPressEvent(event)
