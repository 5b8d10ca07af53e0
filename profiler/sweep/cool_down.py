"""Waits after a throttled run until the machine has cooled down, so that the next one does not begin where that one ended.

The cores' clocks do not decide: between two runs they are low because there is nothing to do.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping

import numpy as np

from profiler import clock
from profiler.analysis.gpu_readings import is_slowed
from profiler.analysis.validity import FREQUENCY_FELL, THROTTLED
from profiler.records import gpu_channel
from profiler.records.timing import Samples
from profiler.units import significant

LIMIT_S = 60.0
BLIND_S = 15.0
"""Waited where no sensor tells when it is over."""

POLL_S = 0.5
MOST_ABOVE_CELSIUS = 5.0
"""A temperature this much above where it began is back."""

_TEMPERATURE = re.compile(r"(cpu|macmon_cpu|.*gpu\d*)_temperature_celsius")
_THROTTLE_QUANTITIES = ("throttle_reasons", "held_back")

Readings = Mapping[str, float]


def newest(samples: Samples) -> dict[str, float]:
    """The last reading of each channel that has one."""
    found = {}
    for name, column in samples.channels.items():
        there = column[np.isfinite(column)]
        if len(there):
            found[name] = float(there[-1])
    return found


def heat(now: Readings, began: Readings) -> list[str]:
    """What still tells of heat, each in words; empty when the machine is as it began.

    Args:
        now: newest readings.
        began: readings from before the first run; a temperature that has none there does not count.
    """
    told = []
    for channel, reading in now.items():
        gpu, temperature = gpu_channel.split(channel), _TEMPERATURE.fullmatch(channel)
        was_held_back = channel.endswith("_held_back") and began.get(channel, 0) > 0  # it may be so for ever
        if gpu is not None and is_slowed(gpu[1], reading) and not was_held_back:
            told.append(f"{gpu[0]} slows itself down")
        elif temperature is not None and reading > began.get(channel, math.inf) + MOST_ABOVE_CELSIUS:
            name = "the processor" if temperature[1].endswith("cpu") else temperature[1]
            told.append(f"{name} is at {significant(reading, 2)} °C, after {significant(began[channel], 2)} °C at the beginning")
    return told


class CoolDown:
    """Asked between runs, by the sweep's thread."""

    def __init__(
        self,
        drain: Callable[[], Samples],
        wait: Callable[[float], bool],
        *,
        now_ns: Callable[[], int] = clock.now_ns,
        limit_s: float = LIMIT_S,
    ) -> None:
        """Take readings and time from outside.

        Args:
            drain: the telemetry's samples since the last call.
            wait: waits so many seconds; False when the sweep is to end, which ends the waiting.
            now_ns: the clock.
            limit_s: longer is never waited.
        """
        self._drain = drain
        self._wait = wait
        self._now_ns = now_ns
        self._limit_s = limit_s
        self._began: dict[str, float] = {}

    def begin(self) -> None:
        """Remember how the machine is before the first run; later calls add what had no reading yet."""
        self._began = {**newest(self._drain()), **self._began}

    def after(self, flags: Collection[str]) -> str:
        """Wait if the run that ended with these flags ("name: sentence") was throttled; a sentence when it waited, else empty."""
        if not {flag.partition(":")[0] for flag in flags} & {THROTTLED, FREQUENCY_FELL}:
            return ""
        start_ns = self._now_ns()
        readings = newest(self._drain())
        has_sensor = any(self._tells(channel) for channel in readings)
        limit_s = self._limit_s if has_sensor else min(BLIND_S, self._limit_s)
        reasons = heat(readings, self._began)
        may_go_on = True
        while may_go_on and (reasons or not has_sensor) and self._waited_s(start_ns) < limit_s:
            may_go_on = self._wait(min(POLL_S, limit_s - self._waited_s(start_ns)))
            readings |= newest(self._drain())
            if not has_sensor and any(self._tells(channel) for channel in readings):
                has_sensor, limit_s = True, self._limit_s
            reasons = heat(readings, self._began)
        return self._told(self._waited_s(start_ns), reasons, has_sensor=has_sensor)

    def _tells(self, channel: str) -> bool:
        is_temperature = _TEMPERATURE.fullmatch(channel) is not None and channel in self._began
        gpu = gpu_channel.split(channel)
        return is_temperature or (gpu is not None and gpu[1] in _THROTTLE_QUANTITIES)

    def _waited_s(self, start_ns: int) -> float:
        return (self._now_ns() - start_ns) / 1e9

    def _told(self, seconds: float, reasons: list[str], *, has_sensor: bool) -> str:
        if not has_sensor:
            return f"Waited {seconds:.0f} s after a throttled run; no sensor tells when the machine has cooled down."
        if reasons:
            return f"Waited {seconds:.0f} s after a throttled run and go on although {' and '.join(reasons)}."
        return f"Waited {seconds:.0f} s after a throttled run until the machine had cooled down." if seconds >= 0.5 else ""
