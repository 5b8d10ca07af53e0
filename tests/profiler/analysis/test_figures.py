import dataclasses
import itertools

import numpy as np
import pytest

from profiler.analysis.figures import cell_figures, independent_counts, run_figures
from profiler.records.metric import LATENCIES, METRICS, SINGLES, STATISTICS
from profiler.records.power_meter import IdleDraw, IdlePower
from profiler.records.timing import RequestStatus, RunData, Samples

MS = 1_000_000
SECOND = 1_000 * MS


def test_a_single_stream_by_hand(closed_loop, context_of, costs):
    # A request: prefill 10 + 64 = 74 ms, then 31 decodes of 11 ms: 415 ms. Four of them; the window is the last three, 1.245 s.
    data = closed_loop([0], per_user=4)
    samples = Samples(
        np.array([0, SECOND, 2 * SECOND]), {"process_rss_bytes": np.array([1e6, 3e6, 2e6]), "gpu0_power_watts": np.full(3, 40.0)}
    )
    data = dataclasses.replace(data, samples=samples)
    context = context_of(users=1, costs=costs, kv_cells=960, peak_bandwidth_gb_s=24.0, slo="ttft_ms.p95<=80,e2e_ms.p95<=415")
    figures = run_figures(data, context)
    assert figures["ttft_ms"] == {"mean": 74, "p50": 74, "p90": 74, "p95": 74, "p99": 74, "max": 74, "n": 3}
    assert figures["queue_ms"]["max"] == 0
    assert figures["prefill_ms"]["p50"] == 74
    assert figures["itl_ms"] == {"mean": 11, "p50": 11, "p90": 11, "p95": 11, "p99": 11, "max": 11, "n": 93}
    assert figures["tpot_ms"]["p95"] == 11
    assert figures["e2e_ms"]["p95"] == 415
    assert figures["output_tok_s"] == pytest.approx(96 / 1.245)
    assert figures["prompt_tok_s"] == pytest.approx(192 / 1.245)
    assert figures["requests_s"] == figures["goodput_s"] == pytest.approx(3 / 1.245)
    assert figures["user_tok_s"] == pytest.approx(1000 / 11)
    assert figures["batch_occupancy"] == 1
    # KV cells after the steps: 64 for 74 ms, then 65 … 95 for 11 ms each (mean 80): (64·74 + 80·341) / 415 of 960.
    assert figures["kv_occupancy"] == pytest.approx(100 * (64 * 74 + 80 * 341) / 415 / 960)
    # A decode: 120 MB + 1 kB + 80 × 50 kB on average, in 11 ms.
    assert figures["bandwidth_gb_s"] == pytest.approx(0.124001 / 0.011)
    assert figures["bandwidth_share"] == pytest.approx(0.124001 / 0.011 / 24 * 100)
    assert figures["rss_peak_bytes"] == 3e6
    assert figures["energy_j"] == pytest.approx(40 * 1.245)
    assert figures["tokens_per_joule"] == pytest.approx(96 / (40 * 1.245))
    for name in ("vram_peak_bytes", "perplexity", "kld_mean", "top1_agreement"):
        assert figures[name] is None


def test_energy_above_idle_by_hand(closed_loop, context_of):
    # The window of 1.245 s holds 96 tokens of three requests; at idle the card drew 15 of the 40 W.
    samples = Samples(np.array([0, SECOND, 2 * SECOND]), {"gpu0_power_watts": np.full(3, 40.0)})
    data = dataclasses.replace(closed_loop([0], per_user=4), samples=samples)
    idle = IdlePower({"gpu0": IdleDraw(15.0, 0.1, 5)}, 3.0)
    figures = run_figures(data, dataclasses.replace(context_of(users=1), idle_power=idle))
    assert figures["energy_j"] == pytest.approx(40 * 1.245)
    assert figures["energy_net_j"] == pytest.approx(25 * 1.245)
    assert figures["joules_per_output_token"] == pytest.approx(25 * 1.245 / 96)
    assert figures["joules_per_request"] == pytest.approx(25 * 1.245 / 3)
    assert figures["tokens_per_joule"] == pytest.approx(96 / (40 * 1.245))


@pytest.mark.parametrize("idle", [None, IdlePower({"gpu1": IdleDraw(15.0, 0.1, 5)}, 3.0)])
def test_without_the_idle_draw_nothing_is_told_above_it(closed_loop, context_of, idle):
    samples = Samples(np.array([0, SECOND, 2 * SECOND]), {"gpu0_power_watts": np.full(3, 40.0)})
    data = dataclasses.replace(closed_loop([0], per_user=4), samples=samples)
    figures = run_figures(data, dataclasses.replace(context_of(users=1), idle_power=idle))
    assert figures["energy_j"] == pytest.approx(40 * 1.245)
    for name in ("energy_net_j", "joules_per_output_token", "joules_per_request"):
        assert figures[name] is None


def test_every_metric_is_there_in_order_even_for_an_empty_run(context_of):
    for context in (context_of(), context_of(arrival="offline", users=0)):
        figures = run_figures(RunData(), dataclasses.replace(context, facts=None))
        assert tuple(figures) == tuple(metric.name for metric in METRICS)
        assert all(tuple(figures[name]) == STATISTICS and figures[name]["n"] == 0 for name in LATENCIES)
        assert all(figures[name] is None for name in SINGLES)


def test_a_run_of_one_request_has_figures(closed_loop, context_of):
    figures = run_figures(closed_loop([0], per_user=1), context_of(users=1))
    assert figures["ttft_ms"]["n"] == 1
    assert figures["output_tok_s"] == pytest.approx(32 / 0.415)
    assert figures["requests_s"] == pytest.approx(1 / 0.415)
    assert figures["goodput_s"] is None


def test_failed_requests_are_neither_dropped_nor_counted_as_fast(closed_loop, context_of):
    data = closed_loop([0, 0, 0], per_user=4)
    requests = data.requests.copy()
    requests["status"][5] = RequestStatus.TIMED_OUT  # one of nine due in the window
    figures = run_figures(dataclasses.replace(data, requests=requests), context_of(users=3, slo="e2e_ms.p50<=100000"))
    assert figures["e2e_ms"]["n"] == 8
    assert figures["e2e_ms"]["p50"] is not None
    assert figures["e2e_ms"]["max"] is None
    assert figures["goodput_s"] * 9 == pytest.approx(figures["output_tok_s"] / 32 * 8)


def test_offline_latencies_grow_with_the_queue(offline, context_of):
    figures = run_figures(offline(8, 2), context_of(arrival="offline", users=0))
    # Two by two: prefill 138 ms, 31 decodes of 12 ms, 510 ms in all; the first tokens come at 138, 648, 1158, 1668 ms.
    assert figures["ttft_ms"] == {"mean": 903, "p50": 648, "p90": 1668, "p95": 1668, "p99": 1668, "max": 1668, "n": 8}
    assert figures["queue_ms"]["max"] == 1530
    assert figures["output_tok_s"] == pytest.approx(8 * 32 / 2.04)


@pytest.fixture
def runs(closed_loop, context_of):
    """Three repetitions of one cell, of unequal speed, the last without a meter."""
    context = context_of(users=2)
    built = []
    for speed, watts in ((1, 30.0), (2, 50.0), (3, np.nan)):
        data = closed_loop(
            [0, 200], per_user=4, step_ns=lambda prefill, decodes, speed=speed: (10 + prefill + decodes) * MS * speed
        )
        samples = Samples(np.arange(12) * SECOND // 2, {"gpu0_power_watts": np.full(12, watts)})
        data = dataclasses.replace(data, samples=samples)
        built.append((data, context, run_figures(data, context)))
    return built


def test_a_cell_pools_raw_latencies_and_takes_the_median_of_single_figures(runs):
    figures = cell_figures(runs)
    assert tuple(figures) == tuple(metric.name for metric in METRICS)
    each = [run for _, _, run in runs]
    assert figures["ttft_ms"]["n"] == sum(run["ttft_ms"]["n"] for run in each)
    assert figures["ttft_ms"]["max"] == max(run["ttft_ms"]["max"] for run in each)
    assert figures["e2e_ms"]["mean"] == pytest.approx(
        sum(run["e2e_ms"]["mean"] * run["e2e_ms"]["n"] for run in each) / figures["e2e_ms"]["n"]
    )
    assert figures["output_tok_s"] == each[1]["output_tok_s"]
    assert each[2]["energy_j"] is None
    assert figures["energy_j"] == pytest.approx((each[0]["energy_j"] + each[1]["energy_j"]) / 2)
    assert figures["vram_peak_bytes"] is None


def test_the_order_of_a_cells_runs_does_not_matter(runs):
    expected = cell_figures(runs)
    assert all(cell_figures(order) == expected for order in itertools.permutations(runs))


def test_a_cell_without_runs_has_no_figures():
    figures = cell_figures([])
    assert all(figures[name]["n"] == 0 for name in LATENCIES)
    assert all(figures[name] is None for name in SINGLES)


def test_gaps_have_fewer_independent_values_than_gaps(closed_loop, context_of):
    data, context = closed_loop([0] * 8, per_user=4), context_of(users=8)
    counts = independent_counts([(data, context), (data, context)])
    figures = run_figures(data, context)
    assert figures["itl_ms"]["n"] == 3 * 8 * 31
    assert counts["itl_ms"] == 2 * 3 * 31
    assert counts["ttft_ms"] == 2 * figures["ttft_ms"]["n"] == 48


def test_reading_and_attainment_by_hand(closed_loop, context_of):
    # 93 gaps of 11 ms: one of them is the slowest hundredth, and none is below reading speed. Each answer takes 415 ms.
    data = closed_loop([0], per_user=4)
    figures = run_figures(data, context_of(users=1, slo="e2e_ms.p95<=414"))
    assert figures["low1_tok_s"] == pytest.approx(1000 / 11)
    assert figures["below_reading_share"] == 0
    assert figures["attainment"] == 0
    assert run_figures(data, context_of(users=1, slo="e2e_ms.p95<=415"))["attainment"] == 100
    assert run_figures(data, context_of(users=1))["attainment"] is None


def test_cache_figures_are_there_only_with_a_cache(closed_loop, context_of):
    data = closed_loop([0], per_user=4)
    requests, steps = data.requests.copy(), data.steps.copy()
    requests["cached_tokens"] = [0, 48, 48, 48]
    steps["evictions"][[3, 40]] = 1
    data = dataclasses.replace(data, requests=requests, steps=steps)
    figures = run_figures(data, context_of(users=1, prefix_cache=True))
    assert figures["cache_hit_rate"] == pytest.approx(100 * 48 / 64)  # of the three due in the window
    assert figures["cached_tok_s"] == pytest.approx(144 / 1.245)
    assert figures["evictions"] == 2
    without = run_figures(data, context_of(users=1))
    assert all(without[name] is None for name in ("cache_hit_rate", "cached_tok_s", "evictions"))


def test_a_queue_that_grows_states_its_slope_and_no_latency_that_grows_with_it(single_server, context_of):
    context = context_of(arrival="poisson", users=0, slots=1)
    data = single_server(2.0, 300, 1)
    figures = run_figures(data, context)
    for name in ("ttft_ms", "queue_ms", "e2e_ms"):
        assert figures[name].pop("n") == 300
        assert set(figures[name].values()) == {None}
    assert figures["prefill_ms"]["p50"] == pytest.approx(2000)
    assert figures["queue_growth_s"] == pytest.approx(0.5, rel=0.15)
    calm = single_server(0.5, 300, 1)
    kept_up = run_figures(calm, context)
    assert kept_up["ttft_ms"]["p95"] is not None
    assert abs(kept_up["queue_growth_s"]) < 0.01
    assert run_figures(data, context_of(arrival="ramp", users=0, slots=1))["queue_growth_s"] is None
    # One such run among a cell's makes the cell unstable.
    cell = cell_figures([(each, context, run_figures(each, context)) for each in (calm, data)])
    assert cell["ttft_ms"]["p50"] is None
    assert cell["ttft_ms"]["n"] == 300 + kept_up["ttft_ms"]["n"]
    assert cell_figures([(calm, context, kept_up)])["ttft_ms"] == kept_up["ttft_ms"]
