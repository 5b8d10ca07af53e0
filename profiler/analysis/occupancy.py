"""How full the batch, the KV cache and the queue were, weighted by the time of the steps inside a window."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window


def batch_occupancy(steps: NDArray[Any], window: Window) -> float | None:
    """Mean number of sequences in a step, Σ B·dt / Σ dt; time without a step does not count."""
    return _mean_over_steps(steps, "sequences", window)


def kv_occupancy(steps: NDArray[Any], window: Window, kv_cells: int | None) -> float | None:
    """KV cells in use, in percent of the `kv_cells` allocated over all sequences."""
    used = _mean_over_steps(steps, "kv_used_cells", window)
    return None if used is None or not kv_cells else 100 * used / kv_cells


def waiting(steps: NDArray[Any], window: Window) -> float | None:
    """Mean number of requests that were due and not yet started."""
    return _mean_over_steps(steps, "waiting", window)


def _mean_over_steps(steps: NDArray[Any], column: str, window: Window) -> float | None:
    weights_ns = window.overlap_ns(steps)
    total_ns = int(weights_ns.sum())
    return float(np.dot(steps[column].astype(np.float64), weights_ns) / total_ns) if total_ns > 0 else None
