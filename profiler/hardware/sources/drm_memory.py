"""Reads the memory that the watched process holds on GPUs through Linux's DRM (its documentation, "DRM client usage stats").

Drivers that count it write it beside each open graphics device of a process (amdgpu, xe, i915; NVIDIA's own driver does not). A
process of one's own can be read without root.
"""

import os
import platform
import re
from pathlib import Path

from profiler import clock
from profiler.hardware.sources.watched_process import WatchedProcess
from profiler.records.fingerprint import TelemetrySource

_NAME = "gpu memory of the engine"
_SEARCH_PERIOD_NS = 2_000_000_000  # looking for open graphics devices goes through all the process's open files
_LINE = re.compile(r"^(drm-client-id|drm-pdev|drm-(?:resident|memory)-[\w-]+):\s*(\S+)(?:\s+(KiB|MiB))?", re.MULTILINE)
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2}
_CARDS_OWN = re.compile(r"(?:vram|local)\d*")  # amdgpu: vram; xe: vram0; i915: local0. The rest lies in main memory: gtt, system


class DrmMemorySource:
    """`process_drm_vram_bytes` on the cards' own memory and `process_drm_main_memory_bytes` in main memory, over all cards.

    While no process is watched or it has no graphics device open, there is nothing to read, which is no failure.
    """

    def __init__(self, watched: WatchedProcess, root: Path = Path("/")) -> None:
        self._watched = watched
        self._processes = root / "proc"
        self._has_cards = any((root / "sys/class/drm").glob("card[0-9]*"))
        self._searched: tuple[int, int] | None = None  # process, instant
        self._clients: list[Path] = []

    @property
    def told(self) -> TelemetrySource:
        """There on Linux with a graphics card; whether the card's driver counts shows when the engine uses it."""
        if self._has_cards:
            return TelemetrySource(_NAME, True)
        is_linux = platform.system() == "Linux"
        reason = "The kernel lists no graphics card." if is_linux else "The memory of a process on a GPU is read on Linux only."
        return TelemetrySource(_NAME, False, reason)

    @property
    def channels(self) -> tuple[str, ...]:
        """Both or none."""
        return ("process_drm_vram_bytes", "process_drm_main_memory_bytes") if self._has_cards else ()

    def read(self) -> dict[str, float]:
        """What is resident, each open device once."""
        process_id = self._watched.process_id
        if process_id is None:
            return {}
        now_ns = clock.now_ns()
        if self._searched is None or self._searched[0] != process_id or now_ns - self._searched[1] > _SEARCH_PERIOD_NS:
            self._clients = _open_devices(self._processes / str(process_id))
            self._searched = (process_id, now_ns)
        sums = dict.fromkeys(self.channels, 0)
        is_counted = False
        seen = set()
        for path in self._clients:
            try:
                client, regions = parse_usage(path.read_text(encoding="ascii", errors="replace"))
            except OSError:  # closed since, or the process has ended
                continue
            if client in seen:
                continue
            seen.add(client)
            for region, size_bytes in regions.items():
                is_counted = True
                sums[self.channels[0] if _CARDS_OWN.fullmatch(region) else self.channels[1]] += size_bytes
        return {channel: float(size) for channel, size in sums.items()} if is_counted else {}

    def close(self) -> None:
        """Holds nothing."""


def parse_usage(fdinfo: str) -> tuple[tuple[str, str], dict[str, int]]:
    """Which client of which device, and the bytes resident in each region.

    "drm-memory-" is the older name of "drm-resident-"; a driver may write both, then the newer counts.
    """
    client = {"drm-pdev": "", "drm-client-id": ""}
    newer: dict[str, int] = {}
    older: dict[str, int] = {}
    for key, value, unit in _LINE.findall(fdinfo):
        if key in client:
            client[key] = value
        else:
            regions = newer if key.startswith("drm-resident-") else older
            regions[key.split("-", 2)[2]] = int(value) * _UNITS[unit]
    return (client["drm-pdev"], client["drm-client-id"]), older | newer


def _open_devices(process: Path) -> list[Path]:
    """Its fdinfo files of graphics devices, in order."""
    try:
        numbers = sorted(int(path.name) for path in (process / "fd").iterdir())
    except OSError:  # it has ended, or is not ours
        return []
    found = []
    for number in numbers:
        try:
            target = os.readlink(process / "fd" / str(number))
        except OSError:
            continue
        if target.startswith("/dev/dri/"):
            found.append(process / "fdinfo" / str(number))
    return found
