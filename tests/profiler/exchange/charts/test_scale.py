import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.exchange.charts.scale import Scale, from_zero, ticks


@pytest.mark.parametrize(
    ("scale", "texts"),
    [
        (Scale(0, 100), ["0", "20", "40", "60", "80", "100"]),
        (Scale(0, 12.6), ["0.0", "2.5", "5.0", "7.5", "10.0", "12.5"]),
        (Scale(0, 0.5), ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (Scale(0, 1310), ["0", "250", "500", "750", "1000", "1250"]),
        (Scale(0.5, 200, "log"), ["1", "3", "10", "30", "100"]),
        (Scale(2, 30, "log"), ["2", "5", "10", "20"]),
        (Scale(0, 0.9995, "tail"), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]),
    ],
)
def test_ticks_are_round(scale: Scale, texts: list[str]) -> None:
    assert [tick.text for tick in ticks(scale)] == texts


def test_a_tail_is_stretched_by_how_rare_it_is() -> None:
    scale = Scale(0, 0.999, "tail")
    assert [scale.share(value) for value in (0, 0.9, 0.99, 0.999)] == pytest.approx([0, 1 / 3, 2 / 3, 1])


@settings(max_examples=100)
@given(st.floats(1e-6, 1e9))
def test_what_must_be_seen_is_in_view_with_ticks_that_say_what_they_are(reach: float) -> None:
    scale = from_zero(reach)
    found = ticks(scale)
    assert scale.low == 0
    assert scale.holds(reach)
    assert 2 <= len(found) <= 8
    assert len({tick.text for tick in found}) == len(found)
    assert all(float(tick.text) == pytest.approx(tick.value, rel=1e-6, abs=1e-12) for tick in found)
