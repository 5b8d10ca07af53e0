"""Reads each core's clock from Linux's cpufreq.

Elsewhere, and in most virtual machines, the systems tell a nominal clock only; that is no reading, so there is none.
"""

import platform
from pathlib import Path

from profiler.hardware.sources.kernel_number import KernelNumber
from profiler.records.fingerprint import TelemetrySource

_CPUS = "sys/devices/system/cpu"


class FrequencySource:
    """One channel a core that has a clock to be read."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._clocks: dict[str, KernelNumber] = {}
        for path in (root / _CPUS).glob("cpu[0-9]*/cpufreq/scaling_cur_freq"):
            core = int(path.parent.parent.name.removeprefix("cpu"))
            self._clocks[f"cpu_frequency_mhz_{core}"] = KernelNumber(path)

    @property
    def told(self) -> TelemetrySource:
        """There when the kernel offers cpufreq."""
        if self._clocks:
            return TelemetrySource("core frequency", True)
        if platform.system() == "Linux":
            return TelemetrySource("core frequency", False, "The kernel offers no cpufreq, as is usual in a virtual machine.")
        return TelemetrySource("core frequency", False, "This system tells the cores' nominal clock only.")

    @property
    def channels(self) -> tuple[str, ...]:
        """One a core."""
        return tuple(self._clocks)

    def read(self) -> dict[str, float]:
        """The file holds kHz."""
        return {channel: clock.read() / 1000 for channel, clock in self._clocks.items()}

    def close(self) -> None:
        """Close the files."""
        for clock in self._clocks.values():
            clock.close()
