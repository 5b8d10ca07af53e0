"""The shown verdicts as text for the clipboard: separated by tabs, or as a Markdown table under what the page says."""

import re
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

_LEADING_MARK = re.compile(r"(?<!\w)_|_(?!\w)")
_FIGURES_FROM_END = range(-6, -1)
"""Places of the values, the shift, its interval and n."""


def as_text(rows: Sequence[VerdictRow], names: Sequence[str]) -> str:
    """A line a row, its parts separated by tabs, as spreadsheets take them."""
    return "\n".join("\t".join(" ".join(part.split()) for part in line) for line in _lines(rows, names))


def as_markdown(rows: Sequence[VerdictRow], names: Sequence[str], statement: str) -> str:
    """The statement and a table."""
    heads, *lines = ([_escaped(part) for part in line] for line in _lines(rows, names))
    rule = ["---:" if number - len(heads) in _FIGURES_FROM_END else "---" for number in range(len(heads))]
    table = ["| " + " | ".join(line) + " |" for line in (heads, rule, *lines)]
    return "\n".join([_escaped(statement), "", *table])


def _lines(rows: Sequence[VerdictRow], names: Sequence[str]) -> list[list[str]]:
    """Heads and rows; which session is held against the base is told in each row where there are several."""
    heads = ["Cell", "Figure", names[0], names[1], "Shift", "95 % interval", "n", "Verdict"]
    if len(names) == 2:
        return [heads, *map(_parts, rows)]
    heads[3] = "other"
    return [["With", *heads], *([row.figure.b_name, *_parts(row)] for row in rows)]


def _parts(row: VerdictRow) -> list[str]:
    figure = row.figure
    values = [shown_value(figure.figure, value) for value in (figure.a_value, figure.b_value)]
    ends = interval_percents(figure)
    return [
        row.cell,
        f"{figure_words(figure.figure)} {figure_unit(figure.figure)}".strip(),
        *(UNKNOWN if value is None else significant(value) for value in values),
        UNKNOWN if figure.shift_percent is None else f"{percent_words(figure.shift_percent)} %",
        UNKNOWN if ends is None else f"{interval_words(ends)} %",
        f"{figure.n_a}, {figure.n_b}",
        verdict_words(figure) + ("" if figure.is_primary else " (exploratory)"),
    ]


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: a single "_" within a word is no mark."""
    for letter in "\\`*|<>":
        text = text.replace(letter, f"\\{letter}")
    return " ".join(_LEADING_MARK.sub(r"\\_", text).split())
