from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sweep.order import PlannedRun, interleaved
from profiler.sweep.schedule import Schedule


@given(st.lists(st.integers(1, 99), min_size=1, max_size=12, unique=True), st.integers(1, 6), st.integers(0, 2**32))
def test_every_block_holds_every_cell_once(cells, repetitions, seed):
    runs = interleaved(cells, repetitions, seed)
    assert runs == interleaved(cells, repetitions, seed)
    for block in range(1, repetitions + 1):
        assert sorted(run.cell_id for run in runs if run.block == block) == sorted(cells)
    assert [run.block for run in runs] == sorted(run.block for run in runs)
    assert Counter(run.cell_id for run in runs) == dict.fromkeys(cells, repetitions)
    for cell in cells:
        assert [run.repetition for run in runs if run.cell_id == cell] == list(range(1, repetitions + 1))


def test_another_seed_gives_another_order():
    assert interleaved(range(8), 3, 1) != interleaved(range(8), 3, 2)


@pytest.fixture
def clock(monkeypatch):
    """A clock in seconds that a test sets."""
    now = [0.0]
    monkeypatch.setattr("profiler.sweep.schedule.now_ns", lambda: int(now[0] * 1e9))
    return now


def run_next(schedule, clock, seconds):
    planned = schedule.next_run()
    schedule.begin()
    clock[0] += seconds
    schedule.end(planned)
    return planned


def test_the_time_left_is_each_cell_s_own_mean_and_the_mean_of_all_for_new_ones(clock):
    runs = [PlannedRun(1, 1, 1), PlannedRun(2, 1, 1), PlannedRun(1, 2, 2), PlannedRun(2, 2, 2), PlannedRun(3, 1, 2)]
    schedule = Schedule(None)
    schedule.add(runs)
    assert schedule.remaining_s() is None
    run_next(schedule, clock, 2.0)
    run_next(schedule, clock, 10.0)
    assert schedule.remaining_s() == pytest.approx(2 + 10 + 6)
    assert schedule.remaining_s(expected=3) == pytest.approx(2 + 10 + 6 + 3 * 6)
    assert (schedule.done, schedule.planned) == (2, 5)


def test_the_budget_ends_a_sweep_and_bounds_the_time_left(clock):
    schedule = Schedule(10.0)
    schedule.add([PlannedRun(1, number, number) for number in range(1, 9)])
    run_next(schedule, clock, 4.0)
    assert schedule.remaining_s() == pytest.approx(6.0)
    assert schedule.budget_left_s == pytest.approx(6.0)
    assert not schedule.is_over_budget
    clock[0] = 10.0
    assert schedule.is_over_budget


def test_a_repeat_comes_last_and_a_dropped_cell_not_at_all(clock):
    schedule = Schedule(None)
    schedule.add(interleaved([1, 2], 2, 1))
    first = run_next(schedule, clock, 1.0)
    schedule.repeat(first)
    assert schedule.planned == 5
    schedule.drop_cell(3 - first.cell_id)
    left = []
    while schedule.next_run() is not None:
        left.append(run_next(schedule, clock, 1.0))
    assert [run.cell_id for run in left] == [first.cell_id] * 2
    assert [run.is_repeat for run in left] == [False, True]
    assert schedule.done == schedule.planned == 3
