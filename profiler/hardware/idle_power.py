"""Measures what the machine draws while nothing runs, before a sweep, so that it can be subtracted afterwards."""

import threading
from collections.abc import Sequence

import numpy as np

from profiler import clock
from profiler.hardware.sources.source import Source
from profiler.hardware.telemetry import Telemetry, meter_sources
from profiler.records.power_meter import COUNTER_SUFFIX, IdleDraw, IdlePower, meter_name
from profiler.records.timing import Samples

DURATION_S = 3.0
_PERIOD_S = 0.1
_BLOCKS = 6
"""Neighbouring readings are not independent (a card averages its power over up to a second), so the spread is that of parts."""


def measure(
    duration_s: float = DURATION_S, *, sources: Sequence[Source] | None = None, stop: threading.Event | None = None
) -> IdlePower | None:
    """Look at the meters for a while; None at once when there are none, and when it was stopped.

    Args:
        duration_s: how long.
        sources: instead of this machine's; they are closed.
        stop: set from elsewhere, ends it early.
    """
    sources = meter_sources() if sources is None else sources
    meters = [source for source in sources if any(meter_name(channel) is not None for channel in source.channels)]
    for source in sources:
        if source not in meters:
            source.close()
    if not meters:
        return None
    telemetry = Telemetry(None, _PERIOD_S, sources=meters)
    telemetry.start(clock.now_ns())
    was_stopped = (stop or threading.Event()).wait(duration_s)
    telemetry.stop()
    return None if was_stopped else idle_power(telemetry.drain())


def idle_power(samples: Samples) -> IdlePower | None:
    """The mean draw of each meter and its standard error from the means of six equal parts of the time.

    A counter's mean is its difference over the time. None when no meter was read at least twice.
    """
    draws: dict[str, IdleDraw] = {}
    duration_s = 0.0
    # Counters come last, to take the place of the same device's power.
    for channel in sorted(samples.channels, key=lambda channel: channel.endswith(COUNTER_SUFFIX)):
        name, column = meter_name(channel), samples.channels[channel]
        is_read = np.isfinite(column)
        if name is None or np.count_nonzero(is_read) < 2:
            continue
        times_s, readings = samples.times_ns[is_read] / 1e9, column[is_read]
        edges_s = np.linspace(times_s[0], times_s[-1], _BLOCKS + 1)
        spent_j = readings if channel.endswith(COUNTER_SUFFIX) else _integral(times_s, readings)
        if (np.diff(spent_j) < 0).any():
            continue
        parts_watts = np.diff(np.interp(edges_s, times_s, spent_j)) / np.diff(edges_s)
        error = float(np.std(parts_watts, ddof=1) / np.sqrt(_BLOCKS)) if len(readings) > _BLOCKS else None
        draws[name] = IdleDraw(float(parts_watts.mean()), error, _BLOCKS - 1)
        duration_s = max(duration_s, float(times_s[-1] - times_s[0]))
    return IdlePower(draws, duration_s) if draws else None


def _integral(times_s: np.ndarray, watts: np.ndarray) -> np.ndarray:
    """Joules since the first reading, at each."""
    steps_j = np.diff(times_s) * (watts[1:] + watts[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps_j)))
