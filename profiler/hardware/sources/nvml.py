"""Reads NVIDIA's GPUs through NVML, the library of NVIDIA's driver (`pynvml`, imported when first needed).

`memory_busy_percent` is the share of time in which the memory was busy, not a share of its bandwidth. `energy_joules` counts
since the driver was loaded: only differences mean something. `throttle_reasons` is NVML's bit mask.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from profiler.hardware.sources.source import ReadingFailed
from profiler.records.fingerprint import Device, TelemetrySource

_NAME = "nvml"

Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One call of NVML.

    Attributes:
        suffixes: channels of what it returns, without the GPU.
        ways: calls that give it, the better first; a driver may lack the newer or the older.
    """

    suffixes: tuple[str, ...]
    ways: tuple[Callable[[Any], Values], ...]


@dataclass(frozen=True, slots=True)
class _Probe:
    """A reading of one GPU, by the way that worked when it was tried."""

    gpu: int
    channels: tuple[str, ...]
    read: Callable[[], Values]


class NvmlSource:
    """Every GPU that the driver lists, and of each what its driver and model tell."""

    def __init__(self) -> None:
        self._probes: list[_Probe] = []
        self._absences: list[str] = []
        self._nvml, reason = _started()
        if self._nvml is None:
            self._absences.append(reason)
            return
        try:
            gpus = range(self._nvml.nvmlDeviceGetCount())
        except self._nvml.NVMLError as error:
            self._absences.append(f"NVIDIA's driver does not list its GPUs: {_said(error)}.")
            return
        if not gpus:
            self._absences.append("NVIDIA's driver lists no GPU.")
        for gpu in gpus:
            self._try_gpu(self._nvml, gpu)

    @property
    def told(self) -> TelemetrySource:
        """There when at least one GPU tells at least one value."""
        return TelemetrySource(_NAME, bool(self._probes), " ".join(self._absences))

    @property
    def channels(self) -> tuple[str, ...]:
        """They begin with the GPU's number in the driver's order, "gpu0_"."""
        return tuple(channel for probe in self._probes for channel in probe.channels)

    def read(self) -> dict[str, float]:
        """Raises ReadingFailed with the readings of the GPUs that are still there."""
        readings: dict[str, float] = {}
        failures: dict[int, str] = {}
        for probe in self._probes:
            try:
                readings.update(zip(probe.channels, probe.read(), strict=True))
            except self._nvml.NVMLError as error:
                failures.setdefault(probe.gpu, f"gpu{probe.gpu} stopped telling {probe.channels[0]}: {_said(error)}.")
        if failures:
            raise ReadingFailed(" ".join(failures.values()), readings)
        return readings

    def close(self) -> None:
        """Give NVML back."""
        if self._nvml is not None:
            _stop(self._nvml)

    def _try_gpu(self, nvml: Any, gpu: int) -> None:
        """Find out which readings this GPU offers."""
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(gpu)
        except nvml.NVMLError as error:
            self._absences.append(f"gpu{gpu} cannot be read: {_said(error)}.")
            return
        refused: dict[str, list[str]] = {}
        for reading in _readings(nvml):
            for way in reading.ways:
                try:
                    way(handle)
                except nvml.NVMLError as error:
                    last_error = _said(error)
                    continue
                channels = tuple(f"gpu{gpu}_{suffix}" for suffix in reading.suffixes)
                self._probes.append(_Probe(gpu, channels, _bound(way, handle)))
                break
            else:
                refused.setdefault(last_error, []).extend(reading.suffixes)
        self._absences += [f"gpu{gpu} does not tell {', '.join(names)}: {error}." for error, names in refused.items()]


def devices() -> tuple[Device, ...]:
    """The GPUs that NVIDIA's driver lists, for the fingerprint; empty without a driver."""
    nvml, _ = _started()
    if nvml is None:
        return ()
    found = []
    try:
        driver = nvml.nvmlSystemGetDriverVersion()
        for gpu in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(gpu)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            name = nvml.nvmlDeviceGetName(handle)
            found.append(Device(name, "gpu", "NVML", int(memory.total), int(memory.free), driver))
    except nvml.NVMLError:  # a driver in trouble: what it told so far is what there is; the telemetry source tells the reason
        pass
    finally:
        _stop(nvml)
    return tuple(found)


def _started() -> tuple[Any, str]:
    """The module, ready; else None and the reason."""
    import pynvml  # late: nobody needs it before the first reading, and `--help` never

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return None, "NVIDIA's driver library (NVML) was not found, so NVIDIA GPUs, if there are any, cannot be read."
    except pynvml.NVMLError as error:
        return None, f"NVIDIA's driver library (NVML) does not start: {_said(error)}."
    return pynvml, ""


def _stop(nvml: Any) -> None:
    try:
        nvml.nvmlShutdown()
    except nvml.NVMLError:  # the driver has gone; there is nothing left to give back
        return


def _said(error: Exception) -> str:
    return str(error).rstrip(".")  # some of NVML's texts end a sentence, most do not


def _bound(way: Callable[[Any], Values], handle: Any) -> Callable[[], Values]:
    return lambda: way(handle)


def _readings(nvml: Any) -> Iterable[_Reading]:
    """What is asked of every GPU. Version 2 of the memory call leaves out what the driver reserves for itself."""

    def utilization(handle: Any) -> Values:
        rates = nvml.nvmlDeviceGetUtilizationRates(handle)
        return float(rates.gpu), float(rates.memory)

    return (
        _Reading(
            ("vram_used_bytes",),
            (
                lambda handle: (float(nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).used),),
                lambda handle: (float(nvml.nvmlDeviceGetMemoryInfo(handle).used),),
            ),
        ),
        _Reading(("utilization_percent", "memory_busy_percent"), (utilization,)),
        _Reading(("power_watts",), (lambda handle: (nvml.nvmlDeviceGetPowerUsage(handle) / 1000,),)),
        _Reading(
            ("temperature_celsius",),
            (
                lambda handle: (float(nvml.nvmlDeviceGetTemperatureV(handle, nvml.NVML_TEMPERATURE_GPU)),),
                lambda handle: (float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),),
            ),
        ),
        _Reading(("clock_mhz",), (lambda handle: (float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),),)),
        _Reading(
            ("throttle_reasons",),
            (
                lambda handle: (float(nvml.nvmlDeviceGetCurrentClocksEventReasons(handle)),),
                lambda handle: (float(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),),
            ),
        ),
        _Reading(("energy_joules",), (lambda handle: (nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000,),)),
    )
