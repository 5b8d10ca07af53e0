"""How far the search is with one arm: between which loads its boundary lies, and whether it behaves as a bracket supposes."""

from dataclasses import dataclass

from profiler.sweep.search.evidence import Evidence, Verdict
from profiler.sweep.search.problem import Problem


@dataclass(frozen=True, slots=True)
class Bracket:
    """Where an arm's boundary lies.

    Attributes:
        meets: the highest place that (likely) meets the limits below every place that (likely) does not; -1 for none yet.
        breaks: the lowest place above it that does not; the ladder's length for none.
        has_order: no place clearly meets the limits above one that clearly breaks them, and no higher load clearly gave less
            output than a lower one. Without it nothing may be concluded from one load about another.
    """

    meets: int
    breaks: int
    has_order: bool

    @property
    def is_closed(self) -> bool:
        """Nothing lies between."""
        return self.breaks - self.meets <= 1


def bracket(problem: Problem, evidence: Evidence, arm: int) -> Bracket:
    """What the looks at one arm say."""
    places = evidence.places(arm)
    breaks = next((place for place in places if not evidence.likely_meets(arm, place)), len(problem.ladder))
    meets = max((place for place in places if place < breaks), default=-1)
    return Bracket(meets, breaks, _keeps_limits_in_order(evidence, arm, places) and _gains(evidence, arm, places))


def between(problem: Problem, low: int, high: int) -> int:
    """The place between two others that halves the ratio of their loads; `low` may be -1, `high` the ladder's length."""
    ladder = problem.ladder
    bottom = ladder[low] if low >= 0 else ladder[0] / 2
    top = ladder[high] if high < len(ladder) else ladder[-1] * 2
    middle = (bottom * top) ** 0.5
    inner = range(low + 1, high)
    return min(inner, key=lambda place: (abs(ladder[place] - middle), place))


def doublings(problem: Problem) -> list[int]:
    """Places at about 1, 2, 4, 8 … times the lowest load, and the highest."""
    places, load = [0], problem.ladder[0]
    while load * 2 < problem.ladder[-1]:
        load *= 2
        places.append(min(range(len(problem.ladder)), key=lambda place: abs(problem.ladder[place] - load)))
    return list(dict.fromkeys([*places, len(problem.ladder) - 1]))


def _keeps_limits_in_order(evidence: Evidence, arm: int, places: list[int]) -> bool:
    verdicts = [evidence.verdict(arm, place) for place in places]
    first_broken = verdicts.index(Verdict.BREAKS) if Verdict.BREAKS in verdicts else len(verdicts)
    return Verdict.MEETS not in verdicts[first_broken:]


def _gains(evidence: Evidence, arm: int, places: list[int]) -> bool:
    best_low = 0.0
    for place in places:
        speed = evidence.speed(arm, place)
        if speed is None:
            continue
        if speed.high < best_low:
            return False
        best_low = max(best_low, speed.low)
    return True
