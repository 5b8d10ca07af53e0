"""Samples the machine at a fixed cadence, on a thread of its own, while something is measured.

A reading that fails is NaN at that moment and its source is told once; nothing that a source does ends the thread.
Four samples a second took 0.27 % of one core on a virtual machine of two, most of it because caches have gone cold in between.
"""

import math
import platform
import threading
from collections.abc import Sequence

import numpy as np

from profiler.hardware import cadence
from profiler.hardware.sources.amdgpu import AmdgpuSource
from profiler.hardware.sources.drm_memory import DrmMemorySource
from profiler.hardware.sources.frequency import FrequencySource
from profiler.hardware.sources.group_limits import GroupLimitsSource
from profiler.hardware.sources.intel_gpu import IntelGpuSource
from profiler.hardware.sources.macmon import MacmonSource
from profiler.hardware.sources.memory import MemorySource
from profiler.hardware.sources.nvml import NvmlSource
from profiler.hardware.sources.power_supply import PowerSupplySource
from profiler.hardware.sources.pressure import PressureSource
from profiler.hardware.sources.process import ProcessSource
from profiler.hardware.sources.processor import ProcessorSource
from profiler.hardware.sources.rapl import RaplSource
from profiler.hardware.sources.source import ReadingFailed, Source
from profiler.hardware.sources.temperature import TemperatureSource
from profiler.hardware.sources.watched_process import WatchedProcess
from profiler.records.fingerprint import TelemetrySource
from profiler.records.timing import Samples

DEFAULT_PERIOD_S = 0.25
LATENESS_CHANNEL = "lateness_ms"


def sources_available() -> tuple[TelemetrySource, ...]:
    """Every source of this machine: which can be read, and why the others cannot."""
    sources = _machine_sources(WatchedProcess())
    try:
        return tuple(source.told for source in sources)
    finally:
        for source in sources:
            source.close()


class Telemetry:
    """The sampler: start, drain now and then, stop. Its methods are for one thread; the sampling is on another.

    `lateness_ms` tells how long after its deadline each sample was taken; a deadline missed altogether leaves a gap in the times.
    """

    def __init__(
        self, process_id: int | None, period_s: float = DEFAULT_PERIOD_S, *, sources: Sequence[Source] | None = None
    ) -> None:
        """Find out what can be read.

        Args:
            process_id: the process to watch, None while there is none.
            period_s: seconds between two samples.
            sources: instead of all sources of this machine.
        """
        self._watched = WatchedProcess(process_id)
        self._period_ns = round(period_s * 1e9)
        self._sources = tuple(sources) if sources is not None else _machine_sources(self._watched)
        self._channels = tuple(channel for source in self._sources for channel in source.channels)
        self._origin_ns = 0
        self._lock = threading.Lock()  # guards the next four
        self._times_ns: list[int] = []
        self._rows: list[list[float]] = []
        self._faults: list[str] = []
        self._failed_sources: set[str] = set()
        self._is_stopped = False
        self._wake = threading.Event()  # ends a cadence: for good, or to begin the next one with a sample at once
        self._thread: threading.Thread | None = None

    def start(self, origin_ns: int) -> None:
        """Begin to sample; `origin_ns` as in `set_origin`. Only once."""
        self._origin_ns = origin_ns
        self._thread = threading.Thread(target=self._sample_until_stopped, name="telemetry", daemon=True)
        self._thread.start()

    def watch(self, process_id: int | None) -> None:
        """Watch another process from the next sample on."""
        self._watched.process_id = process_id

    def set_origin(self, origin_ns: int) -> None:
        """Count from this instant of `profiler.clock`; samples that are older and not drained yet are dropped.

        The cadence begins anew with a sample at once, so that a run shorter than the period has one.
        """
        with self._lock:
            self._origin_ns = origin_ns
            kept = [(time_ns, row) for time_ns, row in zip(self._times_ns, self._rows, strict=True) if time_ns >= origin_ns]
            self._times_ns = [time_ns for time_ns, _ in kept]
            self._rows = [row for _, row in kept]
        self._wake.set()

    def drain(self) -> Samples:
        """The samples since the last drain, every channel in each; times since the origin."""
        with self._lock:
            times_ns, rows, origin_ns = self._times_ns, self._rows, self._origin_ns
            self._times_ns, self._rows = [], []
        names = (LATENESS_CHANNEL, *self._channels)
        table = np.array(rows, np.float64).reshape(len(rows), len(names)).T
        return Samples(
            np.array(times_ns, np.int64) - origin_ns,
            {name: np.ascontiguousarray(column) for name, column in zip(names, table, strict=True)},
        )

    def drain_faults(self) -> tuple[str, ...]:
        """A sentence for each source that began to fail since the last call; no source is told twice."""
        with self._lock:
            faults, self._faults = self._faults, []
        return tuple(faults)

    def sources(self) -> tuple[TelemetrySource, ...]:
        """What can be read, and why the rest cannot."""
        return tuple(source.told for source in self._sources)

    def stop(self) -> None:
        """End the sampling; what was not drained still can be. Calling it again does nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        for source in self._sources:
            source.close()

    def _sample_until_stopped(self) -> None:
        while not self._is_stopped:
            for tick in cadence.ticks(self._period_ns, self._wake):
                self._sample(tick)
            self._wake.clear()

    def _sample(self, tick: cadence.Tick) -> None:
        readings: dict[str, float] = {}
        for source in self._sources:
            if source.channels:
                readings.update(self._read(source))
        row = [tick.lateness_ns / 1e6, *(readings.get(channel, math.nan) for channel in self._channels)]
        with self._lock:
            self._times_ns.append(tick.time_ns)
            self._rows.append(row)

    def _read(self, source: Source) -> dict[str, float]:
        """What the source could read; the first failure is noted."""
        try:
            return source.read()
        except ReadingFailed as failure:
            self._note(source.told.name, str(failure))
            return failure.readings
        except Exception as error:  # a driver's or a kernel's surprise costs this reading, never the samples of all others
            self._note(source.told.name, f"{type(error).__name__}: {str(error).rstrip('.')}.")
            return {}

    def _note(self, source_name: str, sentence: str) -> None:
        with self._lock:
            if source_name not in self._failed_sources:
                self._failed_sources.add(source_name)
                self._faults.append(f"Telemetry of {source_name} failed: {sentence}")


def meter_sources() -> tuple[Source, ...]:
    """The sources of this machine that can tell power or energy; whoever asks closes them."""
    sources: list[Source] = [NvmlSource()]
    match platform.system():
        case "Linux":
            sources += [AmdgpuSource(), IntelGpuSource(), RaplSource(), PowerSupplySource()]
        case "Darwin":
            sources.append(MacmonSource())
    return tuple(sources)


def _machine_sources(watched: WatchedProcess) -> tuple[Source, ...]:
    """Of other systems' sources only those that the user of this one may look for are listed as absent."""
    sources: list[Source] = [
        ProcessSource(watched),
        ProcessorSource(watched),
        FrequencySource(),
        TemperatureSource(),
        MemorySource(),
        PressureSource(),
        NvmlSource(watched),
    ]
    match platform.system():
        case "Linux":
            sources += [AmdgpuSource(), IntelGpuSource(), DrmMemorySource(watched), RaplSource(), GroupLimitsSource()]
        case "Darwin":
            sources.append(MacmonSource())
    return (*sources, PowerSupplySource())
