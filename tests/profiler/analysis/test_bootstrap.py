import numpy as np
import pytest

from profiler.analysis.bootstrap import run_intervals
from profiler.plan.slo import PERCENTILES

MS = 1_000_000


@pytest.fixture
def poisson(context_of):
    return context_of(arrival="poisson", users=0, slots=1)


def nearest_rank(values, q):
    return np.sort(values)[int(np.ceil(q * len(values))) - 1]


def times_in_system_s(utilisation, arrivals=2_000_000):
    """Of a single server with Poisson arrivals, one a second: Lindley's recursion in closed form, without the first tenth."""
    walk = np.cumsum(utilisation - np.random.default_rng(1).exponential(1.0, arrivals))
    return (walk - np.minimum.accumulate(np.minimum(walk, 0)) + utilisation)[arrivals // 10 :]


@pytest.mark.parametrize(("utilisation", "arrivals", "runs"), [(0.3, 200, 80), (0.6, 600, 80)])
def test_one_run_of_a_queue_covers_its_percentiles(single_server, poisson, utilisation, arrivals, runs):
    truth_ms = 1000 * times_in_system_s(utilisation)
    told = {"mean": np.mean(truth_ms)} | {name: nearest_rank(truth_ms, PERCENTILES[name]) for name in ("p50", "p90", "p95")}
    covered = {name: [] for name in told}
    for seed in range(100, 100 + runs):
        intervals = run_intervals(single_server(utilisation, arrivals, seed), poisson)
        for name, value in told.items():
            if (interval := intervals.get(f"ttft_ms.{name}")) is not None:
                covered[name].append(interval[0] <= value <= interval[1])
    for name, hits in covered.items():
        print(f"load {utilisation}, {name}: {100 * np.mean(hits):.0f} % of {len(hits)} intervals")
        assert len(hits) >= 0.9 * runs
        assert np.mean(hits) >= 0.86


def test_an_interval_holds_its_figure_and_is_the_same_each_time(single_server, poisson):
    data = single_server(0.5, 400, 7)
    intervals = run_intervals(data, poisson)
    assert intervals == run_intervals(data, poisson)
    waits_ms = (data.requests["first_token_ns"] - data.requests["due_ns"]) / MS
    low, high = intervals["ttft_ms.p90"]
    assert low < nearest_rank(waits_ms, 0.9) < high
    low, high = intervals["output_tok_s"]
    assert low < 1 < high  # one arrival a second, one token each
    assert "ttft_ms.max" not in intervals


def test_a_percentile_needs_blocks_beyond_it(single_server, poisson):
    intervals = run_intervals(single_server(0.3, 60, 3), poisson)
    assert "ttft_ms.p50" in intervals
    assert "ttft_ms.p99" not in intervals


def test_requests_that_never_got_there_take_the_interval_that_they_reach_into(single_server, poisson):
    data = single_server(0.3, 600, 3)
    lost = data.requests[::12]  # 8 % at least
    for name in ("first_token_ns", "end_ns"):
        lost[name] = np.iinfo(np.int64).min
    lost["status"] = 4
    # A request without an end never leaves the system; give it one.
    lost["end_ns"] = lost["due_ns"] + 1
    intervals = run_intervals(data, poisson)
    assert "ttft_ms.p50" in intervals
    assert "ttft_ms.p95" not in intervals
    assert "ttft_ms.mean" not in intervals


def test_a_queue_that_grows_has_none_of_what_counts_from_due(single_server, poisson):
    assert not {"ttft_ms.p50", "e2e_ms.mean"} & run_intervals(single_server(1.5, 400, 2), poisson).keys()


def test_a_closed_loop_is_cut_into_cycles(closed_loop, context_of):
    def step_ns(prefill_tokens, decodes):
        return round((10 + prefill_tokens + decodes) * MS * generator.lognormal(0, 0.1))

    generator = np.random.default_rng(5)
    context = context_of(users=2, slots=2)
    intervals = run_intervals(closed_loop([0, 50], per_user=40, step_ns=step_ns), context)
    generator = np.random.default_rng(6)
    longer = run_intervals(closed_loop([0, 50], per_user=400, step_ns=step_ns), context)
    for name in ("output_tok_s", "ttft_ms.p50", "itl_ms.p50", "e2e_ms.mean"):
        assert 0 < longer[name][1] / longer[name][0] - 1 < intervals[name][1] / intervals[name][0] - 1
        assert intervals[name][0] < longer[name][1]
        assert longer[name][0] < intervals[name][1]


def test_where_nothing_can_be_cut_nothing_is_told(closed_loop, offline, context_of):
    assert run_intervals(closed_loop([0, 50], per_user=2), context_of(users=2)) == {}
    assert run_intervals(offline(16, 4), context_of(arrival="offline", users=0)) == {}
