"""How many repetitions or sessions would find a shift of 5 % nearly always, from what was seen of the noise.

Normal theory: a shift δ is found with power 1 - β when δ² ≥ (t(1 - α/2) + t(1 - β))² · variance; the t quantiles have the degrees
of freedom of that many replicates.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.comparison.between_sessions import ENOUGH_SESSIONS, SessionLogs, session_part
from profiler.analysis.comparison.rank_tests import LEAST_PAIRS, rank_sum_tail, signed_rank_tail
from profiler.analysis.comparison.shift import log_of_percent
from profiler.analysis.comparison.within_session import blocks_drift
from profiler.analysis.student import normal_share, student_quantile

SHIFT_PERCENT = 5.0
POWER = 0.95
MOST = 1000
"""More than so many are not asked for: then the answer is None."""


def repetitions_within_session(a: NDArray[np.float64], b: NDArray[np.float64], level: float) -> int | None:
    """Repetitions of each cell in one session that find the shift; logarithms of the same blocks at the same places."""
    if len(a) < 2:
        return None
    pairs_variance = float(np.var(b - a, ddof=1))
    if len(a) < LEAST_PAIRS or not blocks_drift(a, b):
        variance = float(np.var(a, ddof=1) + np.var(b, ddof=1)) if len(a) >= LEAST_PAIRS else pairs_variance
        degrees_each = 2 if len(a) >= LEAST_PAIRS else 1
        return _first(lambda n: _finds(variance / n, degrees_each * (n - 1), level), 2)
    loss = math.pi / 3
    return _first(lambda n: _signed_rank_finds(n, pairs_variance, loss, level), LEAST_PAIRS)


def repetitions_of_two_sessions(a: SessionLogs, b: SessionLogs, level: float) -> int | None:
    """Repetitions in each of two single sessions that find the shift; None when no number of them does."""
    if len(a.sessions) != 1 or len(b.sessions) != 1 or min(len(a.sessions[0]), len(b.sessions[0])) < 2:
        return None
    within = sum(float(np.var(side.sessions[0], ddof=1)) for side in (a, b)) * math.pi / 3
    between, doubt = _between(a, b)

    def finds(n: int) -> bool:
        variance = between + within / n
        degrees = variance**2 / (doubt + (within / n) ** 2 / (2 * (n - 1)))
        return _finds(variance, degrees, level)

    return _first(finds, 2)


def sessions_a_side(a: SessionLogs, b: SessionLogs, level: float) -> int | None:
    """Sessions on each side, of as many repetitions as now, whose means find the shift by the rank-sum test."""
    if min(len(a.sessions), len(b.sessions)) >= ENOUGH_SESSIONS:
        variance = sum(float(np.var([np.mean(values) for values in side.sessions], ddof=1)) for side in (a, b)) * math.pi / 3
    else:
        logs = [values for values in (*a.sessions, *b.sessions) if len(values) > 1]
        if not logs:
            return None
        of_repetitions = 2 * float(np.mean([np.var(values, ddof=1) / len(values) for values in logs]))
        variance = (_between(a, b)[0] + of_repetitions) * math.pi / 3

    def finds(k: int) -> bool:
        return 2 * float(rank_sum_tail(k, k)[0]) <= level and _finds(variance / k, 2 * (k - 1), level)

    return _first(finds, ENOUGH_SESSIONS)


def _between(a: SessionLogs, b: SessionLogs) -> tuple[float, float]:
    """The part of the sessions in the variance of a shift between two of them, and its doubt."""
    if a.spread == b.spread:
        return session_part(a.spread, 2.0)
    parts = [session_part(side.spread, 1.0) for side in (a, b)]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def _finds(variance: float, degrees: float, level: float) -> bool:
    reach = student_quantile(1 - level / 2, max(1.0, degrees)) + student_quantile(POWER, max(1.0, degrees))
    return reach**2 * variance <= log_of_percent(SHIFT_PERCENT) ** 2


def _signed_rank_finds(pairs: int, variance: float, loss: float, level: float) -> bool:
    tail = signed_rank_tail(pairs)
    if 2 * tail[0] > level:
        return False
    if 2 * tail[1] > level and variance > 0:  # only pairs that all agree in sign pass
        agreeing = normal_share(log_of_percent(SHIFT_PERCENT) / math.sqrt(variance)) ** pairs
        return agreeing >= POWER
    return _finds(loss * variance / pairs, pairs - 1, level)


def _first(finds: Callable[[int], bool], least: int) -> int | None:
    """The smallest number that finds it; found by doubling, then halving (more never find less)."""
    low, high = least - 1, least
    while not finds(high):
        if high >= MOST:
            return None
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return high
