"""Where the warm-up of a stationary open loop ends: MSER-5 on the number of requests in the system.

K. P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69(6), 1997; on means of
batches of five: K. P. White, M. J. Cobb, S. C. Spratt, "A comparison of five steady-state truncation heuristics for
simulation", Winter Simulation Conference 2000.

By itself MSER cuts too often: at a steady single server it took a busy beginning away in 25 to 49 of 100 runs that had no
warm-up, and their p95 came out up to 12 % lower for it (tests/profiler/analysis/test_warmup.py). A load begins with an empty
system, so its warm-up can only be a filling: a cut counts where the system held less than in any later stretch as long.
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
PARTS = 10
"""For the question whether a series is steady: five parts a half; by chance one half's lie all above the other's in 1 of 126."""

LEAST_SHIFT = 0.2
"""Halves that are nearer to each other than this share of their mean count as equal, however clearly they are told apart."""

_NOISE = 1e-18  # variance of a constant series, relative to its square: rounding only


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What is to be left out at the beginning of a series.

    Attributes:
        length_ns: from the first due time on; 0 where nothing is to be cut or no cut helps.
        is_stationary: False when the series lay clearly higher in every part of one half than in any part of the other.
    """

    length_ns: int
    is_stationary: bool


def warm_up(requests: NDArray[Any]) -> WarmUp | None:
    """The warm-up of a load that is stationary by design; None with too few requests to tell.

    A series without a steady part is not cut at all: what is left of it would be no steadier. That MSER's best cut is the last
    one it tries is no sign of it: that happens to 1 to 15 of 100 steady runs, and hardly ever to one that rises all the time.
    """
    if len(requests) < LEAST_REQUESTS:
        return None
    first_ns, last_ns = int(requests["due_ns"].min()), int(requests["due_ns"].max())
    if last_ns <= first_ns:
        return None
    counts = mean_in_system(requests, np.linspace(first_ns, last_ns, SLICES + 1))
    batches = counts.reshape(-1, BATCH).mean(axis=1)
    cut = mser_cut(batches)
    if cut == len(batches) // 2 or not _is_filling(batches, cut):
        cut = 0
    if not _is_steady(batches[cut:]):
        return WarmUp(0, is_stationary=False)
    return WarmUp((last_ns - first_ns) * cut // len(batches), is_stationary=True)


def _is_filling(values: NDArray[np.float64], cut: int) -> bool:
    """Whether the first values' mean is below that of every stretch of the rest that is as long."""
    if cut == 0:
        return False
    stretches = np.lib.stride_tricks.sliding_window_view(values[cut:], cut).mean(axis=1)
    return bool(values[:cut].mean() < stretches.min())


def _is_steady(values: NDArray[np.float64]) -> bool:
    means = np.array([part.mean() for part in np.array_split(values, PARTS)])
    early, late = means[: PARTS // 2], means[PARTS // 2 :]
    is_apart = early.max() < late.min() or late.max() < early.min()
    return not (is_apart and abs(early.mean() - late.mean()) > LEAST_SHIFT * means.mean())


def mser_cut(values: NDArray[np.float64]) -> int:
    """How many of the first values to drop, at most half: those whose loss makes the rest's mean most certain.

    The marginal standard error's square is minimal: Σ (x - mean of the rest)² / (rest's length)²; of equal ones the earliest.
    """
    cuts = range(len(values) // 2 + 1)
    noise = _NOISE * float(np.square(values).max(initial=0.0))
    errors = [max(float(np.var(values[cut:])), noise) / (len(values) - cut) for cut in cuts]
    return int(np.argmin(errors))
