"""Whether a cell meets the need: its stored percentiles held against the plan's limits."""

from dataclasses import dataclass
from enum import Enum

from profiler.analysis.distribution import is_stated
from profiler.analysis.figure_name import figure_value
from profiler.analysis.slo import UNBOUNDED
from profiler.plan.slo import Limit, Slo
from profiler.records.metric import BY_NAME
from profiler.records.run_record import Figures
from profiler.units import milliseconds_text


class Verdict(Enum):
    """What can be said of a cell, or of one limit in it."""

    MET = "meets the need"
    BROKEN = "does not meet the need"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One limit in one cell.

    Attributes:
        is_stated: enough requests stand behind the percentile; otherwise the verdict is that of few requests.
        sentence: the figure beside the limit.
    """

    limit: Limit
    verdict: Verdict
    is_stated: bool
    sentence: str


def check(figures: Figures, slo: Slo, *, is_unstable: bool = False, of: str = "") -> tuple[LimitCheck, ...]:
    """Each limit held against a cell's figures, which pool all requests due in the windows of its valid runs.

    Args:
        figures: of the cell, or of one class of its requests.
        slo: the limits.
        is_unstable: requests came faster than they were served: no limit on a latency that counts from due is met.
        of: the class's name, for the sentence.
    """
    return tuple(_check(figures, limit, is_unstable, f"{of}: " if of else "") for limit in slo)


def overall(checks: tuple[LimitCheck, ...], *, is_unstable: bool = False) -> Verdict | None:
    """The verdict over all limits; None where the plan states none. An unstable cell meets no need, whatever its limits."""
    if not checks:
        return None
    verdicts = [item.verdict for item in checks]
    if is_unstable or Verdict.BROKEN in verdicts:
        return Verdict.BROKEN
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.MET


def values_behind(figures: Figures, metric: str) -> int:
    """How many values stand behind a latency's percentiles.

    Gaps between tokens are not independent: as many requests are counted as have a time per token.
    """
    distribution = figures.get("tpot_ms" if metric == "itl_ms" else metric)
    return int(distribution.get("n") or 0) if isinstance(distribution, dict) else 0


def _check(figures: Figures, limit: Limit, is_unstable: bool, of: str) -> LimitCheck:
    name = f"{limit.metric}.{limit.statistic}"
    value = figure_value(figures, name)
    count = values_behind(figures, limit.metric)
    stated = limit.statistic == "max" or is_stated(limit.share, count)
    label = BY_NAME[limit.metric].label
    label = f"{of}{label[0].lower() if of else label[0]}{label[1:]} {limit.statistic}"
    allowed = milliseconds_text(limit.threshold)
    if is_unstable and limit.metric in UNBOUNDED:
        told = f"{label}: not stated, since it grew with the queue; {allowed} allowed"
        return LimitCheck(limit, Verdict.BROKEN, stated, told)
    if value is not None:
        verdict = Verdict.MET if value <= limit.threshold else Verdict.BROKEN
        sign = "within" if verdict is Verdict.MET else "over"
        return LimitCheck(limit, verdict, stated, f"{label}: {milliseconds_text(value)}, {sign} {allowed}")
    if count:  # the percentile falls on a request that never got there
        return LimitCheck(limit, Verdict.BROKEN, stated, f"{label}: too many requests never got there, over {allowed}")
    return LimitCheck(limit, Verdict.UNKNOWN, False, f"{label}: not measured, {allowed} allowed")
