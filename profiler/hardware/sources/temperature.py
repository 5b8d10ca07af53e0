"""Reads the processor's temperature from Linux's hwmon.

The files of the processor's own chip are read and no others: a survey of all sensors, as psutil makes it, can take tens of
milliseconds and ask disks, which would disturb what is measured.
"""

import platform
from pathlib import Path

from profiler.hardware.sources.kernel_number import KernelNumber
from profiler.records.fingerprint import TelemetrySource

_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal")
_WHOLE_PROCESSOR = ("Package id", "Tdie", "Tctl")  # labels, the better first: Tctl may carry an offset for the fan's sake
_NAME = "processor temperature"


class TemperatureSource:
    """The hottest of the machine's processors."""

    def __init__(self, root: Path = Path("/")) -> None:
        paths = [_input(chip) for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")) if _text(chip / "name") in _CHIPS]
        self._sensors = [KernelNumber(path) for path in paths if path is not None]

    @property
    def told(self) -> TelemetrySource:
        """There when a processor's chip is among the sensors."""
        if self._sensors:
            return TelemetrySource(_NAME, True)
        if platform.system() == "Linux":
            return TelemetrySource(
                _NAME,
                False,
                "The kernel offers no sensor of the processor, as is usual in a virtual machine.",
            )
        return TelemetrySource(_NAME, False, "This system offers no temperature to ordinary programs.")

    @property
    def channels(self) -> tuple[str, ...]:
        """One for the machine."""
        return ("cpu_temperature_celsius",) if self._sensors else ()

    def read(self) -> dict[str, float]:
        """The files hold thousandths of a degree."""
        return {"cpu_temperature_celsius": max(sensor.read() for sensor in self._sensors) / 1000}

    def close(self) -> None:
        """Close the files."""
        for sensor in self._sensors:
            sensor.close()


def _input(chip: Path) -> Path | None:
    """The chip's sensor for the whole processor, else its first one."""
    inputs = sorted(chip.glob("temp*_input"), key=lambda path: (len(path.name), path.name))

    def rank(path: Path) -> int:
        label = _text(path.with_name(path.name.replace("_input", "_label")))
        return next((place for place, start in enumerate(_WHOLE_PROCESSOR) if label.startswith(start)), len(_WHOLE_PROCESSOR))

    return min(inputs, key=rank, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
