"""Which process is being watched, and which processes are ours at all: it, ourselves, and the descendants of both."""

import os
import time

import psutil

from profiler import clock

_SEARCH_PERIOD_NS = 10_000_000_000  # looking for descendants walks through every process of the machine: milliseconds


class WatchedProcess:
    """A process id that one thread sets and the sources read."""

    def __init__(self, process_id: int | None = None) -> None:
        self.process_id = process_id


class OwnProcesses:
    """The processor time of every process that is no foreign load.

    Descendants that come and go within ten seconds may be missed; the engine child starts none.
    """

    def __init__(self, watched: WatchedProcess) -> None:
        self._watched = watched
        self._searched_for: int | None = None
        self._searched_ns: int | None = None
        self._processes: dict[int, psutil.Process] = {}

    def cpu_seconds(self) -> dict[int, float]:
        """Seconds of user and system time by process id, of those that still run."""
        process_id = self._watched.process_id
        now_ns = clock.now_ns()
        if self._searched_ns is None or process_id != self._searched_for or now_ns - self._searched_ns > _SEARCH_PERIOD_NS:
            self._processes = _with_descendants(os.getpid(), process_id)
            self._processes.pop(os.getpid(), None)  # asked of the system directly, which is cheaper
            self._searched_for, self._searched_ns = process_id, now_ns
        seconds = {os.getpid(): time.process_time()}
        for own_id, process in self._processes.items():
            try:
                times = process.cpu_times()
            except psutil.Error:  # it has ended
                continue
            seconds[own_id] = times.user + times.system
        return seconds


def _with_descendants(*process_ids: int | None) -> dict[int, psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for process_id in process_ids:
        if process_id is None or process_id in found:
            continue
        try:
            process = psutil.Process(process_id)
            found |= {member.pid: member for member in (process, *process.children(recursive=True))}
        except psutil.Error:  # it has ended
            continue
    return found
