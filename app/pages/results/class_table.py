"""The classes of a cell's requests beside each other: what one kind of request does to the others shows only apart."""

from collections.abc import Callable
from dataclasses import dataclass

from app.tables.column import Column, Raw
from app.tables.record_table import UNKNOWN, RecordTable
from app.tables.table_view import TableView
from profiler.analysis.figure_name import figure_value
from profiler.exchange.findings.session_view import CellView
from profiler.records.metric import BY_NAME
from profiler.records.run_record import Figures
from profiler.units import significant


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of requests in one cell."""

    name: str
    figures: Figures
    is_unstable: bool


class ClassTable(TableView):
    """A row for each class; hidden for a load of one."""

    def __init__(self) -> None:
        self.rows: RecordTable[ClassRow] = RecordTable(_COLUMNS)
        super().__init__(self.rows, "Classes of requests")
        self.hide()

    def show_cell(self, cell: CellView) -> None:
        """Show this cell's classes."""
        self.rows.show_records([ClassRow(name, figures, cell.is_unstable) for name, figures in cell.classes.items()])
        self.setVisible(bool(cell.classes))
        self.setFixedHeight(self.height_of_rows(len(cell.classes)))


def _pair(low: str, high: str, *, is_from_due: bool = False) -> Callable[[ClassRow], Raw]:
    def raw(row: ClassRow) -> Raw:
        values = [figure_value(row.figures, name) for name in (low, high)]
        if is_from_due and row.is_unstable:
            return "▲ unstable"
        if all(value is None for value in values):
            return None
        return " · ".join(UNKNOWN if value is None else significant(value) for value in values)

    return raw


def _single(name: str) -> Callable[[ClassRow], Raw]:
    return lambda row: figure_value(row.figures, name)


def _figure(raw: Raw) -> str:
    return significant(raw) if isinstance(raw, int | float) else str(raw)


_COLUMNS: tuple[Column[ClassRow], ...] = (
    Column("Class", "Requests of one kind", lambda row: row.name),
    Column(
        "First token ms",
        f"p50 · p95 of {BY_NAME['ttft_ms'].term}",
        _pair("ttft_ms.p50", "ttft_ms.p95", is_from_due=True),
        is_figure=True,
    ),
    Column(
        "Between ms",
        "p95 · longest gap between tokens (the longest freeze)",
        _pair("itl_ms.p95", "itl_ms.max"),
        is_figure=True,
    ),
    Column("tok/s", f"Each answer's: {BY_NAME['user_tok_s'].term}", _single("user_tok_s"), _figure, is_figure=True),
    Column("Good %", BY_NAME["attainment"].term, _single("attainment"), _figure, is_figure=True, can_fold=True),
)
