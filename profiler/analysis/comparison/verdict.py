"""The verdict on a shift: same, different in which direction, both, or not enough data (measurement.md §4)."""

from dataclasses import dataclass
from enum import StrEnum

from profiler.analysis.comparison.shift import Interval, Shift, log_of_percent
from profiler.records.metric import BY_NAME, Metric

EQUIVALENCE_CONFIDENCE = 0.90
"""Two one-sided tests at 5 % say "same" when this interval lies within the bounds (Schuirmann, 1987)."""


class Verdict(StrEnum):
    """In the words of the command line."""

    SAME = "same"
    FASTER = "faster"
    SLOWER = "slower"
    BETTER = "better"
    WORSE = "worse"
    NOT_ENOUGH_DATA = "not enough data"

    @property
    def is_different(self) -> bool:
        """Whether it states a difference."""
        return self not in (Verdict.SAME, Verdict.NOT_ENOUGH_DATA)

    @property
    def is_loss(self) -> bool:
        """Whether the user loses."""
        return self in (Verdict.SLOWER, Verdict.WORSE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What can be said of a shift.

    Attributes:
        is_same: its 90 % interval lies within the bounds of "same", whether or not it differs.
        is_out_of_reach: even the clearest outcome of so few replicates would not have passed the level.
        corrected: the interval that is held against 0; None when so few replicates have none.
    """

    verdict: Verdict
    is_same: bool
    is_out_of_reach: bool
    corrected: Interval | None


def judge(shift: Shift, metric: Metric, level: float, same_within_percent: float) -> Finding:
    """The verdict on a shift of b against a.

    Args:
        shift: of the logarithms.
        metric: says in which direction a user gains; one without a direction has no verdict.
        level: at which it is tested (`family.holm_levels`).
        same_within_percent: x of "same within ±x %"; on logarithms, so that -x/(1 + x/100) % is the lower bound and swapping the
            sides changes nothing.

    Raises:
        ValueError: no direction of the metric is better.
    """
    if metric.better == "neither":
        raise ValueError(f"{metric.name} has no better direction")
    is_same = _lies_within(shift, same_within_percent)
    is_out_of_reach = shift.smallest_p > level
    verdict = Verdict.SAME if is_same else Verdict.NOT_ENOUGH_DATA
    if shift.p_value <= level:
        verdict = _direction(metric, shift.log_shift > 0)
    return Finding(verdict, is_same, is_out_of_reach, shift.interval(1 - level))


def verdict_text(finding: Finding, same_within_percent: float) -> str:
    """In words; both may hold: "faster, by less than 5 %"."""
    if finding.verdict.is_different and finding.is_same:
        return f"{finding.verdict}, by less than {same_within_percent:g} %"
    return str(finding.verdict)


def metric_of(figure: str) -> Metric | None:
    """The metric of a figure's flat name; None for a name that is none."""
    return BY_NAME.get(figure.partition(".")[0])


def _lies_within(shift: Shift, same_within_percent: float) -> bool:
    bound = log_of_percent(same_within_percent)
    interval = shift.interval(EQUIVALENCE_CONFIDENCE)
    return interval is not None and -bound < interval[0] and interval[1] < bound


def _direction(metric: Metric, is_higher: bool) -> Verdict:
    is_gain = is_higher == (metric.better == "higher")
    if metric.unit in _SPEEDS_AND_TIMES and metric.name not in _NO_SPEEDS:
        return Verdict.FASTER if is_gain else Verdict.SLOWER
    return Verdict.BETTER if is_gain else Verdict.WORSE


_SPEEDS_AND_TIMES = frozenset({"ms", "tok/s", "req/s", "GB/s"})
_NO_SPEEDS = frozenset({"queue_growth_s"})
