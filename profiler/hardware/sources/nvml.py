"""Reads NVIDIA's GPUs through NVML, the library of NVIDIA's driver (`pynvml`, imported when first needed).

`memory_busy_percent` is the share of time in which the memory was busy, not a share of its bandwidth; that is
`dram_bandwidth_percent`, where the GPU tells it. `energy_joules` counts since the driver was loaded: only differences mean
something. `throttle_reasons` is NVML's bit mask. A GPU that is split (MIG) has further channels for each part, "gpu0_mig0_".
"""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from profiler.hardware.sources.nvml_readings import NvmlReading, Way, gpu_readings, part_readings
from profiler.hardware.sources.source import ReadingFailed
from profiler.hardware.sources.watched_process import WatchedProcess
from profiler.records.fingerprint import Device, TelemetrySource

_NAME = "nvml"


@dataclass(frozen=True, slots=True)
class _Probe:
    """A reading of one GPU or part, by the way that worked when it was tried."""

    device: str
    channels: tuple[str, ...]
    read: Way
    reading: NvmlReading


class NvmlSource:
    """Every GPU that the driver lists, and of each what its driver and model tell."""

    def __init__(self, watched: WatchedProcess | None = None) -> None:
        """Find out; `watched` is the process whose memory on the GPU is told."""
        self._watched = watched or WatchedProcess()
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
        failures: dict[str, str] = {}
        for probe in self._probes:
            try:
                readings.update(zip(probe.channels, probe.read(), strict=True))
            except self._nvml.NVMLError as error:
                failures.setdefault(probe.device, f"{probe.device} stopped telling {probe.channels[0]}: {_said(error)}.")
        if failures:
            raise ReadingFailed(" ".join(failures.values()), readings)
        return readings

    def close(self) -> None:
        """Give NVML back."""
        for probe in self._probes:
            probe.reading.close()
        if self._nvml is not None:
            _stop(self._nvml)

    def _try_gpu(self, nvml: Any, gpu: int) -> None:
        """Find out which readings this GPU and its parts offer."""
        name = f"gpu{gpu}"
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(gpu)
        except nvml.NVMLError as error:
            self._absences.append(f"{name} cannot be read: {_said(error)}.")
            return
        self._try_readings(nvml, name, gpu_readings(nvml, handle, self._watched))
        parts = list(_parts(nvml, handle))
        if parts:
            self._absences.append(f"{name} is split (MIG): its power, energy, temperature and clocks are of all parts together.")
        for number, part in enumerate(parts):
            try:
                readings = part_readings(nvml, handle, part)
            except nvml.NVMLError as error:
                self._absences.append(f"{name}_mig{number} cannot be read: {_said(error)}.")
                continue
            self._try_readings(nvml, f"{name}_mig{number}", readings)

    def _try_readings(self, nvml: Any, device: str, readings: Iterable[NvmlReading]) -> None:
        refused: dict[str, list[str]] = {}
        for reading in readings:
            for way in reading.ways:
                try:
                    way()
                except nvml.NVMLError as error:
                    last_error = _said(error)
                    continue
                channels = tuple(f"{device}_{suffix}" for suffix in reading.suffixes)
                self._probes.append(_Probe(device, channels, way, reading))
                break
            else:
                refused.setdefault(last_error, []).extend(reading.suffixes)
        self._absences += [f"{device} does not tell {', '.join(names)}: {error}." for error, names in refused.items()]


def devices() -> tuple[Device, ...]:
    """The GPUs that NVIDIA's driver lists, for the fingerprint, parts instead of a GPU that is split; empty without a driver.

    A GPU in trouble is left out: the telemetry source tells the reason. One that shares the processor's memory has no size.
    """
    nvml, _ = _started()
    if nvml is None:
        return ()
    found = []
    try:
        driver = nvml.nvmlSystemGetDriverVersion()
        for gpu in range(nvml.nvmlDeviceGetCount()):
            found += _devices_of(nvml, gpu, driver)
    except nvml.NVMLError:  # a driver in trouble lists nothing
        pass
    finally:
        _stop(nvml)
    return tuple(found)


def _devices_of(nvml: Any, gpu: int, driver: str) -> list[Device]:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(gpu)
        listed = [_device(nvml, part, driver) for part in list(_parts(nvml, handle)) or [handle]]
    except nvml.NVMLError:
        return []
    # Asked of the whole card: its parts do not tell it.
    firmware, is_split = _firmware(nvml, handle), _is_split(nvml, handle)
    return [dataclasses.replace(device, firmware=firmware, is_split=is_split) for device in listed]


def _device(nvml: Any, handle: Any, driver: str) -> Device:
    name = nvml.nvmlDeviceGetName(handle)
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError_NotSupported:  # NVML's answer where processor and GPU share one memory (GB10, Jetson)
        return Device(name, "gpu", "NVML", None, None, driver, shares_main_memory=True)
    return Device(name, "gpu", "NVML", int(memory.total), int(memory.free), driver, shares_main_memory=False)


def _firmware(nvml: Any, gpu: Any) -> str | None:
    """The version of the card's VBIOS; None where it has none or does not tell."""
    try:
        return nvml.nvmlDeviceGetVbiosVersion(gpu) or None
    except nvml.NVMLError:
        return None


def _is_split(nvml: Any, gpu: Any) -> bool | None:
    """Whether the GPU is split into parts (MIG); None for one that cannot be."""
    try:
        return bool(nvml.nvmlDeviceGetMigMode(gpu)[0] == nvml.NVML_DEVICE_MIG_ENABLE)
    except nvml.NVMLError:
        return None


def _parts(nvml: Any, gpu: Any) -> Iterator[Any]:
    """Handles of the parts of a GPU that is split; none of one that is whole or cannot be split."""
    if not _is_split(nvml, gpu):
        return
    try:
        most = nvml.nvmlDeviceGetMaxMigDeviceCount(gpu)
    except nvml.NVMLError:
        return
    for number in range(most):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, number)
        except nvml.NVMLError:  # the numbers have gaps
            continue


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
