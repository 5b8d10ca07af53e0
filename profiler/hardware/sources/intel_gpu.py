"""Reads Intel's GPUs through what Linux's xe and i915 drivers tell in /sys without root.

That is the clock, the time spent awake, whether it is held back, temperatures and, of cards of their own, the energy counter. The
memory used by all programs is told to root only; what the engine itself holds is read by `drm_memory`. `awake_percent` is
not a utilization: a GPU that is awake may do little.
"""

import math
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from profiler import clock
from profiler.hardware.sources.drm_card import CardReadings, DrmCard, cards
from profiler.hardware.sources.gauge_source import GaugeSource
from profiler.hardware.sources.gauges import Gauge, first_there, text
from profiler.hardware.sources.kernel_number import KernelNumber

_NAME = "intel gpu"
_SHORTEST_NS = 20_000_000  # the kernel counts idle time in whole milliseconds
_TEMPERATURES = {"pkg": "temperature_celsius", "vram": "memory_temperature_celsius"}


class IntelGpuSource(GaugeSource):
    """Every card that one of the drivers runs; of several graphics units in a card (tiles, the media unit) the first.

    Channels begin with the card's number in the kernel's order, "intelgpu0_".
    """

    def __init__(self, root: Path = Path("/")) -> None:
        found = cards(root, ("xe", "i915"), "intelgpu")
        readings = CardReadings((card, _gauges(card)) for card in found)
        if found:
            said = ["Intel's drivers tell the memory used on the GPU by all programs, and its utilization, to root only."]
            said += [f"{card.name} has no energy meter of its own." for card in found if not _has_meter(card)]
            reason = " ".join([*said, *readings.absences])
        elif platform.system() == "Linux":
            reason = "The kernel's xe and i915 drivers run no GPU here."
        else:
            reason = "Intel's GPUs are read on Linux only."
        super().__init__(_NAME, readings, reason)


def _gauges(card: DrmCard) -> Iterator[Gauge]:
    """Paths of the kernel's documentation (sysfs-driver-intel-xe-hwmon, sysfs-driver-intel-i915-hwmon, "Xe GT Frequency")."""
    unit, old = (card.device / "tile0/gt0", card.drm) if card.driver == "xe" else (card.drm / "gt/gt0", card.drm)
    clocks = [unit / "freq0/act_freq", unit / "rps_act_freq_mhz", old / "gt_act_freq_mhz"]
    yield from first_there(f"{card.name}_clock_mhz", clocks)  # 0 while it sleeps
    yield from first_there(f"{card.name}_held_back", [unit / "freq0/throttle/status", unit / "throttle_reason_status"])
    idle = [unit / "gtidle/idle_residency_ms", unit / "rc6_residency_ms", old / "power/rc6_residency_ms"]
    for path in [path for path in idle if path.is_file()][:1]:
        counter = KernelNumber(path)
        yield Gauge(f"{card.name}_awake_percent", _awake_percent(counter), counter.close)
    sensors = card.hwmon
    if sensors is None:
        return
    # Energy 1 is the card's, 2 the chip's on it. The driver carries the hardware's 32 bits over into 64.
    yield from first_there(f"{card.name}_energy_joules", [sensors / "energy1_input", sensors / "energy2_input"], 1e6)
    for path in sorted(sensors.glob("temp*_input")):
        suffix = _TEMPERATURES.get(text(path.with_name(path.name.replace("_input", "_label"))))
        if suffix is not None:
            yield from first_there(f"{card.name}_{suffix}", [path], 1000)


def _awake_percent(idle_ms: KernelNumber) -> Callable[[], float]:
    """The share of the time since the last reading in which the graphics unit was not in its sleep state."""
    last: list[tuple[int, int]] = []

    def read() -> float:
        now_ns, now_ms = clock.now_ns(), idle_ms.read()
        if last and now_ns - last[0][0] < _SHORTEST_NS:
            return math.nan
        before = last[0] if last else None
        last[:] = [(now_ns, now_ms)]
        if before is None or now_ms < before[1]:  # the counter begins anew after the card has been reset
            return math.nan
        idle_share = (now_ms - before[1]) * 1e6 / (now_ns - before[0])
        return 100 * max(0.0, 1 - idle_share)

    return read


def _has_meter(card: DrmCard) -> bool:
    return card.hwmon is not None and any(card.hwmon.glob("energy[12]_input"))
