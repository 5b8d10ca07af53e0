"""The shown verdicts as text for the clipboard: separated by tabs, or as a Markdown table under what the page says."""

from collections.abc import Sequence

from app.pages.compare.verdict_columns import VerdictRow
from app.pages.compare.words import (
    figure_unit,
    figure_words,
    interval_percents,
    interval_words,
    percent_words,
    shown_value,
    verdict_words,
)
from app.tables.record_table import UNKNOWN
from profiler.units import significant

_FIGURE_PLACES = range(3, 8)
"""Of the values, the shift, its interval and n."""


def as_text(rows: Sequence[VerdictRow], names: Sequence[str]) -> str:
    """A line a row, its parts separated by tabs, as spreadsheets take them."""
    return "\n".join("\t".join(" ".join(part.split()) for part in line) for line in (_heads(names), *map(_parts, rows)))


def as_markdown(rows: Sequence[VerdictRow], names: Sequence[str], statement: str) -> str:
    """The statement and a table."""
    heads = _heads(names)
    rule = ["---:" if number in _FIGURE_PLACES else "---" for number in range(len(heads))]
    lines = [heads, rule, *map(_parts, rows)]
    table = ["| " + " | ".join(_escaped(part) for part in line) + " |" for line in lines]
    return "\n".join([_escaped(statement), "", *table])


def _heads(names: Sequence[str]) -> list[str]:
    other = names[1] if len(names) == 2 else "Other"
    return ["Cell", "With", "Figure", names[0], other, "Shift", "95 % interval", "n", "Verdict"]


def _parts(row: VerdictRow) -> list[str]:
    figure = row.figure
    values = [shown_value(figure.figure, value) for value in (figure.a_value, figure.b_value)]
    ends = interval_percents(figure)
    return [
        row.cell,
        figure.b_name,
        f"{figure_words(figure.figure)} {figure_unit(figure.figure)}".strip(),
        *(UNKNOWN if value is None else significant(value) for value in values),
        UNKNOWN if figure.shift_percent is None else f"{percent_words(figure.shift_percent)} %",
        UNKNOWN if ends is None else f"{interval_words(ends)} %",
        f"{figure.n_a}, {figure.n_b}",
        verdict_words(figure) + ("" if figure.is_primary else " (exploratory)"),
    ]


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    for letter in "\\`*_|<>":
        text = text.replace(letter, f"\\{letter}")
    return " ".join(text.split())
