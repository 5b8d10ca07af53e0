"""What a search amounts to before it runs: its candidates, the ends between which it looks, and about how many runs it takes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from profiler.modelfile.description import ModelDescription
from profiler.plan.plan import Plan
from profiler.records.axis import Configuration
from profiler.records.fingerprint import Ceilings
from profiler.sweep.estimate import Estimate, estimate
from profiler.sweep.known_speeds import Speeds
from profiler.sweep.search.problem import Arms
from profiler.sweep.search.strategy import HALVED_ABOVE, SHORT_SHARES


@dataclass(frozen=True, slots=True)
class SearchAhead:
    """What is known of a search.

    Attributes:
        candidates: models, quantizations and settings that compete.
        axis: "concurrency" or "rate".
        low, high: the ends of the load.
        runs: a guess; candidates that cannot win take fewer.
        cells: every candidate at both ends.
        estimate: of the whole search.
    """

    candidates: int
    axis: str
    low: float
    high: float
    runs: int
    cells: tuple[Configuration, ...]
    estimate: Estimate


def search_ahead(
    plan: Plan,
    choices: Sequence[tuple[str, str]],
    threads: int,
    descriptions: Mapping[str, ModelDescription],
    ceilings: Ceilings | None,
    free_bytes: int,
    speeds: Sequence[Speeds] = (),
) -> SearchAhead:
    """The search of a plan.

    Args:
        plan: with its search enabled.
        choices: model and quantization of everything that it measures.
        threads: used where the plan names none.
        descriptions: of its models by their label.
        ceilings: of this machine, None when they were not measured.
        free_bytes: main memory that may be used.
        speeds: what is known of this machine.

    Raises:
        UnusableArguments: the plan cannot be searched.
    """
    arms = Arms(plan, choices, threads, has_gpu=False)
    top = len(arms.ladder) - 1
    ends = sorted({0, top})
    cells = tuple(arms.configuration(arm, place) for arm in range(arms.count) for place in ends)
    single = plan.model_copy(update={"trust": plan.trust.model_copy(update={"repetitions": 1, "budget": None})})
    looked_at = list(cells)
    if top > 1:
        middle = _middle(arms.ladder)
        looked_at += [arms.configuration(arm, middle) for arm in range(arms.count)]
    found = estimate(single, looked_at, descriptions, ceilings, free_bytes, speeds)
    runs, weight = runs_of(arms.groups, len(arms.ladder), plan.search.confirm_repetitions)
    most_s = math.inf if plan.trust.budget is None else plan.trust.budget

    def whole(seconds: float | None) -> float | None:
        return None if seconds is None else min(seconds * weight / len(looked_at), most_s)

    taken = replace(
        found,
        runs=runs,
        seconds=whole(found.seconds),
        seconds_low=whole(found.seconds_low),
        seconds_high=whole(found.seconds_high),
        does_not_fit=tuple(each for each in found.does_not_fit if each[0] in cells),
        cell_seconds=found.cell_seconds[: len(cells)],
    )
    return SearchAhead(arms.count, arms.axis, arms.ladder[0], arms.ladder[-1], runs, cells, taken)


def runs_of(groups: Sequence[int], loads: int, confirm_repetitions: int) -> tuple[int, float]:
    """About how many runs a search takes, and how many whole ones that is: a short look counts as its share.

    Every candidate is looked at with the highest load and once for each halving of the ladder; where settings vary, short looks
    leave a few of them first. At last the best two run afresh.

    Args:
        groups: of each candidate; settings are chosen within one.
        loads: on the ladder.
        confirm_repetitions: fresh runs of each of the two.
    """
    runs, weight = 0, 0.0
    looks_each = 1 + (math.ceil(math.log2(loads)) if loads > 1 else 0)
    survivors = 0
    for group in set(groups):
        size = groups.count(group)
        for share in SHORT_SHARES:
            if size > HALVED_ABOVE:
                runs, weight = runs + size, weight + size * share
                size = max(HALVED_ABOVE, (size + 1) // 2)
        survivors += size
    fresh = confirm_repetitions * min(2, survivors * loads)
    return runs + survivors * looks_each + fresh, weight + survivors * looks_each + fresh


def _middle(ladder: Sequence[float]) -> int:
    """The place that halves the ratio between the ends."""
    wanted = math.sqrt(ladder[0] * ladder[-1])
    return min(range(len(ladder)), key=lambda place: abs(ladder[place] - wanted))
