"""AMD's and Intel's GPUs as Linux's kernel lists them, for the fingerprint: llama.cpp may not have been built for them."""

import dataclasses
import platform
from collections.abc import Sequence
from pathlib import Path

from profiler.hardware.sources.drm_card import DrmCard, cards
from profiler.hardware.sources.gauges import text
from profiler.records.fingerprint import Device

_INTEL_INSIDE = "0000:00:02.0"  # where Intel's graphics within a processor sit on the bus
_MARKS = {"AMD": ("amd", "radeon"), "Intel": ("intel",)}
_BACKENDS = {"AMD": ("ROCm", "HIP"), "Intel": ("SYCL",)}
_VENDORS = {"amdgpu": "AMD", "xe": "Intel", "i915": "Intel"}


def devices(root: Path = Path("/")) -> tuple[Device, ...]:
    """The cards. Nothing is read that would wake one; how much of its memory is free is therefore not told."""
    found = [*cards(root, ("amdgpu",), "amdgpu"), *cards(root, ("xe", "i915"), "intelgpu")]
    return tuple(_device(card, root) for card in found)


def with_cards(listed: Sequence[Device], cards_listed: Sequence[Device]) -> tuple[Device, ...]:
    """What is listed with the driver and firmware that the kernel tells, then the cards of makers that are not among them.

    llama.cpp and the kernel call one card by different names, so a card counts as listed when any GPU of its maker is.
    """
    joined = list(listed)
    for number, device in enumerate(listed):
        of_maker = [card for card in cards_listed if _is_of(device, _VENDORS[card.backend])]
        if of_maker:
            firmware = of_maker[0].firmware if len(of_maker) == 1 else None
            driver = device.driver or of_maker[0].driver
            joined[number] = dataclasses.replace(device, driver=driver, firmware=device.firmware or firmware)
    joined += [card for card in cards_listed if not any(_is_of(device, _VENDORS[card.backend]) for device in listed)]
    return tuple(joined)


def _is_of(device: Device, vendor: str) -> bool:
    if device.kind == "cpu":
        return False
    name = device.name.lower()
    return device.backend in _BACKENDS[vendor] or any(mark in name for mark in _MARKS[vendor])


def _device(card: DrmCard, root: Path) -> Device:
    vendor = _VENDORS[card.driver]
    version = text(root / f"sys/module/{card.driver}/version")  # of a driver that is not the kernel's own
    is_inside = _is_inside(card)
    return Device(
        name=text(card.device / "product_name") or f"{vendor} GPU {_fact(card, 'PCI_ID')}".strip(),
        kind="igpu" if is_inside else "gpu",
        backend=card.driver,
        vram_total_bytes=None if is_inside else _memory_bytes(card),
        vram_free_bytes=None,
        driver=f"{card.driver} {version}" if version else f"{card.driver}, of Linux {platform.release()}",
        firmware=text(card.device / "vbios_version") or None,
        shares_main_memory=is_inside,
    )


def _is_inside(card: DrmCard) -> bool:
    """Whether it is part of a processor."""
    if card.driver == "amdgpu":  # only there is a northbridge's voltage told
        return card.hwmon is not None and (card.hwmon / "in1_input").exists()
    slot = _fact(card, "PCI_SLOT_NAME")
    return slot == _INTEL_INSIDE if slot else card.hwmon is None


def _memory_bytes(card: DrmCard) -> int | None:
    """From the driver's file: amdgpu's, i915's, or those of xe, which tells it of each tile."""
    paths = [card.device / "mem_info_vram_total", card.drm / "lmem_total_bytes"]
    paths += sorted(card.device.glob("tile*/physical_vram_size_bytes"))
    told = [text(path) for path in paths]
    return sum(int(size, 0) for size in told if size.isdecimal() or size.startswith("0x")) or None


def _fact(card: DrmCard, name: str) -> str:
    lines = (line.partition("=") for line in text(card.device / "uevent").splitlines())
    return next((value for key, _, value in lines if key == name), "")
