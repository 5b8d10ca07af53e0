import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis.warmup import mser_cut, warm_up
from profiler.records.timing import REQUEST_DTYPE

MS = 1_000_000


def test_the_cut_of_a_short_series_by_hand():
    # Σ(x - mean)² / n²: none cut 75/16 = 4.69 (mean 7.5), one 0. Among 0 0 6 8 7: none 60.8/25, one 38.75/16, two 2/9.
    assert mser_cut(np.array([0.0, 10, 10, 10])) == 1
    assert mser_cut(np.array([0.0, 0, 6, 8, 7])) == 2
    assert mser_cut(np.array([5.0, 5, 5, 5])) == 0


def test_no_more_than_half_is_cut():
    assert mser_cut(np.arange(10.0)) == 5


@given(st.lists(st.floats(0, 1e3), min_size=4, max_size=40), st.floats(0.1, 10))
def test_the_cut_is_the_least_squared_error_of_the_mean(values, scale):
    series = np.array(values)
    cut = mser_cut(series)
    assert 0 <= cut <= len(values) // 2

    def error(rest):
        return sum((value - sum(rest) / len(rest)) ** 2 for value in rest) / len(rest) ** 2

    least = min(error(values[start:]) for start in range(len(values) // 2 + 1))
    assert error(values[cut:]) <= least + 1e-9 * (1 + least)
    assert abs(error((series * scale)[mser_cut(series * scale) :].tolist()) - scale**2 * least) <= 1e-6 * (1 + scale**2 * least)


def arrivals(requests_of, stays_ms):
    """A request every 100 ms that stays so long."""
    return requests_of(*((100 * i, 100 * i, 100 * i + stay, 100 * i + stay, 1) for i, stay in enumerate(stays_ms)))


def test_a_load_that_fills_up_slowly_is_cut_where_it_is_full(requests_of):
    # 200 requests of 2 s, ten a second: the count rises to 20 in 2 s, then it stays. A batch of slices is 19.9 s / 40 = 0.4975 s.
    found = warm_up(arrivals(requests_of, [2000] * 200))
    assert found.is_stationary
    assert found.length_ns == pytest.approx(4 * 19_900 * MS / 40, abs=19_900 * MS / 40)


def test_a_level_load_is_not_cut(requests_of):
    found = warm_up(arrivals(requests_of, [100] * 100))
    assert (found.length_ns, found.is_stationary) == (0, True)


def test_a_load_that_never_settles_is_not_stationary(requests_of):
    found = warm_up(arrivals(requests_of, [50 * i for i in range(200)]))
    assert (found.length_ns, found.is_stationary) == (0, False)


def test_too_few_requests_say_nothing(requests_of):
    assert warm_up(arrivals(requests_of, [100] * 19)) is None
    assert warm_up(arrivals(requests_of, [100] * 20)) is not None
    assert warm_up(requests_of(*((0, 0, 5, 5, 1) for _ in range(30)))) is None


def test_a_stable_queue_is_seldom_called_not_stationary(single_server):
    runs = [warm_up(single_server(0.8, 300, seed).requests) for seed in range(100)]
    assert sum(not run.is_stationary for run in runs) <= 10


def test_a_busy_beginning_is_no_warm_up(requests_of):
    # Twenty in the system for the first 3 s of 20, then one: MSER alone would cut these 3 s away.
    busy = arrivals(requests_of, [2000] * 30 + [100] * 170)
    assert warm_up(busy).length_ns == 0


def queue(utilisation, arrivals_count, seed):
    """Requests in the system of a single server, Poisson arrivals, one a second."""
    generator = np.random.default_rng(seed)
    due_s = np.cumsum(generator.exponential(1.0, arrivals_count))
    served_s = utilisation * np.arange(1, arrivals_count + 1)
    end_s = served_s + np.maximum.accumulate(due_s - served_s + utilisation)
    requests = np.zeros(arrivals_count, REQUEST_DTYPE)
    requests["due_ns"], requests["end_ns"] = due_s * 1e9, end_s * 1e9
    return requests


@pytest.mark.parametrize(("utilisation", "most_cut", "most_unsteady"), [(0.3, 0.06, 0.03), (0.6, 0.06, 0.03), (0.8, 0.06, 0.06)])
def test_a_steady_queue_is_left_alone(utilisation, most_cut, most_unsteady):
    found = [warm_up(queue(utilisation, 300, seed)) for seed in range(200)]
    is_cut = np.mean([each.length_ns > 0 for each in found])
    is_unsteady = np.mean([not each.is_stationary for each in found])
    print(f"load {utilisation}: {100 * is_cut:.1f} % cut, {100 * is_unsteady:.1f} % called not stationary")
    assert is_cut <= most_cut
    assert is_unsteady <= most_unsteady


def test_a_machine_that_slows_down_meanwhile_is_seen():
    found = []
    for seed in range(60):
        fast, slow = queue(0.3, 700, seed), queue(0.85, 700, seed + 99)
        for name in ("due_ns", "end_ns"):
            slow[name] += fast["due_ns"].max()
        found.append(not warm_up(np.concatenate([fast, slow])).is_stationary)
    assert np.mean(found) >= 0.9
