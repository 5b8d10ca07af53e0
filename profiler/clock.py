"""One monotonic clock for every process of a run.

`perf_counter_ns` counts from one origin for all processes of a machine on Linux (CLOCK_MONOTONIC), macOS
(mach_absolute_time) and Windows (QueryPerformanceCounter), so stamps of the engine child and of the telemetry thread compare.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

now_ns = time.perf_counter_ns


@dataclass(frozen=True, slots=True)
class WallClockAnchor:
    """One instant on both clocks, so that a run's times can be told as dates."""

    monotonic_ns: int
    utc: str

    @classmethod
    def take(cls) -> "WallClockAnchor":
        """Read both clocks now; the two reads lie microseconds apart."""
        return cls(now_ns(), datetime.now(UTC).isoformat(timespec="milliseconds"))
