import numpy as np
import pytest

from profiler.analysis.reading import below_reading_share, low1_tok_s


def test_the_one_percent_low_is_the_mean_of_the_longest_hundredth():
    # 300 gaps: 297 of 10 ms, and 100, 200, 300 ms: mean 200 ms, five tokens a second.
    gaps = np.array([10.0] * 297 + [300, 100, 200])
    assert low1_tok_s(gaps) == pytest.approx(5)
    assert low1_tok_s(gaps[:299]) == pytest.approx(1000 / 200)  # 2.99 gaps are two: 300 and 100
    assert low1_tok_s(np.array([20.0, 50, 30])) == pytest.approx(20)  # at least one


def test_time_below_reading_speed_counts_time_not_gaps():
    # Limit 142.857 ms: of 600 + 200 + 100 + 100 ms, 800 are over it.
    assert below_reading_share(np.array([600.0, 100, 200, 100])) == pytest.approx(80)
    assert below_reading_share(np.array([142.8, 142.8])) == 0
    assert below_reading_share(np.array([142.9])) == 100


def test_without_gaps_or_time_nothing_is_said():
    for gaps in (np.empty(0), np.zeros(3)):
        assert low1_tok_s(gaps) is None
        assert below_reading_share(gaps) is None
