"""The shift between two cells of one interleaved session, whose repetitions share blocks of time.

Log ratios of the two cells in the same block are free of the drift that hits both. From six pairs on the signed-rank test judges
them, below that a paired t. But at six pairs the signed-rank test finds a shift only when all six agree in sign: 77 % of the
shifts of 5 % where repetitions vary independently by 2 % (simulated). So where the blocks show no sign of a common drift the runs
are judged by the two-sample t instead, which has twice the degrees of freedom and finds 97 %. The blocks show it when the
variance of the sums of a block's two values exceeds that of their differences by more than chance (5 % level; without a common
part both are equal). A drift too small to be seen so makes the two-sample t cautious, never bold: it counts as noise. The choice
costs up to half a percent in false alarms (`tests/benchmarks/comparison_power.py` shows both figures).
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.comparison.rank_tests import LEAST_PAIRS, paired_t, signed_rank
from profiler.analysis.comparison.shift import Shift, StudentShift
from profiler.analysis.student import variance_ratio_share

_DRIFT_LEVEL = 0.05


def common_blocks(a: Mapping[int, float], b: Mapping[int, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logarithms of the blocks that both cells have, in their order, from those by block.

    A run that was measured again counts in the block that it stands in for.
    """
    blocks = sorted(a.keys() & b.keys())
    return np.array([a[block] for block in blocks], float), np.array([b[block] for block in blocks], float)


def paired_shift(a: NDArray[np.float64], b: NDArray[np.float64]) -> Shift | None:
    """The shift of b against a, logarithms of the same blocks at the same places; None for fewer than two."""
    if len(a) < LEAST_PAIRS:
        return paired_t(b - a)
    return signed_rank(b - a) if blocks_drift(a, b) else _two_sample_t(a, b)


def blocks_drift(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether a block's two values go up and down together by more than chance."""
    apart = float(np.var(b - a))
    together = float(np.var(a + b))
    if apart == 0:
        return together > 0
    return variance_ratio_share(together / apart, len(a) - 1) < _DRIFT_LEVEL


def _two_sample_t(a: NDArray[np.float64], b: NDArray[np.float64]) -> StudentShift:
    """Student's, with one variance for both sides, which are equally many."""
    error = math.sqrt(float(np.var(a, ddof=1) + np.var(b, ddof=1)) / len(a))
    return StudentShift("two-sample t", float(np.mean(b) - np.mean(a)), error, 2 * len(a) - 2)
