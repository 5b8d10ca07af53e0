"""Channels of GPUs among those of telemetry: which device tells what, and what its maker means by it.

No two makers' meters are the same: what is "busy" of one is "awake" of another. So each device keeps its maker's words, and
nothing here puts devices of two makers together.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CHANNEL = re.compile(r"((?:(?:amd|intel)?gpu\d+(?:_mig\d+)?)|macmon_gpu)_(\w+)")
_DEVICE = re.compile(r"([a-z_]+?)(\d*)(?:_mig(\d+))?")


@dataclass(frozen=True, slots=True)
class GpuMaker:
    """What a maker's driver tells.

    Attributes:
        name: of the maker.
        busy: the quantity that tells how much of the time it did something.
        busy_word, busy_term: in a word, and what exactly it is.
        power_term: what its power is the power of, and by whose estimate.
    """

    name: str
    busy: str
    busy_word: str
    busy_term: str
    power_term: str


_MAKERS = {
    "gpu": GpuMaker(
        "NVIDIA",
        "utilization_percent",
        "busy",
        "share of time in which a kernel ran, however little of the GPU it used",
        "power of the whole card, by its own meter",
    ),
    "amdgpu": GpuMaker(
        "AMD",
        "utilization_percent",
        "busy",
        "how busy the graphics and compute part was, averaged by the card's firmware",
        "power of the chip, as the firmware estimates it",
    ),
    "intelgpu": GpuMaker(
        "Intel",
        "awake_percent",
        "awake",
        "share of time out of the sleep state; a GPU that is awake may do little",
        "power of the card, from its energy counter",
    ),
    "macmon_gpu": GpuMaker(
        "Apple",
        "utilization_percent",
        "busy",
        "share of time in which it was active, as macmon reads it",
        "power of the GPU's part of the chip, Apple's own estimate",
    ),
}
_ORDER = tuple(_MAKERS)


def split(channel: str) -> tuple[str, str] | None:
    """The device and the quantity of a GPU's channel ("gpu0", "clock_mhz"); None for all others."""
    match = _CHANNEL.fullmatch(channel)
    return (match[1], match[2]) if match else None


def devices(channels: Iterable[str]) -> tuple[str, ...]:
    """The GPUs among these channels by maker and number, parts of one that is split (MIG) after it."""
    found = {parts[0] for channel in channels if (parts := split(channel)) is not None}
    return tuple(sorted(found, key=_place))


def maker(device: str) -> GpuMaker:
    """Whose device it is; raises KeyError for what is none."""
    return _MAKERS[_parts(device)[0]]


def device_words(device: str) -> str:
    """As it is called in the window: "GPU 0", "GPU 0 part 1"; the number is that of its driver's order."""
    _, number, part = _parts(device)
    words = f"GPU {number}".strip()
    return f"{words} part {part}" if part else words


def _parts(device: str) -> tuple[str, str, str]:
    match = _DEVICE.fullmatch(device)
    return (match[1], match[2], match[3] or "") if match else (device, "", "")


def _place(device: str) -> tuple[int, int, int]:
    kind, number, part = _parts(device)
    return _ORDER.index(kind), int(number or 0), int(part) if part else -1
