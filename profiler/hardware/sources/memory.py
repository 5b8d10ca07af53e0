"""Reads the machine's main memory and swap."""

import psutil

from profiler.records.fingerprint import TelemetrySource


class MemorySource:
    """Used is what is not available: caches that the system would give up count as available."""

    told = TelemetrySource("memory", True)
    channels = ("memory_used_bytes", "memory_available_bytes", "swap_used_bytes")

    def read(self) -> dict[str, float]:
        """Of the whole machine, even in a container."""
        memory = psutil.virtual_memory()
        return {
            "memory_used_bytes": float(memory.total - memory.available),
            "memory_available_bytes": float(memory.available),
            "swap_used_bytes": float(psutil.swap_memory().used),
        }

    def close(self) -> None:
        """Holds nothing."""
