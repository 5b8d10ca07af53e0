"""What a comparison says in sentences, the same for the command line and the window."""

from profiler.analysis.comparison.needed import POWER, SHIFT_PERCENT
from profiler.analysis.comparison.result import ComparedFigure
from profiler.analysis.comparison.verdict import Verdict, metric_of
from profiler.units import bytes_text, significant

_FINDS = f"a shift of {SHIFT_PERCENT:g} % in {100 * POWER:.0f} of 100 cases"


def is_spread_assumed(figure: ComparedFigure) -> bool:
    """Whether nothing was learned of how far sessions of one of the machines differ by themselves, where that was needed."""
    return any(spread is not None and spread.is_assumed for spread in (figure.spread_a, figure.spread_b))


def needed_words(figure: ComparedFigure) -> str:
    """What would find a shift of 5 %; empty where that is not known, or where nothing is missing."""
    if figure.shift is None or figure.verdict is not Verdict.NOT_ENOUGH_DATA:
        return ""
    repetitions, sessions = figure.repetitions_needed, figure.sessions_needed
    if repetitions is not None and repetitions <= min(figure.n_a, figure.n_b):
        return f"As many repetitions as there are find {_FINDS}; this one is likely smaller."
    if repetitions is not None:
        place = "" if figure.a_name == figure.b_name else " of each"
        return f"{repetitions} repetitions{place} would find {_FINDS}."
    if is_spread_assumed(figure):
        return "Comparing three other sessions of this plan teaches how far its sessions differ by themselves."
    if sessions is not None:
        return f"{sessions} sessions a side would find {_FINDS}."
    return ""


def value_text(name: str, value: float | None) -> str:
    """A figure's value for a table that names the figure: 101, and of bytes 308 MB; "–" where it was not measured."""
    if value is None:
        return "–"
    metric = metric_of(name)
    return bytes_text(value) if metric is not None and metric.unit == "bytes" else significant(value)
