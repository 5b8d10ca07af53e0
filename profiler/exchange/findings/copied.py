"""A figure's data as a table to paste elsewhere: tab-separated with all digits, or Markdown with the digits that are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.exchange.csv_export import inert
from profiler.exchange.markdown_export import escaped
from profiler.units import significant

CopiedValue = str | int | float | bool | None
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """What a figure shows, as rows.

    Attributes:
        title: of the figure, with what is said beside it.
        columns: their titles, with units.
        rows: a value for each column; None is what was not measured.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[CopiedValue, ...], ...]


def tab_separated(table: CopiedTable) -> str:
    """Header and rows with tabs between, as a spreadsheet takes them; what was not measured is empty."""
    lines = [table.columns, *([_raw(value) for value in row] for row in table.rows)]
    return "\n".join("\t".join(" ".join(text.split()) for text in line) for line in lines) + "\n"


def markdown_table(table: CopiedTable) -> str:
    """Title and table in Markdown; text from files is escaped."""
    is_figure = [_is_figure([row[number] for row in table.rows]) for number in range(len(table.columns))]
    lines = [
        f"**{escaped(table.title)}**",
        "",
        "| " + " | ".join(escaped(title) for title in table.columns) + " |",
        "|" + "|".join("---:" if figure else "---" for figure in is_figure) + "|",
        *("| " + " | ".join(escaped(_told(value)) for value in row) + " |" for row in table.rows),
    ]
    return "\n".join(lines) + "\n"


def _is_figure(values: Sequence[CopiedValue]) -> bool:
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _raw(value: CopiedValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(inert(value)) if isinstance(value, str) else repr(value)


def _told(value: CopiedValue) -> str:
    if value is None:
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return significant(value) if isinstance(value, float) else str(value)
