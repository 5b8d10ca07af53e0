"""How many requests were in the system, from their own instants: due until ended, however they ended."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import reached


def mean_in_system(requests: NDArray[Any], edges_ns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The time-weighted mean number of requests in the system between each two consecutive edges, which rise.

    A request that never ended is in the system for good.
    """
    origin_ns = edges_ns[0]
    due_ns = requests["due_ns"].astype(np.float64) - origin_ns
    ended = requests["end_ns"][reached(requests["end_ns"])].astype(np.float64) - origin_ns
    edges = edges_ns - origin_ns
    stays_ns = _elapsed_since(due_ns, edges) - _elapsed_since(ended, edges)
    return np.asarray(np.diff(stays_ns) / np.diff(edges))


def _elapsed_since(instants_ns: NDArray[np.float64], at_ns: NDArray[np.float64]) -> NDArray[np.float64]:
    """At each instant, how long ago all those before it were, added up."""
    ordered = np.sort(instants_ns)
    sums = np.concatenate(([0.0], np.cumsum(ordered)))
    before = np.searchsorted(ordered, at_ns)
    return np.asarray(before * at_ns - sums[before])


def in_system_at(requests: NDArray[Any], instant_ns: int) -> int:
    """How many were due at that instant or before it and had not ended."""
    has_left = reached(requests["end_ns"]) & (requests["end_ns"] <= instant_ns)
    return int(np.count_nonzero((requests["due_ns"] <= instant_ns) & ~has_left))
