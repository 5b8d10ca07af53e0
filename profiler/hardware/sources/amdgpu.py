"""Reads AMD's GPUs through what Linux's amdgpu driver tells in /sys (the kernel's documentation, "drm/amdgpu").

Its meters are not NVIDIA's: `utilization_percent` is the firmware's average of how busy the graphics and compute part is,
`power_watts` of a card is that of its chip as the firmware estimates it, so the channels bear the driver's name and no figure
compares them. A processor with graphics inside (an APU) tells the power of the whole chip, cores included: `package_power_watts`.
"""

import math
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from profiler.hardware.sources.drm_card import CardReadings, DrmCard, cards
from profiler.hardware.sources.gauge_source import GaugeSource
from profiler.hardware.sources.gauges import Gauge, first_there, text

_NAME = "amdgpu"
_ACTIVE_LEVEL = re.compile(r"(\d+)\s*mhz\s*\*", re.IGNORECASE)
_TEMPERATURES = {"edge": "temperature_celsius", "junction": "hotspot_celsius", "mem": "memory_temperature_celsius"}


class AmdgpuSource(GaugeSource):
    """Every card that the driver runs; channels begin with the card's number in the kernel's order, "amdgpu0_"."""

    def __init__(self, root: Path = Path("/")) -> None:
        found = cards(root, ("amdgpu",), "amdgpu")
        readings = CardReadings((card, _gauges(card)) for card in found)
        if found:
            shared = [f"{card.name} is part of the processor: its power is the whole chip's." for card in found if _is_apu(card)]
            reason = " ".join([*shared, *readings.absences])
        elif platform.system() == "Linux":
            reason = "The kernel's amdgpu driver runs no GPU here."
        else:
            reason = "AMD's GPUs are read on Linux only."
        super().__init__(_NAME, readings, reason)


def _gauges(card: DrmCard) -> Iterator[Gauge]:
    """What this card offers. Sizes are in bytes, power in µW, temperatures in thousandths of a degree, hwmon's clocks in Hz."""
    device, sensors = card.device, card.hwmon
    yield from first_there(f"{card.name}_utilization_percent", [device / "gpu_busy_percent"])
    yield from first_there(f"{card.name}_memory_busy_percent", [device / "mem_busy_percent"])
    yield from first_there(f"{card.name}_vram_used_bytes", [device / "mem_info_vram_used"])
    yield from first_there(f"{card.name}_gtt_used_bytes", [device / "mem_info_gtt_used"])
    yield from _clock(f"{card.name}_clock_mhz", "freq1_input", "pp_dpm_sclk", card)
    yield from _clock(f"{card.name}_memory_clock_mhz", "freq2_input", "pp_dpm_mclk", card)
    if sensors is None:
        return
    # The average is over the firmware's interval, so that its samples miss no peak; cards without it tell the moment's power.
    power = f"{card.name}_package_power_watts" if _is_apu(card) else f"{card.name}_power_watts"
    yield from first_there(power, [sensors / "power1_average", sensors / "power1_input"], 1e6)
    for number in (1, 2, 3):
        suffix = _TEMPERATURES.get(text(sensors / f"temp{number}_label") or ("edge" if number == 1 else ""))
        if suffix is not None:
            yield from first_there(f"{card.name}_{suffix}", [sensors / f"temp{number}_input"], 1000)


def _clock(channel: str, sensor: str, levels: str, card: DrmCard) -> Iterator[Gauge]:
    """The measured clock, else the level that the driver has chosen (old kernels, and memory of an APU)."""
    measured = first_there(channel, [card.hwmon / sensor] if card.hwmon else [], 1e6)
    yield from measured
    path = card.device / levels
    if not measured and path.is_file():
        yield Gauge(channel, lambda: active_level_mhz(path.read_text(encoding="ascii")), lambda: None)


def active_level_mhz(levels: str) -> float:
    """The line with a star in a pp_dpm file ("1: 2100Mhz *"); NaN when no level is active, as in deep sleep."""
    match = _ACTIVE_LEVEL.search(levels)
    return float(match[1]) if match else math.nan


def _is_apu(card: DrmCard) -> bool:
    # Only an APU has the voltage of a northbridge (the kernel's documentation, "GPU Power/Thermal Controls and Monitoring").
    return card.hwmon is not None and (card.hwmon / "in1_input").exists()
