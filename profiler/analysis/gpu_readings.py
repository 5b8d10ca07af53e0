"""What each GPU tells of itself: its newest readings, and its power over time. Pure; NaN and None: not told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.records import gpu_channel
from profiler.records.power_meter import COUNTER_SUFFIX, POWER_SUFFIX
from profiler.records.timing import Samples

NVML_DISTRESS = 0x08 | 0x20 | 0x40 | 0x80
"""NVML's clock event reasons that are distress: hardware slowdown, software and hardware thermal slowdown, power brake. A power
cap is a card's normal state at full load."""

NEW_NS = 3_000_000_000
"""An older reading tells nothing of now: the GPU may have gone."""


@dataclass(frozen=True, slots=True)
class GpuNow:
    """One GPU, or a part of one that is split, as it is.

    Attributes:
        device: as its channels begin ("gpu0").
        used_bytes: of its own memory, by all programs.
        engine_bytes: of it, by the engine's process.
        busy_percent: its maker's word for it (`gpu_channel.maker`).
        is_whole_chip: the power is that of the processor with the GPU in it.
        is_slowed: it slows itself down for heat or want of power; of Intel's: it is held back for any reason.
    """

    device: str
    used_bytes: float | None = None
    engine_bytes: float | None = None
    busy_percent: float | None = None
    power_watts: float | None = None
    is_whole_chip: bool = False
    temperature_celsius: float | None = None
    clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    is_slowed: bool = False


def gpus_now(samples: Samples) -> tuple[GpuNow, ...]:
    """Every GPU among the channels, whether or not it tells anything at the moment."""
    found = gpu_channel.devices(samples.channels)
    return tuple(_now(samples, device, found) for device in found)


def memory_used_bytes(samples: Samples, device: str) -> NDArray[np.float64]:
    """Of a GPU's own memory, by all programs; NaN where it is not told."""
    return _first(samples, [f"{device}_vram_used_bytes", f"{device}_memory_used_bytes"])


def engine_memory_bytes(samples: Samples, device: str, every: Sequence[str]) -> NDArray[np.float64]:
    """Of a GPU's own memory, by the engine; NaN where it is not told.

    Linux's drivers tell it of a process over all its GPUs of AMD and Intel, so it is one GPU's only where there is one of these.

    Args:
        samples: the run's.
        device: of `every`.
        every: all GPUs.
    """
    names = [f"{device}_process_vram_bytes"]
    if [other for other in every if gpu_channel.maker(other).name in ("AMD", "Intel")] == [device]:
        names.append("process_drm_vram_bytes")
    return _first(samples, names)


def power_watts(samples: Samples, device: str) -> NDArray[np.float64]:
    """Power at each sample; from the energy counter, where there is only that, the mean since the sample before."""
    told = _first(samples, [f"{device}{POWER_SUFFIX}", f"{device}_package{POWER_SUFFIX}"])
    counter = samples.channels.get(f"{device}{COUNTER_SUFFIX}")
    if np.isfinite(told).any() or counter is None:
        return told
    watts = np.full(len(counter), np.nan)
    is_read = np.flatnonzero(np.isfinite(counter))
    steps_j, steps_s = np.diff(counter[is_read]), np.diff(samples.times_ns[is_read]) / 1e9
    watts[is_read[1:]] = np.where(steps_j >= 0, steps_j / steps_s, np.nan)  # a counter that fell began anew
    return watts


def busy_percent(samples: Samples, device: str) -> NDArray[np.float64]:
    """By its maker's word for it; NaN where it is not told."""
    return _first(samples, [f"{device}_{gpu_channel.maker(device).busy}"])


def is_slowed(quantity: str, reading: float) -> bool:
    """Whether this reading of a GPU says that it does not run as fast as it was asked to; other quantities never say so."""
    if quantity == "throttle_reasons":
        return bool(int(reading) & NVML_DISTRESS)
    return quantity == "held_back" and reading > 0


def _now(samples: Samples, device: str, every: Sequence[str]) -> GpuNow:
    def newest(series: NDArray[np.float64]) -> float | None:
        places = np.flatnonzero(np.isfinite(series))
        if not len(places) or samples.times_ns[-1] - samples.times_ns[places[-1]] > NEW_NS:
            return None
        return float(series[places[-1]])

    def told(quantity: str) -> float | None:
        return newest(_first(samples, [f"{device}_{quantity}"]))

    slowed = [(quantity, told(quantity)) for quantity in ("throttle_reasons", "held_back")]
    return GpuNow(
        device,
        used_bytes=newest(memory_used_bytes(samples, device)),
        engine_bytes=newest(engine_memory_bytes(samples, device, every)),
        busy_percent=newest(busy_percent(samples, device)),
        power_watts=newest(power_watts(samples, device)),
        is_whole_chip=f"{device}_package{POWER_SUFFIX}" in samples.channels,
        temperature_celsius=told("temperature_celsius"),
        clock_mhz=told("clock_mhz"),
        memory_clock_mhz=told("memory_clock_mhz"),
        is_slowed=any(reading is not None and is_slowed(quantity, reading) for quantity, reading in slowed),
    )


def _first(samples: Samples, names: Sequence[str]) -> NDArray[np.float64]:
    """The first of these channels that is there; NaN throughout without any."""
    there = (samples.channels[name] for name in names if name in samples.channels)
    return next(there, np.full(len(samples.times_ns), np.nan))
