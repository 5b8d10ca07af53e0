"""Ticks at fixed instants: each deadline counts from the first one, so that late ticks do not push the later ones."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from profiler import clock


class Tick(NamedTuple):
    """One waking.

    Attributes:
        time_ns: when it was, on `profiler.clock`.
        lateness_ns: how long after its deadline.
    """

    time_ns: int
    lateness_ns: int


class StopSignal(Protocol):
    """What of `threading.Event` is needed here; the tests' one moves a clock of their own."""

    def wait(self, timeout: float) -> bool:
        """Wait until it is set, at most `timeout` seconds; tells whether it is set."""

    def is_set(self) -> bool:
        """Whether it is set."""


def ticks(period_ns: int, stop: StopSignal, now_ns: Callable[[], int] = clock.now_ns) -> Iterator[Tick]:
    """A tick now and then one each period until `stop` is set. Deadlines that pass while a tick is worked on are left out."""
    deadline_ns = now_ns()
    while not stop.is_set():
        left_ns = deadline_ns - now_ns()
        if left_ns > 0:
            stop.wait(left_ns / 1e9)
            continue
        time_ns = deadline_ns - left_ns
        yield Tick(time_ns, time_ns - deadline_ns)
        missed = max(0, now_ns() - deadline_ns) // period_ns
        deadline_ns += (missed + 1) * period_ns
