"""Where the warm-up of a stationary open loop ends: MSER-5 on the number of requests in the system.

K. P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69(6), 1997; on means of
batches of five: K. P. White, M. J. Cobb, S. C. Spratt, "A comparison of five steady-state truncation heuristics for
simulation", Winter Simulation Conference 2000.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.in_system import mean_in_system

LEAST_REQUESTS = 20
"""With fewer there is no series to speak of."""

SLICES = 200
BATCH = 5

_NOISE = 1e-18  # variance of a constant series, relative to its square: rounding only


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What is to be left out at the beginning of a series.

    Attributes:
        length_ns: from the first due time on; 0 where nothing is to be cut or no cut helps.
        is_stationary: False when the best cut is the last one that was tried: the series settles in its second half or never.
    """

    length_ns: int
    is_stationary: bool


def warm_up(requests: NDArray[Any]) -> WarmUp | None:
    """The warm-up of a load that is stationary by design; None with too few requests to tell.

    A series without a steady part is not cut at all: what is left of it would be no steadier.
    """
    if len(requests) < LEAST_REQUESTS:
        return None
    first_ns, last_ns = int(requests["due_ns"].min()), int(requests["due_ns"].max())
    if last_ns <= first_ns:
        return None
    counts = mean_in_system(requests, np.linspace(first_ns, last_ns, SLICES + 1))
    batches = counts.reshape(-1, BATCH).mean(axis=1)
    cut = mser_cut(batches)
    if cut == len(batches) // 2:
        return WarmUp(0, is_stationary=False)
    return WarmUp((last_ns - first_ns) * cut // len(batches), is_stationary=True)


def mser_cut(values: NDArray[np.float64]) -> int:
    """How many of the first values to drop, at most half: those whose loss makes the rest's mean most certain.

    The marginal standard error's square is minimal: Σ (x - mean of the rest)² / (rest's length)²; of equal ones the earliest.
    """
    cuts = range(len(values) // 2 + 1)
    noise = _NOISE * float(np.square(values).max(initial=0.0))
    errors = [max(float(np.var(values[cut:])), noise) / (len(values) - cut) for cut in cuts]
    return int(np.argmin(errors))
