import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.comparison.rank_tests import paired_t, rank_sum, rank_sum_tail, signed_rank, signed_rank_tail

VALUES = st.lists(st.floats(-3, 3).map(lambda value: round(value, 3)), min_size=2, max_size=9)
CONFIDENCES = (0.8, 0.9, 0.95, 0.98)


@pytest.mark.parametrize("pairs", [1, 3, 6, 9])
def test_signed_rank_chances_are_those_of_all_signs(pairs):
    sums = [sum(rank for rank, is_in in enumerate(signs, 1) if is_in) for signs in itertools.product((0, 1), repeat=pairs)]
    tail = signed_rank_tail(pairs)
    assert tail == pytest.approx([sum(total <= place for total in sums) / 2**pairs for place in range(len(tail))])


@pytest.mark.parametrize(("fewer", "more"), [(1, 1), (2, 3), (3, 5), (4, 4)])
def test_rank_sum_chances_are_those_of_all_splits(fewer, more):
    splits = list(itertools.combinations(range(fewer + more), fewer))
    counts = [sum(member - place for place, member in enumerate(split)) for split in splits]
    tail = rank_sum_tail(fewer, more)
    assert tail == pytest.approx([sum(u <= place for u in counts) / len(splits) for place in range(len(tail))])


def test_the_floors_of_measurement_md():
    floors = [2 * rank_sum_tail(n, n)[0] for n in (4, 5, 6)]
    assert floors == pytest.approx([0.029, 0.008, 0.002], abs=5e-4)
    assert 2 * signed_rank_tail(6)[0] == 0.03125


def test_large_samples_join_the_exact_ones_smoothly():
    place = 480  # of 1275, a two-sided p of about 0.13
    exact, normal = signed_rank_tail(50)[place], signed_rank_tail(51)[place + 24]
    assert normal == pytest.approx(exact, rel=0.1)
    assert rank_sum_tail(50, 50)[-1] == pytest.approx(1)
    assert rank_sum_tail(50, 51)[-1] == pytest.approx(1, abs=1e-6)


def test_signed_rank_by_hand():
    # Walsh averages of 1, 2, 4: 1, 1.5, 2, 2.5, 3, 4; all above 0, so p = 2 · P(W ≤ 0) = 2 / 8.
    shift = signed_rank(np.array([4.0, 1.0, 2.0]))
    assert shift.differences.tolist() == [1, 1.5, 2, 2.5, 3, 4]
    assert shift.log_shift == 2.25
    assert shift.p_value == 0.25
    assert shift.interval(0.95) is None
    assert shift.interval(0.75) == (1, 4)


def test_rank_sum_by_hand():
    # 1, 2 against 2.5, 5, 6: all six differences are above 0, so p = 2 · 1 / C(5, 2).
    shift = rank_sum(np.array([1.0, 2.0]), np.array([5.0, 2.5, 6.0]))
    assert shift.log_shift == statistics.median([4, 1.5, 5, 3, 0.5, 4])
    assert shift.p_value == pytest.approx(0.2)
    assert shift.interval(0.8) == (0.5, 5)


def test_paired_t_by_hand():
    # 1, 2, 6: mean 3, standard deviation √7.
    shift = paired_t(np.array([1.0, 2.0, 6.0]))
    assert (shift.log_shift, shift.degrees) == (3, 2)
    assert shift.standard_error == pytest.approx(math.sqrt(7 / 3))
    low, high = shift.interval(0.95)
    assert (low, high) == pytest.approx((3 - 4.302653 * math.sqrt(7 / 3), 3 + 4.302653 * math.sqrt(7 / 3)), rel=1e-6)
    assert paired_t(np.array([1.0])) is None


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES)
def test_swapping_the_sides_turns_the_sign_and_nothing_else(a, b):
    a, b = np.array(a), np.array(b)
    count = min(len(a), len(b))
    for there, back in (
        (rank_sum(a, b), rank_sum(b, a)),
        (signed_rank(b[:count] - a[:count]), signed_rank(a[:count] - b[:count])),
        (paired_t(b[:count] - a[:count]), paired_t(a[:count] - b[:count])),
    ):
        assert back.log_shift == pytest.approx(-there.log_shift)
        assert back.p_value == pytest.approx(there.p_value)
        interval, other = there.interval(0.9), back.interval(0.9)
        assert (interval is None) == (other is None)
        if interval is not None:
            assert other == pytest.approx((-interval[1], -interval[0]))


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES, st.floats(-1, 1))
def test_the_interval_excludes_zero_exactly_when_p_is_small_enough(a, b, moved):
    a, b = np.array(a), np.array(b) + round(moved, 3)
    count = min(len(a), len(b))
    for shift in (rank_sum(a, b), signed_rank(b[:count] - a[:count])):
        for confidence in CONFIDENCES:
            interval = shift.interval(confidence)
            is_excluded = interval is not None and not interval[0] <= 0 <= interval[1]
            assert is_excluded == (shift.p_value <= 1 - confidence + 1e-12)
            if interval is not None:
                assert interval[0] <= shift.log_shift <= interval[1]


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_a_constant_shift_moves_estimate_and_interval_by_itself(values):
    a = np.array(values)
    shift = rank_sum(a, a + 0.5)
    assert shift.log_shift == pytest.approx(0.5)
    assert signed_rank(np.full(7, 0.5)).interval(0.95) == (0.5, 0.5)
    assert signed_rank(np.zeros(7)).p_value == 1
