"""The part of a run that its figures describe: without the users' ramp-up and without the tail when some have nothing to send."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.context import RunContext
from profiler.records.timing import RequestStatus, RunData, reached

_NEVER_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a run's clock, in nanoseconds since its origin.

    Attributes:
        is_short: the run had too few requests for a steady part, so this is the whole of it, ramp and tail included.
    """

    start_ns: int
    end_ns: int
    is_short: bool

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9

    def stamped(self, instants_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which ends of work lie inside: after the start and up to the end, since a stamp closes the work before it."""
        return (instants_ns > self.start_ns) & (instants_ns <= self.end_ns)

    def due(self, instants_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which beginnings of work lie inside: from the start on and before the end."""
        return (instants_ns >= self.start_ns) & (instants_ns < self.end_ns)

    def overlap_ns(self, steps: NDArray[Any]) -> NDArray[np.int64]:
        """How much of each step lies inside."""
        inside = np.minimum(steps["end_ns"], self.end_ns) - np.maximum(steps["start_ns"], self.start_ns)
        return np.asarray(np.maximum(inside, 0))


def measurement_window(data: RunData, context: RunContext) -> Window:
    """The window of a run (measurement.md §1).

    Closed loop: the load is whole from when every user has finished a request (some user's first end) to when the first user has
    nothing left to send (the end of its last request). The window opens with that stretch and closes, still within it, at an end
    of the very user that opened it: with equal lengths all users repeat one cycle, in step or not, so that it spans whole cycles
    of prefill and decode. Cut in the middle of one, a run of four requests a user is off by 10 to 20 % in its throughput. When no
    cycle fits, there were too few requests: then it is the whole run, and short.

    Offline: the whole run, from the first due time to the last token.
    """
    load = context.specification.load
    if load.arrival == "offline":
        return _whole_run(data, is_short=not len(data.requests))
    return _steady_part(data, load.users) or _whole_run(data, is_short=True)


def _whole_run(data: RunData, is_short: bool) -> Window:
    requests = data.requests
    if not len(requests):
        return Window(0, 0, is_short)
    # A request refused after the last token is still one that was due inside.
    end_ns = max(_last_token_ns(data), int(requests["due_ns"].max()) + 1)
    return Window(int(requests["due_ns"].min()), end_ns, is_short)


def _last_token_ns(data: RunData) -> int:
    if len(data.tokens):
        return int(data.tokens["time_ns"].max())
    return int(data.requests["end_ns"].max())  # ABSENT_NS, the least of all instants, when nothing ended


def _steady_part(data: RunData, users: int) -> Window | None:
    """The closed loop's window, None when the run has too few requests for one."""
    requests = data.requests[(data.requests["user"] >= 0) & (data.requests["user"] < users)]
    if not len(requests):
        return None
    user, end_ns = requests["user"], requests["end_ns"]
    is_completed = requests["status"] == RequestStatus.COMPLETED
    first_end_ns = np.full(users, _NEVER_NS)
    np.minimum.at(first_end_ns, user[is_completed], end_ns[is_completed])
    last_end_ns = np.full(users, np.iinfo(np.int64).min)  # a user that sent nothing at all had nothing to send from the start
    np.maximum.at(last_end_ns, user, np.where(reached(end_ns), end_ns, _NEVER_NS))
    opens_ns = int(first_end_ns.max())
    is_openers = first_end_ns[user] == opens_ns
    is_cycle_end = is_completed & is_openers & (end_ns > opens_ns) & (end_ns <= last_end_ns.min())
    if not is_cycle_end.any():
        return None
    return Window(opens_ns, int(end_ns[is_cycle_end].max()), is_short=False)
