"""Reads battery and mains: from Linux's power_supply class, elsewhere through psutil, which knows no power.

What the battery gives is the draw of the whole machine, screen included, and is told only while the machine lives on it.
"""

import math
import platform
from collections.abc import Callable
from pathlib import Path

import psutil

from profiler.hardware.sources.gauge_source import GaugeSource
from profiler.hardware.sources.gauges import Gauge, Gauges, gauge, text
from profiler.hardware.sources.kernel_number import KernelNumber

_NAME = "power supply"


class PowerSupplySource(GaugeSource):
    """`mains_online` (1 or 0), `battery0_percent` and `battery0_machine_power_watts`."""

    def __init__(self, root: Path = Path("/")) -> None:
        gauges = Gauges(_linux_gauges(root) if platform.system() == "Linux" else _portable_gauges())
        super().__init__(_NAME, gauges, "" if gauges.channels else "This machine shows no battery and no mains adapter.")


def _linux_gauges(root: Path) -> list[Gauge]:
    supplies = sorted((root / "sys/class/power_supply").glob("*"))
    # A mouse's battery has the scope of a device.
    batteries = [path for path in supplies if text(path / "type") == "Battery" and text(path / "scope") != "Device"]
    mains = [
        KernelNumber(path / "online")
        for path in supplies
        if text(path / "type") in ("Mains", "USB") and (path / "online").is_file()
    ]
    wanted = []
    if mains:

        def close_all() -> None:
            for one in mains:
                one.close()

        wanted.append(Gauge("mains_online", _any_of(mains), close_all))
    for index, battery in enumerate(batteries):
        if (battery / "capacity").is_file():
            wanted.append(gauge(f"battery{index}_percent", battery / "capacity"))
        if (draw := _draw(battery)) is not None:
            wanted.append(Gauge(f"battery{index}_machine_power_watts", draw, lambda: None))
    return wanted


def _any_of(mains: list[KernelNumber]) -> Callable[[], float]:
    return lambda: float(any(one.read() for one in mains))  # 2 is "online, programmable voltage"


def _draw(battery: Path) -> Callable[[], float] | None:
    """Watts while it discharges, from µW or from µA and µV; NaN on the mains. The sign of the files differs between drivers."""
    if (battery / "power_now").is_file():
        return lambda: _if_discharging(battery, lambda: abs(_number(battery / "power_now")) / 1e6)
    if (battery / "current_now").is_file() and (battery / "voltage_now").is_file():
        return lambda: _if_discharging(
            battery, lambda: abs(_number(battery / "current_now")) * _number(battery / "voltage_now") / 1e12
        )
    return None


def _if_discharging(battery: Path, watts: Callable[[], float]) -> float:
    return watts() if text(battery / "status") == "Discharging" else math.nan


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _portable_gauges() -> list[Gauge]:
    if not hasattr(psutil, "sensors_battery") or psutil.sensors_battery() is None:
        return []
    return [
        Gauge("mains_online", lambda: _battery("power_plugged"), lambda: None),
        Gauge("battery0_percent", lambda: _battery("percent"), lambda: None),
    ]


def _battery(field: str) -> float:
    battery = psutil.sensors_battery()
    value = None if battery is None else getattr(battery, field)
    return math.nan if value is None else float(value)
