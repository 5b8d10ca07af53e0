import math

import pytest

from profiler.analysis import intervals
from profiler.analysis.comparison.student import normal_share, student_quantile, student_two_sided, variance_ratio_share


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.5, 40.0])
def test_one_and_two_degrees_have_closed_forms(t):
    assert student_two_sided(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), abs=1e-12)
    assert student_two_sided(-t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 10, 47])
@pytest.mark.parametrize("share", [0.8, 0.95, 0.975, 0.9995])
def test_whole_degrees_agree_with_the_finite_sum(degrees, share):
    assert student_quantile(share, degrees) == pytest.approx(intervals.student_quantile(share, degrees), rel=1e-9)


def test_between_whole_degrees_it_lies_between():
    assert student_quantile(0.975, 4) < student_quantile(0.975, 3.4) < student_quantile(0.975, 3)
    assert student_two_sided(student_quantile(0.975, 3.4), 3.4) == pytest.approx(0.05, abs=1e-12)


def test_many_degrees_are_the_normal_distribution():
    assert student_quantile(0.975, 1e7) == pytest.approx(1.959964, abs=1e-6)
    assert student_quantile(0.975, math.inf) == pytest.approx(1.959964, abs=1e-6)
    assert student_two_sided(2.0, 1e5) == pytest.approx(2 * (1 - normal_share(2.0)), abs=1e-5)
    assert student_two_sided(math.inf, 3) == 0


def test_the_variance_ratio_has_the_tabled_quantiles():
    # F tables, upper 5 %: 5.0503 for 5 and 5, 2.9782 for 10 and 10; two degrees have 1 / (1 + x).
    assert variance_ratio_share(5.0503, 5) == pytest.approx(0.05, abs=1e-5)
    assert variance_ratio_share(2.9782, 10) == pytest.approx(0.05, abs=1e-5)
    assert variance_ratio_share(3.0, 2) == pytest.approx(0.25, abs=1e-12)
