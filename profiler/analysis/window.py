"""The part of a run that its figures describe: without ramp-up or warm-up, and without the tail when some send no more."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.context import RunContext
from profiler.analysis.load_shape import is_closed, is_open, is_stationary
from profiler.analysis.warmup import LEAST_REQUESTS, WarmUp, warm_up
from profiler.records.timing import RequestStatus, RunData, reached

_NEVER_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a run's clock, in nanoseconds since its origin.

    Attributes:
        is_short: the run had too few requests for a steady part, so this is the whole of it, ramp and tail included.
        warmup_ns: what was cut off before the start, counted from the first due time.
        is_stationary: False for a load that is stationary by design and yet has no steady part: nothing was cut off then.
    """

    start_ns: int
    end_ns: int
    is_short: bool
    warmup_ns: int = 0
    is_stationary: bool = True

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

    Closed loop, alone or beside other classes, all its users together: the load is whole from when every user has finished a
    request (some user's first end) to when the first user has nothing left to send (the end of its last request). The window
    opens with that stretch and closes, still within it, at an end of the very user that opened it: with equal lengths all users
    repeat one cycle, in step or not, so that it spans whole cycles of prefill and decode. Cut in the middle of one, a run of four
    requests a user is off by 10 to 20 % in its throughput. Where users hold conversations a cycle is a conversation. When no
    cycle fits, there were too few requests: then it is the whole run, and short.

    Open loop: from the end of the warm-up to the last due time, which is still inside. A load that is not stationary by design (a
    burst, a ramp, a trace) has no warm-up: it starts at the first due time. With fewer than 20 requests it is the whole run, and
    short.

    Offline, also beside an open loop: the whole run, from the first due time to the last token.
    """
    load = context.specification.load
    if is_closed(load):
        return _steady_part(data, load.users) or _whole_run(data, is_short=True)
    if is_open(load):
        return _arrival_period(data, may_warm_up=is_stationary(load)) or _whole_run(data, is_short=True)
    return _whole_run(data, is_short=not len(data.requests))


def _arrival_period(data: RunData, may_warm_up: bool) -> Window | None:
    """The open loop's window, None when the run has too few requests for one."""
    due_ns = data.requests["due_ns"]
    if len(due_ns) < LEAST_REQUESTS or due_ns.min() == due_ns.max():
        return None
    first_ns, last_ns = int(due_ns.min()), int(due_ns.max())
    cut = (warm_up(data.requests) if may_warm_up else None) or WarmUp(0, is_stationary=True)
    return Window(first_ns + cut.length_ns, last_ns + 1, is_short=False, warmup_ns=cut.length_ns, is_stationary=cut.is_stationary)


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
    first_turn = np.zeros(users, requests["turn"].dtype)
    is_first_end = is_completed & (end_ns == first_end_ns[user])
    first_turn[user[is_first_end]] = requests["turn"][is_first_end]
    last_end_ns = np.full(users, np.iinfo(np.int64).min)  # a user that sent nothing at all had nothing to send from the start
    np.maximum.at(last_end_ns, user, np.where(reached(end_ns), end_ns, _NEVER_NS))
    opens_ns = int(first_end_ns.max())
    is_openers = first_end_ns[user] == opens_ns
    is_cycle = is_completed & is_openers & (requests["turn"] == first_turn[user])
    is_cycle_end = is_cycle & (end_ns > opens_ns) & (end_ns <= last_end_ns.min())
    if not is_cycle_end.any():
        return None
    return Window(opens_ns, int(end_ns[is_cycle_end].max()), is_short=False)
