"""What else Linux tells of a processor that changes its speed: every level's caches, and the microcode's revision."""

import re
from pathlib import Path

from profiler.hardware.sources.gauges import text

_KINDS = {"Data": "d", "Instruction": "i"}
_MICROCODE = re.compile(r"^microcode\s*:\s*(\S+)", re.MULTILINE)


def caches_bytes(root: Path = Path("/")) -> dict[str, int]:
    """Bytes by level ("L1d", "L1i", "L2", "L3"), all instances together; empty where the kernel does not tell."""
    sizes: dict[str, dict[str, int]] = {}
    for index in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cache/index[0-9]*"):
        level, size = text(index / "level"), text(index / "size").removesuffix("K")
        if level.isdecimal() and size.isdecimal():
            name = f"L{level}{_KINDS.get(text(index / 'type'), '')}"
            sizes.setdefault(name, {})[text(index / "shared_cpu_list")] = int(size) * 1024
    return {name: sum(sizes[name].values()) for name in sorted(sizes)}


def microcode(root: Path = Path("/")) -> str | None:
    """Its revision as /proc/cpuinfo tells it ("0xf4"); within a virtual machine that is what the host lets it see."""
    match = _MICROCODE.search(text(root / "proc/cpuinfo"))
    return match[1] if match else None
