"""How the system was told to trade speed for power: what governs the processor's clock."""

import platform
import re
import subprocess
from pathlib import Path

from profiler.hardware.sources.gauges import text
from profiler.records.fingerprint import PowerSettings

_SCHEME = re.compile(r"\(([^()]*)\)\s*$")
_LOW_POWER = re.compile(r"^\s*(?:lowpowermode|powermode)\s+(\d+)", re.MULTILINE)
_CPUS = "sys/devices/system/cpu"


def read() -> PowerSettings:
    """Those of this machine; what it does not tell is None."""
    match platform.system():
        case "Linux":
            return linux(Path("/"))
        case "Darwin":
            return PowerSettings(plan=mac_plan(_told("/usr/bin/pmset", "-g")))
        case "Windows":
            return PowerSettings(plan=windows_plan(_told("powercfg", "/getactivescheme")))
        case _:
            return PowerSettings()


def linux(root: Path) -> PowerSettings:
    """From the kernel's "CPU Performance Scaling" in /sys; a virtual machine mostly has none."""
    cpus = root / _CPUS
    return PowerSettings(
        governor=_of_all(root, "scaling_governor"),
        driver=_of_all(root, "scaling_driver"),
        energy_preference=_of_all(root, "energy_performance_preference"),
        may_boost=_may_boost(text(cpus / "cpufreq/boost"), text(cpus / "intel_pstate/no_turbo")),
        plan=text(root / "sys/firmware/acpi/platform_profile") or None,
    )


def mac_plan(told: str) -> str | None:
    """From the lines of `pmset -g`."""
    match = _LOW_POWER.search(told)
    return {"0": "automatic", "1": "low power", "2": "high power"}.get(match[1]) if match else None


def windows_plan(told: str) -> str | None:
    """The scheme's name from `powercfg /getactivescheme`, in the system's language."""
    match = _SCHEME.search(told)
    return match[1] if match else None


def _of_all(root: Path, name: str) -> str | None:
    """What the cores say, the words of several joined."""
    words = {text(path) for path in (root / _CPUS).glob(f"cpu[0-9]*/cpufreq/{name}")} - {""}
    return ", ".join(sorted(words)) or None


def _may_boost(boost: str, no_turbo: str) -> bool | None:
    if boost in ("0", "1"):
        return boost == "1"
    return no_turbo == "0" if no_turbo in ("0", "1") else None


def _told(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
