"""What the table of verdicts tells of each compared figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.pages.compare.words import (
    cell_words,
    figure_term,
    figure_unit,
    figure_words,
    interval_percents,
    interval_words,
    percent_words,
    shown_value,
    telling_axes,
    tone_of,
    touching_flags,
    value_words,
    verdict_words,
)
from app.tables.column import Column, Raw
from profiler.analysis.comparison.result import ComparedFigure, Comparison
from profiler.analysis.comparison.shift import percent
from profiler.analysis.comparison.words import needed_words
from profiler.units import significant

SHIFT_TITLE = "Shift, 95 % interval"
PRIMARY, EXPLORATORY = "●", "○"
_LONGEST_NAME = 24


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A compared figure with its cell in words."""

    figure: ComparedFigure
    cell: str


def verdict_rows(comparison: Comparison) -> list[VerdictRow]:
    """The rows: all primary figures, then the exploratory ones figure by figure; cells in their own order."""
    axes = telling_axes(comparison.figures)
    names = list(dict.fromkeys(figure.figure for figure in comparison.figures if not figure.is_primary))
    ordered = [figure for figure in comparison.figures if figure.is_primary]
    for name in names:
        ordered += [figure for figure in comparison.figures if figure.figure == name and not figure.is_primary]
    return [VerdictRow(figure, cell_words(figure, axes)) for figure in ordered]


def verdict_columns(names: Sequence[str], *, has_flags: bool) -> tuple[Column[VerdictRow], ...]:
    """The columns for sides with these names, the base first; without flags there is no column for them."""
    columns = [_CELL]
    has_several = len(names) > 2
    if has_several:
        columns.append(
            Column("With", "The session that is held against the base", lambda row: row.figure.b_name, _short, tip=_other_name)
        )
    columns += [
        Column(
            "Figure",
            f"{PRIMARY} primary: judged with a correction for all cells; {EXPLORATORY} exploratory: judged as if it were alone",
            _figure_raw,
            tip=_figure_tip,
        ),
        Column(
            "Base",
            f"Median of the repetitions of {names[0]}",
            lambda row: shown_value(row.figure.figure, row.figure.a_value),
            lambda raw: significant(_number(raw)),
            is_figure=True,
            can_fold=has_several,
        ),
        Column(
            "Median" if has_several else "With",
            f"Median of the repetitions of {'the other session' if has_several else names[1]}",
            lambda row: shown_value(row.figure.figure, row.figure.b_value),
            lambda raw: significant(_number(raw)),
            is_figure=True,
            can_fold=has_several,
        ),
        Column(
            SHIFT_TITLE,
            "Against the base, by Hodges–Lehmann or Student's t on logarithms; the shaded band counts as the same",
            lambda row: row.figure.shift_percent,
            lambda raw: f"{percent_words(_number(raw))} %",
            is_figure=True,
            interval=lambda row: interval_percents(row.figure),
            tone=lambda row: tone_of(row.figure),
            tip=explanation,
        ),
        _count_column("n base", "Repetitions of the base", lambda row: row.figure.n_a),
        _count_column("n with", "Repetitions of the other", lambda row: row.figure.n_b),
        Column(
            "Verdict",
            "▲ gain, ▼ loss, = the same, ? not enough data",
            lambda row: verdict_words(row.figure),
            tone=lambda row: tone_of(row.figure),
            tip=explanation,
        ),
    ]
    return (*columns, _FLAGS) if has_flags else tuple(columns)


def explanation(row: VerdictRow) -> str:
    """All about a row in one sentence or more: values, interval, method, why there is no verdict, and what would give one."""
    figure = row.figure
    values = f"{value_words(figure.figure, figure.a_value)} → {value_words(figure.figure, figure.b_value)}"
    told = [f"{row.cell}, {figure_words(figure.figure)}: {values} ({figure.n_a} and {figure.n_b} repetitions)."]
    ends = interval_percents(figure)
    if figure.shift is not None and figure.shift_percent is not None:
        sentence = f"Shift {percent_words(figure.shift_percent)} %"
        sentence += f", 95 % interval {interval_words(ends)} %" if ends is not None else ""
        if figure.is_primary and figure.finding is not None and figure.finding.corrected is not None:
            low, high = figure.finding.corrected
            sentence += f", corrected {interval_words((percent(low), percent(high)))} %"
        p_value = figure.shift.p_value
        sentence += f"; p {'< 0.001' if p_value < 0.001 else f'= {significant(p_value, 2)}'} by {figure.shift.method}."
        told.append(sentence)
    if figure.reason:
        told.append(figure.reason)
    if needed := needed_words(figure):
        told.append(needed)
    return " ".join(told)


def _count_column(title: str, term: str, raw: Callable[[VerdictRow], Raw]) -> Column[VerdictRow]:
    return Column(title, term, raw, is_figure=True, can_fold=True)


def _figure_raw(row: VerdictRow) -> Raw:
    name = row.figure.figure
    mark = PRIMARY if row.figure.is_primary else EXPLORATORY
    return f"{mark} {figure_words(name)} {figure_unit(name)}".strip()


def _figure_tip(row: VerdictRow) -> str:
    kind = "Primary" if row.figure.is_primary else "Exploratory"
    return f"{kind}. {row.figure.figure}: {figure_term(row.figure.figure)}"


def _flags_raw(row: VerdictRow) -> Raw:
    return len(touching_flags(row.figure)) or None


def _other_name(row: VerdictRow) -> str:
    return row.figure.b_name


def _short(raw: Raw) -> str:
    text = str(raw)
    return text if len(text) <= _LONGEST_NAME else f"…{text[1 - _LONGEST_NAME :]}"


def _number(raw: Raw) -> float:
    assert isinstance(raw, int | float)
    return raw


_CELL: Column[VerdictRow] = Column("Cell", "What was measured", lambda row: row.cell, tip=lambda row: row.cell)
_FLAGS: Column[VerdictRow] = Column(
    "Flags",
    "Doubts about the runs behind this figure; their sentences stand under Doubts",
    _flags_raw,
    lambda raw: f"{raw} flag{'' if raw == 1 else 's'}",
    tone=lambda row: "caution",
    tip=lambda row: "\n".join(touching_flags(row.figure)),
)
