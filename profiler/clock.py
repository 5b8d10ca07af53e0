"""One monotonic clock for every process of a run.

`perf_counter_ns` counts from one origin for all processes of a machine on Linux (CLOCK_MONOTONIC), macOS
(mach_absolute_time) and Windows (QueryPerformanceCounter), so stamps of the engine child and of the telemetry thread compare.
"""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

now_ns = time.perf_counter_ns


def slept_ns() -> int:
    """For how long the machine was suspended since it started; only differences mean something.

    `now_ns` stands still meanwhile on Linux and macOS (clock_gettime(2): CLOCK_BOOTTIME, CLOCK_MONOTONIC there go on). On Windows
    it goes on itself: always 0.
    """
    if sys.platform == "win32":
        return 0
    if sys.platform == "darwin":
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.clock_gettime_ns(time.CLOCK_UPTIME_RAW)
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class WallClockAnchor:
    """One instant on both clocks, so that a run's times can be told as dates."""

    monotonic_ns: int
    utc: str

    @classmethod
    def take(cls) -> "WallClockAnchor":
        """Read both clocks now; the two reads lie microseconds apart."""
        return cls(now_ns(), datetime.now(UTC).isoformat(timespec="milliseconds"))
