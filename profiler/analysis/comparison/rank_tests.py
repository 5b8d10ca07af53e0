"""Wilcoxon's signed-rank and rank-sum tests with exact probabilities, their Hodges–Lehmann shifts, and the paired t."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.comparison.shift import RankShift, StudentShift
from profiler.analysis.student import normal_share

LEAST_PAIRS = 6
"""The fewest pairs whose clearest outcome (2 / 2^n) stays below 5 %."""

_MOST_EXACT = 50  # beyond it the normal approximation is good to three digits, and counting takes seconds


def signed_rank(differences: NDArray[np.float64]) -> RankShift:
    """The shift of paired differences, by the averages of all pairs of them, each with itself included (Walsh averages)."""
    first, second = np.triu_indices(len(differences))
    averages = np.sort((differences[first] + differences[second]) / 2)
    return RankShift("signed-rank", float(np.median(averages)), averages, signed_rank_tail(len(differences)))


def rank_sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> RankShift:
    """The shift of b against a, by all differences between the two."""
    differences = np.sort(np.subtract.outer(b, a).ravel())
    return RankShift("rank-sum", float(np.median(differences)), differences, rank_sum_tail(*sorted((len(a), len(b)))))


def paired_t(differences: NDArray[np.float64]) -> StudentShift | None:
    """Student's t on paired differences; None for fewer than two."""
    count = len(differences)
    if count < 2:
        return None
    error = float(np.std(differences, ddof=1)) / math.sqrt(count)
    return StudentShift("paired t", float(np.mean(differences)), error, count - 1)


@lru_cache(maxsize=256)
def signed_rank_tail(pairs: int) -> NDArray[np.float64]:
    """P(W ≤ w) for w from 0: each rank is in the sum or not, with equal chance."""
    size = pairs * (pairs + 1) // 2 + 1
    if pairs > _MOST_EXACT:
        return _normal_tail(size, math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24))
    chances = np.zeros(size)
    chances[0] = 1.0
    for rank in range(1, pairs + 1):
        with_rank = np.zeros(size)
        with_rank[rank:] = chances[:-rank]
        chances = (chances + with_rank) / 2
    return _read_only(np.cumsum(chances))


@lru_cache(maxsize=256)
def rank_sum_tail(fewer: int, more: int) -> NDArray[np.float64]:
    """P(U ≤ u) for u from 0: every split of the ranks into the two sides is as likely as any other.

    Counted by the product of (1 - q^(more + i)) / (1 - q^i) for i up to `fewer` (the Gaussian binomial coefficient).
    """
    size = fewer * more + 1
    if more > _MOST_EXACT:
        return _normal_tail(size, math.sqrt(fewer * more * (fewer + more + 1) / 12))
    counts: list[int] = [1] + [0] * (size - 1)  # whole numbers of Python: beyond 64 bits from about 34 a side
    for i in range(1, fewer + 1):
        for place in range(size - 1, more + i - 1, -1):
            counts[place] -= counts[place - more - i]
        for place in range(i, size):
            counts[place] += counts[place - i]
    total = math.comb(fewer + more, fewer)
    return _read_only(np.cumsum([count / total for count in counts]))


def _normal_tail(size: int, deviation: float) -> NDArray[np.float64]:
    middle = (size - 1) / 2
    return _read_only(np.array([normal_share((place + 0.5 - middle) / deviation) for place in range(size)]))


def _read_only(tail: NDArray[np.float64]) -> NDArray[np.float64]:
    tail.flags.writeable = False
    return tail
