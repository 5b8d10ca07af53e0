import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plots.axis import AxisRange, tick_text, ticks_for


@pytest.mark.parametrize(
    ("highest", "texts"),
    [
        (1000, ["0", "200", "400", "600", "800", "1000"]),
        (24.9, ["0", "5", "10", "15", "20", "25"]),
        (0.9, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (11, ["0.0", "2.5", "5.0", "7.5", "10.0", "12.5"]),
        (3, ["0", "1", "2", "3"]),
    ],
)
def test_round_ticks(highest: float, texts: list[str]) -> None:
    assert ticks_for(highest).texts() == texts


def test_counts_have_whole_ticks() -> None:
    assert ticks_for(2, whole=True).texts() == ["0", "1", "2"]
    assert ticks_for(11, whole=True).texts() == ["0", "5", "10", "15"]


def test_decimals_follow_the_step() -> None:
    assert tick_text(0.5, 0.25) == "0.50"
    assert tick_text(2000, 1000) == "2000"


@given(st.floats(min_value=1e-3, max_value=1e12))
def test_every_scale_holds_its_value_in_few_distinct_ticks(highest: float) -> None:
    ticks = ticks_for(highest)
    assert ticks.top >= highest * (1 - 1e-6)
    assert 2 <= len(ticks.values()) <= 6
    assert len(set(ticks.texts())) == len(ticks.texts())


def test_a_range_grows_at_once_and_shrinks_late() -> None:
    axis = AxisRange(10)
    assert axis.cover(95)
    assert axis.ticks.top == 100
    assert not axis.cover(60)
    assert axis.ticks.top == 100
    assert axis.cover(30)
    assert axis.ticks.top == 30
    assert axis.cover(0)
    assert axis.ticks.top == 10
