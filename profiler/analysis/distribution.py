"""Percentiles as this product means them: nearest rank on raw values, never interpolated, never averaged."""

import math

import numpy as np
from numpy.typing import NDArray

from profiler.plan.slo import PERCENTILES
from profiler.records.run_record import Distribution

STATED_AT_MOST = 0.01
"""A percentile q is stated when the chance that all n values lie below it, q^n, is at most this (measurement.md §1)."""

_RANK_SLACK = 1e-9  # 0.07 × 100 is 7.000000000000001 in binary; a rank must not step up for that


def percentile(sorted_values: NDArray[np.float64], q: float, missing: int = 0) -> float | None:
    """The value of rank ⌈q·n⌉ among `n` values: always an observed one.

    Args:
        sorted_values: ascending.
        q: share of the values at or below it, over 0 and up to 1.
        missing: values that exist but were never reached (a failed request's latency); they rank above all others.

    Returns:
        None when there are no values or the rank falls on a missing one.
    """
    rank = max(1, math.ceil(q * (len(sorted_values) + missing) - _RANK_SLACK))
    return float(sorted_values[rank - 1]) if rank <= len(sorted_values) else None


def distribution(values: NDArray[np.float64], missing: int = 0) -> Distribution:
    """The `metric.STATISTICS` of raw values, in any order.

    `n` counts the values that are there. With `missing` ones (see `percentile`) the mean and the maximum are unknown: None;
    a mean over those that finished would drop the slow ones.
    """
    ordered = np.sort(values)
    is_whole = len(ordered) > 0 and missing == 0
    statistics: Distribution = {"mean": float(np.mean(ordered)) if is_whole else None}
    for name, q in PERCENTILES.items():
        statistics[name] = percentile(ordered, q, missing)
    statistics["n"] = len(ordered)
    return statistics


def ecdf(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The empirical distribution: ascending values, and the share of all values at or below each."""
    ordered = np.sort(values)
    return ordered, np.arange(1, len(ordered) + 1, dtype=np.float64) / max(1, len(ordered))


def is_stated(q: float, n: int) -> bool:
    """Whether `n` independent values suffice to state percentile `q` (p50 from 7, p90 from 44, p95 from 90, p99 from 459).

    Gaps between tokens are not independent, since a step gives one to each of its members: count their decode steps instead
    (`latency.LatencyValues.independent`).
    """
    return n > 0 and q**n <= STATED_AT_MOST
