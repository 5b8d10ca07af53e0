"""Reads how long programs waited for memory, from Linux's pressure stall information (the kernel's documentation, "PSI")."""

import os
import platform
import re
from pathlib import Path

from profiler.records.fingerprint import TelemetrySource

_NAME = "memory pressure"
_FILE = "proc/pressure/memory"
_SOME_TOTAL = re.compile(rb"^some .*\btotal=(\d+)", re.MULTILINE)


class PressureSource:
    """`memory_stalled_ms`: time since the machine started in which at least one program stood still for want of memory.

    Only differences mean something. The machine's file is read, not a container's: what presses the engine may come from outside.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._descriptor: int | None = None
        self._reason = "This system does not tell how long programs wait for memory."
        if platform.system() != "Linux":
            return
        try:
            self._descriptor = os.open(root / _FILE, os.O_RDONLY)
            self._stalled_ms()
        except (OSError, ValueError):  # a kernel without it has no file, one that has it switched off gives an error at reading
            self.close()
            self._reason = "The kernel does not tell how long programs wait for memory (pressure stall information is off)."

    @property
    def told(self) -> TelemetrySource:
        """There on Linux, when the kernel keeps count."""
        is_there = self._descriptor is not None
        return TelemetrySource(_NAME, is_there, "" if is_there else self._reason)

    @property
    def channels(self) -> tuple[str, ...]:
        """One for the machine."""
        return () if self._descriptor is None else ("memory_stalled_ms",)

    def read(self) -> dict[str, float]:
        """The kernel counts microseconds."""
        return {"memory_stalled_ms": self._stalled_ms()}

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _stalled_ms(self) -> float:
        assert self._descriptor is not None
        match = _SOME_TOTAL.search(os.pread(self._descriptor, 512, 0))
        if match is None:
            raise ValueError("the kernel's memory pressure has no total")
        return int(match[1]) / 1000
