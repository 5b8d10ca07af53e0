import pytest

from profiler.analysis.occupancy import batch_occupancy, kv_occupancy, waiting
from profiler.analysis.window import Window

MS = 1_000_000


@pytest.fixture
def steps(steps_of):
    """10 ms of one sequence, 30 ms of four, and idle time between."""
    return steps_of(
        {"start": 0, "end": 10, "sequences": 1, "kv_used_cells": 100, "waiting": 0},
        {"start": 60, "end": 90, "sequences": 4, "kv_used_cells": 500, "waiting": 2},
    )


def test_occupancies_are_weighted_by_the_steps_time(steps):
    # (1·10 + 4·30) / 40, (100·10 + 500·30) / 40 of 800 cells, (0·10 + 2·30) / 40.
    window = Window(0, 100 * MS, is_short=False)
    assert batch_occupancy(steps, window) == pytest.approx(3.25)
    assert kv_occupancy(steps, window, 800) == pytest.approx(50)
    assert waiting(steps, window) == pytest.approx(1.5)


def test_a_step_counts_for_as_much_as_lies_inside(steps):
    # 5 ms of the first, 10 ms of the second: (1·5 + 4·10) / 15.
    assert batch_occupancy(steps, Window(5 * MS, 70 * MS, is_short=False)) == pytest.approx(3)


def test_nothing_measured_is_none(steps, steps_of):
    window = Window(0, 100 * MS, is_short=False)
    assert batch_occupancy(steps_of(), window) is None
    assert batch_occupancy(steps, Window(20 * MS, 50 * MS, is_short=False)) is None
    assert kv_occupancy(steps, window, None) is None
