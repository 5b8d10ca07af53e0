import math

import pytest

from profiler.analysis.student import normal_share, student_quantile, student_two_sided, variance_ratio_share


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.5, 40.0])
def test_one_and_two_degrees_have_closed_forms(t):
    assert student_two_sided(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), abs=1e-12)
    assert student_two_sided(-t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 10, 47])
@pytest.mark.parametrize("share", [0.8, 0.95, 0.975, 0.9995])
def test_whole_degrees_agree_with_the_finite_sum(degrees, share):
    angle = math.atan(student_quantile(share, degrees) / math.sqrt(degrees))
    assert share_within(angle, degrees) == pytest.approx(2 * share - 1, rel=1e-9)


def share_within(angle, degrees):
    """P(|T| ≤ √degrees · tan(angle)): Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = degrees % 2 == 1
    term = cosine if is_odd else 1.0
    total = 0.0
    for k in range(degrees // 2):
        total += term
        term *= cosine * cosine * ((2 * k + 2) / (2 * k + 3) if is_odd else (2 * k + 1) / (2 * k + 2))
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total


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


@pytest.mark.parametrize(
    ("share", "degrees", "quantile"),
    [  # printed tables of Student's t
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.975, 3, 3.182),
        (0.975, 5, 2.571),
        (0.975, 10, 2.228),
        (0.975, 30, 2.042),
        (0.975, 120, 1.980),
        (0.95, 4, 2.132),
        (0.95, 7, 1.895),
        (0.995, 9, 3.250),
    ],
)
def test_students_quantiles(share, degrees, quantile):
    assert student_quantile(share, degrees) == pytest.approx(quantile, abs=6e-4)
