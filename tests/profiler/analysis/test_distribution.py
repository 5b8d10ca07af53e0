import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis.distribution import distribution, ecdf, is_stated, percentile
from profiler.records.metric import STATISTICS

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)


def test_nearest_rank_on_ten_values():
    # Ranks ⌈q·10⌉: p50 5th, p90 9th, p95 ⌈9.5⌉ = 10th, p99 ⌈9.9⌉ = 10th.
    values = np.array([70.0, 10, 30, 20, 50, 60, 40, 90, 100, 80])
    assert distribution(values) == {"mean": 55, "p50": 50, "p90": 90, "p95": 100, "p99": 100, "max": 100, "n": 10}


def test_nearest_rank_on_twenty_values_takes_the_nineteenth_as_p95():
    assert distribution(np.arange(1.0, 21))["p95"] == 19


def test_a_rank_does_not_step_up_for_binary_noise():
    assert math.ceil(0.07 * 100) == 8
    assert percentile(np.arange(1.0, 101), 0.07) == 7


def test_statistics_are_those_of_the_record_in_its_order():
    assert tuple(distribution(np.array([1.0]))) == STATISTICS


def test_nothing_measured_is_none_with_a_count_of_zero():
    assert distribution(np.empty(0)) == {"mean": None, "p50": None, "p90": None, "p95": None, "p99": None, "max": None, "n": 0}


def test_missing_values_rank_above_all():
    # 18 reached, 2 not: ranks of 20 values. p50 10th, p90 18th; p95 19th and above are among the missing.
    statistics = distribution(np.arange(1.0, 19), missing=2)
    assert statistics == {"mean": None, "p50": 10, "p90": 18, "p95": None, "p99": None, "max": None, "n": 18}


@given(VALUES, st.floats(0.001, 1.0))
def test_a_percentile_is_an_observed_value_that_covers_its_share(values, q):
    ordered = np.sort(np.array(values))
    value = percentile(ordered, q)
    assert value in values
    n = len(values)
    assert np.count_nonzero(ordered <= value) >= q * n - 1e-6
    assert np.count_nonzero(ordered < value) <= q * n


@given(VALUES, st.randoms())
def test_order_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert distribution(np.array(values)) == distribution(np.array(shuffled))


def test_ecdf_steps_up_by_one_value_each():
    values, shares = ecdf(np.array([3.0, 1.0, 2.0, 2.0]))
    assert values.tolist() == [1, 2, 2, 3]
    assert shares.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert [len(part) for part in ecdf(np.empty(0))] == [0, 0]


@pytest.mark.parametrize(("q", "least"), [(0.50, 7), (0.90, 44), (0.95, 90), (0.99, 459)])
def test_a_percentile_is_stated_from_this_many_values_on(q, least):
    assert is_stated(q, least)
    assert not is_stated(q, least - 1)
    assert not is_stated(q, 0)
