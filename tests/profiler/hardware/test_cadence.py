from itertools import islice

import pytest

from profiler.hardware import cadence

PERIOD_NS = 250


class ClockAndStop:
    """A clock that only waiting and working move, and the signal that waits on it; every wait ends `oversleep_ns` late."""

    def __init__(self, oversleep_ns: int = 0, waits_until_stop: int = 1000) -> None:
        self.now = 1000
        self.oversleep_ns = oversleep_ns
        self.waits_until_stop = waits_until_stop
        self.has_stopped = False

    def now_ns(self) -> int:
        return self.now

    def wait(self, timeout: float) -> bool:
        asked_ns = round(timeout * 1e9)
        self.now += max(asked_ns + self.oversleep_ns, 1)
        self.waits_until_stop -= 1
        self.has_stopped = self.waits_until_stop == 0
        return self.has_stopped

    def is_set(self) -> bool:
        return self.has_stopped


def taken(world: ClockAndStop, count: int, work_ns: list[int] | None = None) -> list[tuple[int, int]]:
    found = []
    for index, tick in enumerate(islice(cadence.ticks(PERIOD_NS, world, world.now_ns), count)):
        found.append(tuple(tick))
        world.now += work_ns[index] if work_ns else 0
    return found


def test_the_first_tick_is_at_once_and_the_rest_are_a_period_apart():
    assert taken(ClockAndStop(), 4) == [(1000, 0), (1250, 0), (1500, 0), (1750, 0)]


def test_lateness_does_not_accumulate():
    assert taken(ClockAndStop(oversleep_ns=30), 4) == [(1000, 0), (1280, 30), (1530, 30), (1780, 30)]


def test_work_within_the_period_does_not_move_the_deadlines():
    assert taken(ClockAndStop(), 3, work_ns=[200, 249, 0]) == [(1000, 0), (1250, 0), (1500, 0)]


@pytest.mark.parametrize(
    ("work_ns", "second"),
    [(251, (1500, 0)), (750, (2000, 0)), (760, (2000, 0))],
    ids=["just over a period", "exactly three", "over three"],
)
def test_deadlines_that_passed_during_work_are_left_out(work_ns, second):
    assert taken(ClockAndStop(), 2, work_ns=[work_ns, 0])[1] == second


def test_a_wait_that_ends_early_is_taken_up_again():
    assert taken(ClockAndStop(oversleep_ns=-100), 2)[1] == (1250, 0)


def test_the_signal_ends_it_without_another_tick():
    assert len(taken(ClockAndStop(waits_until_stop=2), 10)) == 2  # at once, and after the first wait


def test_a_signal_set_before_means_no_tick():
    world = ClockAndStop()
    world.has_stopped = True
    assert taken(world, 10) == []
