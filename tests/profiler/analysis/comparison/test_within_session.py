import math

import numpy as np
import pytest

from profiler.analysis.comparison.needed import repetitions_within_session
from profiler.analysis.comparison.within_session import blocks_drift, common_blocks, paired_shift

N = 6
TRIALS = 400


def pairs(generator, *, cv=0.02, common=0.0, shift_percent=0.0, n=N):
    """Logarithms of n blocks of two cells: `common` is the share of the variance that a block's two values share."""
    block = generator.normal(0, cv * math.sqrt(common), (n, 1))
    logs = block + generator.normal(0, cv * math.sqrt(1 - common), (n, 2))
    return logs[:, 0], logs[:, 1] + math.log1p(shift_percent / 100)


def rejected(*, trials=TRIALS, **how):
    generator = np.random.default_rng(7)
    shifts = [paired_shift(*pairs(generator, **how)) for _ in range(trials)]
    return sum(shift.p_value <= 0.05 for shift in shifts)


@pytest.mark.parametrize("common", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("shift_percent", [5.0, -100 / 21])
def test_planted_shifts_of_5_percent_are_found(common, shift_percent):
    assert rejected(common=common, shift_percent=shift_percent) >= 0.95 * TRIALS


@pytest.mark.parametrize("common", [0.0, 0.3, 0.9])
def test_without_a_shift_few_are_called_different(common):
    trials = 1200
    assert rejected(trials=trials, common=common, cv=0.05) <= trials * 17 / 200


def test_drift_common_to_both_does_not_hide_a_shift():
    drift = np.array([0.0, 0.1, -0.2, 0.3, 0.15, -0.1, 0.2])
    noise = np.array([1, -1, 2, 0, -2, 1, -1]) * 1e-3
    assert blocks_drift(drift, drift + noise)
    shift = paired_shift(drift, drift + 0.03 + noise)
    assert shift.method == "signed-rank"
    assert shift.p_value == 2 / 2**7
    assert shift.log_shift == pytest.approx(0.03, abs=1e-3)


def test_without_drift_the_runs_are_two_samples():
    a, b = np.array([0, 1, 2, 0, 1, 2]) / 100, np.array([2, 1, 0, 1, 2, 0]) / 100 + 0.05
    shift = paired_shift(a, b)
    assert (shift.method, shift.degrees) == ("two-sample t", 10)
    # Both variances are 0.8e-4, so the error is √(1.6e-4 / 6).
    assert shift.standard_error == pytest.approx(math.sqrt(1.6e-4 / 6))
    assert shift.log_shift == pytest.approx(0.05)


def test_few_pairs_are_judged_by_the_paired_t():
    shift = paired_shift(*common_blocks({1: 0.0, 2: 0.1, 3: 0.2, 9: 5.0}, {4: -3.0, 3: 0.3, 1: 0.1, 2: 0.25}))
    assert (shift.method, shift.degrees) == ("paired t", 2)
    assert shift.log_shift == pytest.approx(0.35 / 3)
    assert paired_shift(*common_blocks({1: 0.0}, {1: 0.0, 2: 0.0})) is None


@pytest.mark.parametrize("common", [0.0, 0.9])
def test_as_many_repetitions_as_are_said_to_be_needed_find_the_shift(common):
    generator = np.random.default_rng(5)
    a, b = pairs(generator, cv=0.05, common=common, n=4000)
    needed = repetitions_within_session(a, b, 0.05)
    found = rejected(cv=0.05, common=common, shift_percent=5, n=needed)
    assert found >= 0.92 * TRIALS
    fewer = rejected(cv=0.05, common=common, shift_percent=5, n=max(2, needed * 2 // 3))
    assert fewer < found
