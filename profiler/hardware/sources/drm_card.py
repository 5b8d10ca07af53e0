"""Graphics cards as Linux's kernel lists them in /sys/class/drm, and whether one sleeps: reading its sensors would wake it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from profiler.hardware.sources.gauges import Gauge, Gauges, text
from profiler.hardware.sources.source import ReadingFailed

_CARD = re.compile(r"card(\d+)")


@dataclass(frozen=True, slots=True)
class DrmCard:
    """One card.

    Attributes:
        name: what our channels begin with, "amdgpu0".
        driver: of the kernel: "amdgpu", "xe", "i915" …
        drm: its folder in /sys/class/drm.
    """

    name: str
    driver: str
    drm: Path

    @property
    def device(self) -> Path:
        """The folder of the PCI device."""
        return self.drm / "device"

    @property
    def hwmon(self) -> Path | None:
        """The folder of its sensors; None without. Of several (i915's tiles have theirs) the one with the driver's name."""
        folders = sorted((self.device / "hwmon").glob("hwmon*"))
        return next((folder for folder in folders if text(folder / "name") == self.driver), None)

    def is_asleep(self) -> bool:
        """Whether the kernel has suspended it; asking does not wake it (its "Runtime Power Management")."""
        return text(self.device / "power/runtime_status") in ("suspended", "suspending")


class CardReadings:
    """The gauges of some cards. A card that sleeps is left asleep: its values are missing at that moment, which is no failure."""

    def __init__(self, cards: Iterable[tuple[DrmCard, Iterable[Gauge]]]) -> None:
        self._cards: list[tuple[DrmCard, Gauges]] = []
        self.absences: list[str] = []
        for card, wanted in cards:
            gauges = Gauges(wanted, are_tried=not card.is_asleep())
            self._cards.append((card, gauges))
            for channel, reason in gauges.refusals.items():
                self.absences.append(f"{channel} cannot be read: {reason}.")

    @property
    def channels(self) -> tuple[str, ...]:
        """Of all cards."""
        return tuple(channel for _, gauges in self._cards for channel in gauges.channels)

    def read(self) -> dict[str, float]:
        """Raises ReadingFailed with what the cards that are still there say."""
        readings: dict[str, float] = {}
        failures = []
        for card, gauges in self._cards:
            if card.is_asleep():
                continue
            try:
                readings |= gauges.read()
            except ReadingFailed as failure:
                readings |= failure.readings
                failures.append(str(failure))
        if failures:
            raise ReadingFailed(" ".join(failures), readings)
        return readings

    def close(self) -> None:
        """Close all files."""
        for _, gauges in self._cards:
            gauges.close()


def cards(root: Path, drivers: Iterable[str], name: str) -> list[DrmCard]:
    """The cards that one of these drivers runs, in the kernel's order, `name` and a number each."""
    numbered = [(int(match[1]), path) for path in (root / "sys/class/drm").glob("card*") if (match := _CARD.fullmatch(path.name))]
    known = [(path, driver) for _, path in sorted(numbered) if (driver := _driver(path)) in tuple(drivers)]
    return [DrmCard(f"{name}{index}", driver, path) for index, (path, driver) in enumerate(known)]


def _driver(drm: Path) -> str:
    lines = (line.partition("=") for line in text(drm / "device/uevent").splitlines())
    return next((value for key, _, value in lines if key == "DRIVER"), "")
