"""Comparisons in words: figures, cells, shifts, verdicts with their signs, what would tell more. Pure: no widget is touched."""

from collections.abc import Sequence

from app.widgets.sentence import Tone
from profiler.analysis.comparison.result import ComparedFigure
from profiler.analysis.comparison.shift import percent
from profiler.analysis.comparison.verdict import Verdict, metric_of
from profiler.analysis.validity import FITS_IN_CACHE
from profiler.plan.cell_words import cell_title
from profiler.plan.cells import varying_axes
from profiler.units import significant

SIGNS = {
    Verdict.FASTER: "▲",
    Verdict.BETTER: "▲",
    Verdict.SLOWER: "▼",
    Verdict.WORSE: "▼",
    Verdict.SAME: "=",
    Verdict.NOT_ENOUGH_DATA: "?",
}
_BYTES_OF_MB = 1e6


def tone_of(figure: ComparedFigure) -> Tone:
    """The tone of its verdict, which its sign and word tell as well."""
    if not figure.verdict.is_different:
        return "muted"
    return "broken" if figure.verdict.is_loss else "met"


def verdict_words(figure: ComparedFigure) -> str:
    """The verdict behind its sign: "▲ faster, by less than 5 %"."""
    return f"{SIGNS[figure.verdict]} {figure.text}"


def figure_words(name: str) -> str:
    """A figure's name as a user would say it: "First token p95"."""
    metric = metric_of(name)
    statistic = name.partition(".")[2]
    return f"{metric.label if metric else name} {statistic}".strip()


def spoken_figure(name: str) -> str:
    """The same within a sentence: "first token p95", "KL divergence"."""
    first, space, rest = figure_words(name).partition(" ")
    return f"{first if first.isupper() else first.lower()}{space}{rest}"


def figure_unit(name: str) -> str:
    """The unit that its values are shown in."""
    metric = metric_of(name)
    unit = metric.unit if metric else ""
    return "MB" if unit == "bytes" else unit


def figure_term(name: str) -> str:
    """The field's term."""
    metric = metric_of(name)
    return metric.term if metric else name


def shown_value(name: str, value: float | None) -> float | None:
    """A value in the unit that it is shown in."""
    metric = metric_of(name)
    return value / _BYTES_OF_MB if value is not None and metric is not None and metric.unit == "bytes" else value


def value_words(name: str, value: float | None) -> str:
    """A value with its unit, "–" where it was not measured."""
    shown = shown_value(name, value)
    return "–" if shown is None else f"{significant(shown)} {figure_unit(name)}".strip()


def percent_words(value: float, *, signed: bool = True) -> str:
    """A percentage without its sign %: "+13.0", "-0.4", "0.0", "+140"."""
    decimals = 0 if abs(value) >= 99.95 else 1
    text = f"{value:+.{decimals}f}" if signed else f"{abs(value):.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def interval_percents(figure: ComparedFigure) -> tuple[float, float] | None:
    """The ends of the 95 % interval in per cent."""
    return None if figure.interval is None else (percent(figure.interval[0]), percent(figure.interval[1]))


def interval_words(ends: tuple[float, float]) -> str:
    """An interval: "+11.9 to +14.2"."""
    return f"{percent_words(ends[0])} to {percent_words(ends[1])}"


def telling_axes(figures: Sequence[ComparedFigure]) -> tuple[str, ...]:
    """The axes on which the compared cells differ from each other."""
    cells = [each for figure in figures for each in (figure.a.configuration, figure.b.configuration)]
    return tuple(axis.name for axis in varying_axes(cells)) if cells else ()


def cell_words(figure: ComparedFigure, axes: Sequence[str]) -> str:
    """The compared cells: one's title where they have one, "2 users → 4 users" where ignored axes keep them apart."""
    a, b = cell_title(figure.a.configuration, axes), cell_title(figure.b.configuration, axes)
    return a if a == b else f"{a} → {b}"


def touching_flags(figure: ComparedFigure) -> tuple[str, ...]:
    """The flags of its runs that cast doubt on this figure; a cached model's one is about bandwidths alone."""
    is_bandwidth = figure.figure.startswith("bandwidth")
    return tuple(flag for flag in figure.flags if is_bandwidth or not is_aside(flag, figure))


def is_aside(flag: str, figure: ComparedFigure) -> bool:
    """Whether a flag of a figure is about bandwidths alone."""
    return flag_parts(flag, figure)[1] == FITS_IN_CACHE


def flag_parts(flag: str, figure: ComparedFigure) -> tuple[str, str, str]:
    """Side, name and sentence of a flag "side: name: sentence"; a side's name may itself hold a colon."""
    side = figure.a_name if flag.startswith(f"{figure.a_name}: ") else figure.b_name
    name, _, sentence = flag.removeprefix(f"{side}: ").partition(": ")
    return side, name, sentence
