import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis.frontier import FrontierPoint, frontier


def speeds(user, total):
    return {"user_tok_s": user, "output_tok_s": total, "ttft_ms": {"p95": 1000 / user if user else None}}


def test_cells_that_another_beats_on_both_are_off_the_frontier():
    cells = {1: speeds(100, 100), 2: speeds(50, 180), 3: speeds(40, 170), 4: speeds(25, 200), 5: speeds(None, 300)}
    assert frontier(cells) == (
        FrontierPoint(4, 25, 200, True),
        FrontierPoint(3, 40, 170, False),
        FrontierPoint(2, 50, 180, True),
        FrontierPoint(1, 100, 100, True),
    )


def test_a_latency_gains_downwards():
    cells = {1: speeds(100, 100), 2: speeds(50, 180), 3: speeds(40, 170)}
    on_frontier = {point.cell_id for point in frontier(cells, x="ttft_ms.p95") if point.is_on_frontier}
    assert on_frontier == {1, 2}


def test_a_figure_without_a_better_direction_has_no_frontier():
    with pytest.raises(ValueError, match="batch_occupancy has no better direction"):
        frontier({}, x="batch_occupancy")


def test_no_cells_no_points():
    assert frontier({}) == ()


@given(st.dictionaries(st.integers(1, 99), st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=20))
def test_on_the_frontier_is_who_no_other_beats(cells):
    points = frontier({cell_id: speeds(*values) for cell_id, values in cells.items()})
    assert {point.cell_id for point in points} == set(cells)
    for point in points:
        is_beaten = any(x >= point.x and y >= point.y and (x > point.x or y > point.y) for x, y in cells.values())
        assert point.is_on_frontier is not is_beaten
