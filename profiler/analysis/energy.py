"""Energy over a window from the meters among the telemetry: a counter where a device has one, else its power over time."""

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window
from profiler.records.timing import Samples

COUNTER_SUFFIX = "_energy_joules"  # rises only; NVML's total-energy counter in joules
POWER_SUFFIX = "_power_watts"

EDGE_TOLERANCE_NS = 1_000_000_000
"""Readings must reach this close to both ends of the window; a meter that fell silent earlier has not measured it."""


def energy_j(samples: Samples, window: Window) -> float | None:
    """Gross energy of all readable devices over the window, in joules; None when no device has a meter for it.

    A device's counter gives the difference of two reads, at the window's ends by linear interpolation; a device with power
    readings only gives their trapezoid sum.
    """
    devices: dict[str, float] = {}
    for suffix, measure in ((COUNTER_SUFFIX, _counted_j), (POWER_SUFFIX, _integrated_j)):
        for name, column in samples.channels.items():
            device = name.removesuffix(suffix)
            if device == name or device in devices:
                continue
            is_read = np.isfinite(column)
            times_ns, readings = samples.times_ns[is_read], column[is_read]
            if _covers(times_ns, window):
                devices[device] = measure(times_ns, readings, window)
    return sum(devices.values()) if devices else None


def tokens_per_joule(output_tokens: int, joules: float | None) -> float | None:
    """Output tokens stamped in a window for each joule spent in it; None without a meter or when it did not move."""
    return output_tokens / joules if joules else None


def _covers(times_ns: NDArray[np.int64], window: Window) -> bool:
    return (
        len(times_ns) >= 2
        and window.end_ns > window.start_ns
        and bool(times_ns[0] <= window.start_ns + EDGE_TOLERANCE_NS)
        and bool(times_ns[-1] >= window.end_ns - EDGE_TOLERANCE_NS)
    )


def _counted_j(times_ns: NDArray[np.int64], joules: NDArray[np.float64], window: Window) -> float:
    at_ends = np.interp([window.start_ns, window.end_ns], times_ns, joules)
    return float(at_ends[1] - at_ends[0])


def _integrated_j(times_ns: NDArray[np.int64], watts: NDArray[np.float64], window: Window) -> float:
    is_inside = (times_ns > window.start_ns) & (times_ns < window.end_ns)
    at_ends = np.interp([window.start_ns, window.end_ns], times_ns, watts)
    instants_ns = np.concatenate(([window.start_ns], times_ns[is_inside], [window.end_ns]))
    readings = np.concatenate((at_ends[:1], watts[is_inside], at_ends[1:]))
    return float(np.trapezoid(readings, instants_ns / 1e9))
