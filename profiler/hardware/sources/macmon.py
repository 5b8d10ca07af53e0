"""Reads Apple's chips through `macmon pipe`, when the user has installed macmon: macOS tells power and clocks to root only.

Without it there is what every program can have of macOS: the engine's own memory and processor time, main memory, battery. Its
power is Apple's estimate from the chip's own counters, not comparable to another vendor's meter.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
from typing import Any

from profiler.hardware.sources.source import ReadingFailed
from profiler.records.fingerprint import TelemetrySource

_NAME = "macmon"
_PERIOD_MS = 250
_MOST_UNREAD_BYTES = 65536
_POWER = {  # watts; all_power is the sum of the first three, gpu_ram_power part of ram_power
    "cpu_power": "macmon_cpu_power_watts",
    "gpu_power": "macmon_gpu_power_watts",
    "ane_power": "macmon_ane_power_watts",
    "ram_power": "macmon_dram_power_watts",
    "sys_power": "macmon_machine_power_watts",
}
_TEMPERATURE = {"cpu_temp_avg": "macmon_cpu_temperature_celsius", "gpu_temp_avg": "macmon_gpu_temperature_celsius"}
_GPU = ("macmon_gpu_clock_mhz", "macmon_gpu_utilization_percent")


class MacmonSource:
    """The program runs from the first reading until the source is closed; each reading takes its newest line.

    Between two lines and before the first there is nothing to read.
    """

    def __init__(self, program: str | None = None) -> None:
        """Look for the program, or take this one."""
        self._program = program or (shutil.which("macmon") if platform.system() == "Darwin" else None)
        self._child: subprocess.Popen[bytes] | None = None
        self._begun = b""

    @property
    def told(self) -> TelemetrySource:
        """There when the program is."""
        if self._program is not None:
            return TelemetrySource(_NAME, True)
        return TelemetrySource(
            _NAME,
            False,
            "macOS tells the chip's power, clocks and temperatures to root only; macmon, where it is installed, can read them.",
        )

    @property
    def channels(self) -> tuple[str, ...]:
        """The same whatever the program writes."""
        return () if self._program is None else (*_POWER.values(), *_TEMPERATURE.values(), *_GPU)

    def read(self) -> dict[str, float]:
        """Raises ReadingFailed when the program has ended or writes something else."""
        child = self._started()
        with contextlib.suppress(BlockingIOError):
            while part := os.read(child.stdout.fileno(), _MOST_UNREAD_BYTES):  # type: ignore[union-attr]  # it is a pipe
                self._begun += part
            raise ReadingFailed("macmon has ended.")
        *lines, self._begun = self._begun.split(b"\n")
        if not lines:
            return {}
        try:
            return parse(json.loads(lines[-1]))
        except (ValueError, AttributeError) as error:
            raise ReadingFailed("macmon writes something that is not known here.") from error

    def close(self) -> None:
        """End the program."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            assert self._program is not None
            command = [self._program, "pipe", "--interval", str(_PERIOD_MS)]
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            os.set_blocking(self._child.stdout.fileno(), False)  # type: ignore[union-attr]
        return self._child


def parse(line: dict[str, Any]) -> dict[str, float]:
    """The readings in one object of `macmon pipe`, as far as they are there."""
    found = {channel: line[key] for key, channel in _POWER.items() if key in line}
    temperatures = line.get("temp") or {}
    found |= {channel: temperatures[key] for key, channel in _TEMPERATURE.items() if temperatures.get(key)}  # 0: no sensor
    usage = line.get("gpu_usage")
    if usage:
        found |= dict(zip(_GPU, (usage[0], 100 * usage[1]), strict=True))
    return {channel: float(value) for channel, value in found.items() if isinstance(value, int | float)}
