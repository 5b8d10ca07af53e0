"""Which cells of a session are chosen: one choice for the table, the charts and the cards."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal, Slot

from app.pages.results.distribution_card import MOST_SERIES
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from profiler.exchange.findings.answer import most_output
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.policy_comparison import compared_cells
from profiler.exchange.findings.session_view import CellView, SessionView


class CellSelection(QObject):
    """The choice. The table's selected rows hold it, so that there is no second one to differ from them.

    Signals:
        changed: other cells are chosen now.
    """

    changed = Signal()

    def __init__(self, table: RecordTable[CellView], view: TableView) -> None:
        super().__init__(view)
        self._table, self._view = table, view
        view.chosen.connect(self._on_chosen)

    @property
    def cells(self) -> list[CellView]:
        """Those chosen, from the top of the table."""
        return [self._table.record(row) for row in self._view.selected_rows()]

    @property
    def ids(self) -> tuple[int, ...]:
        """Their ids."""
        return tuple(cell.cell_id for cell in self.cells)

    @property
    def current(self) -> CellView | None:
        """The one that the cards tell about: where the keyboard is, else the first chosen; None when none is chosen."""
        rows, row = self._view.selected_rows(), self._view.current_row()
        shown = row if row in rows else rows[0] if rows else None
        return None if shown is None else self._table.record(shown)

    def choose(self, cell_ids: Iterable[int]) -> None:
        """Choose these instead; ids that the table has not are left out."""
        rows = {cell.cell_id: row for row, cell in enumerate(self._table.records)}
        self._view.select_rows([rows[cell_id] for cell_id in cell_ids if cell_id in rows])

    def toggle(self, cell_id: int) -> None:
        """Choose this one beside the others, or leave it out again."""
        before = self.ids
        left = tuple(each for each in before if each != cell_id)
        self.choose(left if cell_id in before else (cell_id, *before))

    @Slot()
    def _on_chosen(self) -> None:
        self.changed.emit()


def worth_a_look(view: SessionView) -> Sequence[int]:
    """The cells that are chosen first: those that the answer is about, else the one with most output."""
    if view.search is not None and view.search.confirmed_ids:
        known = {cell.cell_id for cell in view.cells}
        return [cell_id for cell_id in view.search.confirmed_ids if cell_id in known][:MOST_SERIES]
    if compared := compared_cells(view):
        # Of a mix the extremes: each cell has a curve for each of its classes.
        shown = (compared[0], compared[-1]) if compared[0].classes else compared
        return [cell.cell_id for cell in shown]
    if view.need_users is not None:
        served = [cell for cell in view.measured if cell.users == view.need_users]
        if served:
            return [cell.cell_id for cell in served[:MOST_SERIES]]
    best = most_output([cell for cell in view.measured if cell.verdict is Verdict.MET]) or most_output(view.measured)
    if best is not None:
        return [best.cell_id]
    return [cell.cell_id for cell in view.cells[:1]]
