"""What is asked of every NVIDIA GPU, and of every part of one that is split (MIG): calls of NVML, the better way first."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from profiler import clock
from profiler.hardware.sources.nvml_gpm import DramBandwidth
from profiler.hardware.sources.watched_process import WatchedProcess

Values = tuple[float, ...]
Way = Callable[[], Values]

_PROCESS_PERIOD_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class NvmlReading:
    """One reading of one GPU.

    Attributes:
        suffixes: channels of what it gives, without the GPU.
        ways: functions that give it or make what gives it, tried in turn: a driver may lack the newer or the older. Each raises
            NVMLError (at the first call, or later when the GPU fails).
        close: gives back what it holds.
    """

    suffixes: tuple[str, ...]
    ways: tuple[Way, ...]
    close: Callable[[], None] = lambda: None


def gpu_readings(nvml: Any, gpu: Any, watched: WatchedProcess) -> tuple[NvmlReading, ...]:
    """Of a whole GPU. Version 2 of the memory call leaves out what the driver reserves for itself."""

    def utilization() -> Values:
        rates = nvml.nvmlDeviceGetUtilizationRates(gpu)
        return float(rates.gpu), float(rates.memory)

    def one(suffix: str, *ways: Callable[[], float]) -> NvmlReading:
        return NvmlReading((suffix,), tuple(_single(way) for way in ways))

    return (
        memory_reading(nvml, gpu, "vram_used_bytes"),
        process_reading(nvml, gpu, watched),
        NvmlReading(("utilization_percent", "memory_busy_percent"), (utilization,)),
        one("power_watts", lambda: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000),
        one(
            "temperature_celsius",
            lambda: nvml.nvmlDeviceGetTemperatureV(gpu, nvml.NVML_TEMPERATURE_GPU),
            lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
        ),
        one("clock_mhz", lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
        one("memory_clock_mhz", lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM)),
        one(
            "throttle_reasons",
            lambda: nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu),
            lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu),
        ),
        one("energy_joules", lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000),
        bandwidth_reading(nvml, gpu),
    )


def part_readings(nvml: Any, gpu: Any, part: Any) -> tuple[NvmlReading, ...]:
    """Of a MIG device. Power, energy, temperature and clocks are the whole GPU's; utilization is told of neither."""
    instance = nvml.nvmlDeviceGetGpuInstanceId(part)
    return memory_reading(nvml, part, "memory_used_bytes"), bandwidth_reading(nvml, gpu, instance)


def memory_reading(nvml: Any, device: Any, suffix: str) -> NvmlReading:
    """Memory in use by all programs. A GPU that shares the processor's memory (GB10, Jetson) tells none."""
    return NvmlReading(
        (suffix,),
        (
            _single(lambda: nvml.nvmlDeviceGetMemoryInfo(device, version=nvml.nvmlMemory_v2).used),
            _single(lambda: nvml.nvmlDeviceGetMemoryInfo(device).used),
        ),
    )


def process_reading(nvml: Any, gpu: Any, watched: WatchedProcess) -> NvmlReading:
    """Memory that the watched process holds on this GPU; NaN while the driver does not list it.

    Not listed are a process without anything on this GPU, and one in a container, where the driver knows another number for it;
    on Windows the driver lists processes without their memory. Asked once a second, in between the last answer stands: the driver
    goes through all programs that use the GPU.
    """
    # By their versioned names: the plain ones raise what is no NVMLError when a driver lacks them.
    lists = (nvml.nvmlDeviceGetComputeRunningProcesses_v3, nvml.nvmlDeviceGetGraphicsRunningProcesses_v3)
    last: list[tuple[int | None, int, float]] = []

    def used() -> float:
        process_id, now_ns = watched.process_id, clock.now_ns()
        if last and last[0][0] == process_id and now_ns - last[0][1] < _PROCESS_PERIOD_NS:
            return last[0][2]
        found = math.nan
        for listed in lists:  # CUDA's are in the first, Vulkan's in the second, some in both
            sizes = [one.usedGpuMemory for one in listed(gpu) if one.pid == process_id and one.usedGpuMemory is not None]
            if sizes:
                found = float(sum(sizes))
                break
        last[:] = [(process_id, now_ns, found)]
        return found

    return NvmlReading(("process_vram_bytes",), (_single(used),))


def bandwidth_reading(nvml: Any, gpu: Any, instance: int | None = None) -> NvmlReading:
    """Share of the theoretical memory bandwidth that is in use (Hopper and later)."""
    made: list[DramBandwidth] = []

    def percent() -> float:
        if not made:
            made.append(DramBandwidth(nvml, gpu, instance))
        return made[0].read()

    def close() -> None:
        for one in made:
            one.close()

    return NvmlReading(("dram_bandwidth_percent",), (_single(percent),), close)


def _single(read: Callable[[], float]) -> Way:
    return lambda: (float(read()),)
