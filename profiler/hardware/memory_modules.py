"""Speed and channels of the memory, from what udev keeps of the board's tables (Linux): the tables themselves are root's.

systemd has put them there since version 248 ("dmi_memory_id"). Serial and part numbers stand there as well and are not taken.
"""

import re
from pathlib import Path

from profiler.hardware.sources.gauges import text
from profiler.records.fingerprint import MemoryModules

_FIELD = re.compile(r"^E:MEMORY_DEVICE_(\d+)_(\w+)=(.*)$", re.MULTILINE)
_CHANNEL = re.compile(r".*?channel[ _-]*[0-9a-z]", re.IGNORECASE)  # "P0 CHANNEL A", "Controller1-ChannelB-DIMM0"


def read(root: Path = Path("/")) -> MemoryModules | None:
    """The modules that are plugged in; None where nothing is told."""
    devices: dict[str, dict[str, str]] = {}
    for number, name, value in _FIELD.findall(text(root / "run/udev/data/+dmi:id")):
        devices.setdefault(number, {})[name] = value.strip()
    modules = [device for device in devices.values() if _number(device.get("SIZE")) and device.get("PRESENT") != "0"]
    if not modules:
        return None
    kinds = {kind for module in modules if (kind := module.get("TYPE", "")) not in ("", "Unknown", "Other")}
    speeds = [_number(module.get("CONFIGURED_SPEED_MTS")) or _number(module.get("SPEED_MTS")) for module in modules]
    return MemoryModules(
        count=len(modules),
        kind=", ".join(sorted(kinds)) or None,
        speed_mt_s=min(speeds) or None,  # all run at the slowest one's
        channels=_channels(modules),
    )


def _channels(modules: list[dict[str, str]]) -> int | None:
    """How many channels have a module; None when a module does not name its own."""
    channels = set()
    for module in modules:
        match = _CHANNEL.match(module.get("LOCATOR", "")) or _CHANNEL.match(module.get("BANK_LOCATOR", ""))
        if match is None:
            return None
        channels.add(match[0].lower())
    return len(channels)


def _number(value: str | None) -> int:
    return int(value) if value is not None and value.isdecimal() else 0
