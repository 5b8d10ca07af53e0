"""Reads the watched process: its memory, its processor time, its major page faults."""

import os
import platform
from typing import NamedTuple, Protocol

import psutil

from profiler import clock
from profiler.hardware.sources.source import ReadingFailed
from profiler.hardware.sources.watched_process import WatchedProcess
from profiler.records.fingerprint import TelemetrySource


class Account(NamedTuple):
    """What the system says of a process at one moment; its faults are None where it does not count the major ones."""

    rss_bytes: int
    cpu_s: float
    major_faults: int | None


class _Process(Protocol):
    """A running process; `account` raises ProcessLookupError when it has ended and PermissionError when the system refuses."""

    process_id: int

    def account(self) -> Account: ...

    def close(self) -> None: ...


class ProcessSource:
    """The engine child, usually. `process_cpu_percent` is of one core (200: two cores full); its faults count since its start.

    While no process is watched, or after it has ended, every reading is NaN, which is no failure.
    """

    def __init__(self, watched: WatchedProcess) -> None:
        self._watched = watched
        self._process: _Process | None = None
        self._last: tuple[int, float] | None = None  # instant, processor seconds
        self._is_linux = platform.system() == "Linux"

    @property
    def told(self) -> TelemetrySource:
        """Always there."""
        return TelemetrySource("process", True, "" if self._is_linux else "Major page faults are read on Linux only.")

    @property
    def channels(self) -> tuple[str, ...]:
        """As read on this system."""
        faults = ("process_major_faults",) if self._is_linux else ()
        return ("process_rss_bytes", "process_cpu_percent", *faults)

    def read(self) -> dict[str, float]:
        """Raises ReadingFailed when the system refuses."""
        process_id = self._watched.process_id
        try:
            if self._process is None or self._process.process_id != process_id:
                self.close()
                if process_id is None:
                    return {}
                self._process = _LinuxProcess(process_id) if self._is_linux else _PortableProcess(process_id)
            account = self._process.account()
        except ProcessLookupError:
            return {}
        except PermissionError as error:
            raise ReadingFailed(f"The system does not let us read process {process_id}.") from error
        if account.rss_bytes == 0:  # it has ended and waits to be reaped
            return {}
        now_ns = clock.now_ns()
        readings = {"process_rss_bytes": float(account.rss_bytes)}
        if account.major_faults is not None:
            readings["process_major_faults"] = float(account.major_faults)
        if self._last is not None:
            last_ns, last_cpu_s = self._last
            readings["process_cpu_percent"] = 100 * (account.cpu_s - last_cpu_s) / ((now_ns - last_ns) / 1e9)
        self._last = (now_ns, account.cpu_s)
        return readings

    def close(self) -> None:
        """Let the process go."""
        if self._process is not None:
            self._process.close()
        self._process, self._last = None, None


class _LinuxProcess:
    """One read of /proc/PID/stat a moment: a third of what psutil costs.

    The file stays open, so a new process of the same number is not taken for this one.
    """

    def __init__(self, process_id: int) -> None:
        self.process_id = process_id
        try:
            self._descriptor = os.open(f"/proc/{process_id}/stat", os.O_RDONLY)
        except FileNotFoundError as error:
            raise ProcessLookupError from error

    def account(self) -> Account:
        return parse_stat(os.pread(self._descriptor, 4096, 0))

    def close(self) -> None:
        os.close(self._descriptor)


class _PortableProcess:
    """Through psutil."""

    def __init__(self, process_id: int) -> None:
        self.process_id = process_id
        self._process: psutil.Process | None = None

    def account(self) -> Account:
        try:
            if self._process is None:
                self._process = psutil.Process(self.process_id)
            times = self._process.cpu_times()
            return Account(self._process.memory_info().rss, times.user + times.system, None)
        except psutil.NoSuchProcess as error:
            raise ProcessLookupError from error
        except psutil.AccessDenied as error:
            raise PermissionError from error

    def close(self) -> None:
        """Holds nothing."""


def parse_stat(line: bytes) -> Account:
    """The account in a line of /proc/PID/stat, whose fields proc(5) numbers: 12 majflt, 14 utime, 15 stime, 24 rss."""
    # The program's name may hold spaces and brackets, so count from the last bracket: the first field behind it is number 3.
    fields = line.rpartition(b")")[2].split()
    ticks_per_s, page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return Account(int(fields[21]) * page_bytes, (int(fields[11]) + int(fields[12])) / ticks_per_s, int(fields[9]))
