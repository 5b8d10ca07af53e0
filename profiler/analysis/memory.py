"""Peaks of memory over a run's telemetry. A peak has to fit, so it is that of the whole run, not of the window."""

import re

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import Samples

_GPU_USED = re.compile(r"(amd)?gpu\d+_vram_used_bytes")


def rss_peak_bytes(samples: Samples) -> float | None:
    """Largest resident set of the engine process; None when it was never read."""
    return _peak(samples.channels.get("process_rss_bytes"))


def vram_peak_bytes(samples: Samples) -> float | None:
    """Largest used memory summed over all GPUs at one instant; None when no GPU was read."""
    return _peak(vram_used_bytes(samples))


def vram_used_bytes(samples: Samples) -> NDArray[np.float64] | None:
    """Used memory of all GPUs at each sample, NaN where one of them could not be read; None without a GPU."""
    gpus = [column for name, column in samples.channels.items() if _GPU_USED.fullmatch(name)]
    return np.sum(gpus, axis=0) if gpus else None


def _peak(column: NDArray[np.float64] | None) -> float | None:
    if column is None:
        return None
    readings = column[np.isfinite(column)]
    return float(readings.max()) if len(readings) else None
