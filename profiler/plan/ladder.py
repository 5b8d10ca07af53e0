"""The loads between which a search looks: a plan's users, or its rates."""

import math

from profiler.errors import UnusableArguments
from profiler.plan.plan import Plan
from profiler.records.specification import OPEN_LOOP

DEFAULT_USERS = (1, 16)
"""Bounds where the plan names none."""

RATE_STEP = 1.1
"""Rates that are looked at lie at most so far apart: closer ones no run of seconds tells apart."""

MOST_STEPS = 512


def ladder_of(plan: Plan) -> tuple[str, tuple[float, ...]]:
    """The axis that is searched along and the loads on it, between the plan's own ends and never beyond.

    Raises:
        UnusableArguments: the plan's load has no such axis.
    """
    load = plan.load
    if load.classes is not None:
        raise UnusableArguments("A search looks along users or a rate, and a mix of classes has several: sweep it instead.")
    are_open = {arrival in OPEN_LOOP and arrival != "trace" for arrival in load.arrival}
    if {"offline", "trace"} & set(load.arrival) or len(are_open) > 1:
        raise UnusableArguments(
            "A search looks along the users of a closed loop or along the rate of an open one; give one kind of --arrival."
        )
    if True in are_open:
        rates = load.rate or ()
        return "rate", _rates(min(rates), max(rates))
    users = load.concurrency or DEFAULT_USERS
    low, high = min(users), max(users)
    if high - low < MOST_STEPS:
        return "concurrency", tuple(float(count) for count in range(low, high + 1))
    return "concurrency", tuple(dict.fromkeys(float(round(load)) for load in _geometric(low, high, MOST_STEPS)))


def _rates(low: float, high: float) -> tuple[float, ...]:
    if low == high:
        return (low,)
    if low <= 0:
        raise UnusableArguments("A search along rates begins above 0; give --rate two positive numbers.")
    return _geometric(low, high, min(MOST_STEPS, math.ceil(math.log(high / low) / math.log(RATE_STEP)) + 1))


def _geometric(low: float, high: float, count: int) -> tuple[float, ...]:
    inner = tuple(low * (high / low) ** (step / (count - 1)) for step in range(1, count - 1))
    return (low, *inner, high)
