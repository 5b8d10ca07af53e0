from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.comparison.family import holm_levels


def test_holm_by_hand():
    # Sorted: 0.001 ≤ 0.05/4, 0.015 ≤ 0.05/3, 0.03 > 0.05/2: it and all after it fail, at the level at which it failed.
    assert holm_levels([0.03, 0.001, 0.04, 0.015]) == [0.025, 0.0125, 0.025, 0.05 / 3]


def test_a_single_comparison_has_the_whole_level():
    assert holm_levels([0.2]) == [0.05]
    assert holm_levels([]) == []


def test_the_first_failure_stops_all():
    levels = holm_levels([0.02, 0.02, 0.02])
    assert levels == [0.05 / 3] * 3


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_it_rejects_what_adjusted_p_values_reject(p_values):
    # The usual way to write Holm: p(i) · (m - i), made rising, held against 5 %.
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    rejected, worst = set(), 0.0
    for step, place in enumerate(order):
        worst = max(worst, p_values[place] * (len(order) - step))
        if worst <= 0.05:
            rejected.add(place)
    levels = holm_levels(p_values)
    found = {place for place, p in enumerate(p_values) if p <= levels[place]}
    assert found == rejected or any(abs(p * k - 0.05) < 1e-12 for p in p_values for k in range(1, 9))
