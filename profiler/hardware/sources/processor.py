"""Reads how busy the processor is: each core, all of it, and what of it other programs take."""

import math
from collections import deque
from typing import Any, NamedTuple

import psutil

from profiler.hardware.sources.watched_process import OwnProcesses, WatchedProcess
from profiler.records.fingerprint import TelemetrySource

_BUSY_FIELDS = ("user", "nice", "system", "irq", "softirq", "steal")
_IDLE_FIELDS = ("idle", "iowait")
_FOREIGN_WINDOW_S = 1.0


class CoreSeconds(NamedTuple):
    """What a core, or all cores together, spent since the machine started.

    Attributes:
        busy_s: doing anything, time that a hypervisor took away ("steal") included.
        total_s: busy or idle.
    """

    busy_s: float
    total_s: float


class Usage(NamedTuple):
    """A moment's account of the whole machine and of our own processes (seconds by process id)."""

    machine: CoreSeconds
    own_s: dict[int, float]


def core_seconds() -> list[CoreSeconds]:
    """Each core's account now."""
    return [_core_seconds(times) for times in psutil.cpu_times(percpu=True)]


def summed(cores: list[CoreSeconds]) -> CoreSeconds:
    """All cores together."""
    return CoreSeconds(sum(core.busy_s for core in cores), sum(core.total_s for core in cores))


def busy_percent(before: CoreSeconds, after: CoreSeconds) -> float:
    """The busy share between two accounts; NaN when no time has passed."""
    total_s = after.total_s - before.total_s
    return 100 * min(max(after.busy_s - before.busy_s, 0) / total_s, 1) if total_s > 0 else math.nan


def foreign_percent(before: Usage, after: Usage) -> float:
    """The machine's busy share minus that of our own processes, in percent of ALL cores.

    Kernels count a process's time more finely than a core's, so that small differences fall below zero: these are 0. NaN when
    a process of ours came or went, since what it did in between is not known, and when no time has passed.
    """
    total_s = after.machine.total_s - before.machine.total_s
    if total_s <= 0 or before.own_s.keys() != after.own_s.keys():
        return math.nan
    own_s = sum(after.own_s.values()) - sum(before.own_s.values())
    return 100 * min(max(after.machine.busy_s - before.machine.busy_s - own_s, 0) / total_s, 1)


class ForeignLoad:
    """Foreign load over the last second: over one period of the sampler the kernel's ticks of 4 to 16 ms would be most of it."""

    def __init__(self) -> None:
        self._usages: deque[Usage] = deque()

    def percent(self, usage: Usage, cores: int) -> float:
        """The foreign load up to `usage`; NaN for the first one and for one at which our processes changed."""
        if self._usages and self._usages[-1].own_s.keys() != usage.own_s.keys():
            self._usages.clear()
        self._usages.append(usage)
        while len(self._usages) > 2 and usage.machine.total_s - self._usages[1].machine.total_s >= _FOREIGN_WINDOW_S * cores:
            self._usages.popleft()
        return foreign_percent(self._usages[0], usage)


class ProcessorSource:
    """Load of each core and of all, and the foreign load."""

    def __init__(self, watched: WatchedProcess) -> None:
        self._own = OwnProcesses(watched)
        self._foreign = ForeignLoad()
        self._cores = len(core_seconds())
        self._last: list[CoreSeconds] | None = None

    @property
    def told(self) -> TelemetrySource:
        """Always there."""
        return TelemetrySource("processor", True)

    @property
    def channels(self) -> tuple[str, ...]:
        """One for each core, and two for all."""
        return ("cpu_percent", "foreign_cpu_percent", *(f"cpu_percent_{core}" for core in range(self._cores)))

    def read(self) -> dict[str, float]:
        """Load since the last reading, so none at the first; the foreign load over the last second."""
        cores = core_seconds()
        usage = Usage(summed(cores), self._own.cpu_seconds())
        readings = {"foreign_cpu_percent": self._foreign.percent(usage, len(cores))}
        if self._last is not None:
            readings["cpu_percent"] = busy_percent(summed(self._last), usage.machine)
            # A core may be switched off meanwhile: it has no reading then.
            for core, (before, after) in enumerate(zip(self._last, cores, strict=False)):
                readings[f"cpu_percent_{core}"] = busy_percent(before, after)
        self._last = cores
        return readings

    def close(self) -> None:
        """Holds nothing."""


def _core_seconds(times: Any) -> CoreSeconds:
    # Linux counts "guest" in "user", Windows "interrupt" and "dpc" in "system": these are left out.
    busy_s = sum(getattr(times, field, 0.0) for field in _BUSY_FIELDS)
    return CoreSeconds(busy_s, busy_s + sum(getattr(times, field, 0.0) for field in _IDLE_FIELDS))
