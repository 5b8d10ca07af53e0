import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis.figure_name import FIGURE_NAMES, figure_value
from profiler.analysis.intervals import (
    INTERVAL_METHODS,
    cell_intervals,
    interval_method,
    log_t_interval,
    share_interval,
    t_interval,
)


def test_the_interval_of_three_repetitions_by_hand():
    # Logs of 1, e, e²: mean 1, s = 1, so 1 ± 4.30265 / √3 = 1 ± 2.48414.
    low, high = log_t_interval([1.0, math.e, math.e**2])
    assert low == pytest.approx(math.exp(1 - 2.48414), rel=1e-5)
    assert high == pytest.approx(math.exp(1 + 2.48414), rel=1e-5)


def test_equal_repetitions_leave_no_width():
    assert log_t_interval([5.0, 5.0]) == pytest.approx((5.0, 5.0))


@pytest.mark.parametrize("values", [[], [3.0], [3.0, 0.0], [3.0, -1.0], [3.0, math.inf], [3.0, math.nan]])
def test_no_interval_where_none_can_be_had(values):
    assert log_t_interval(values) is None


@given(st.lists(st.floats(1e-6, 1e9), min_size=2, max_size=12), st.floats(1e-3, 1e3))
def test_the_interval_scales_with_its_values_and_holds_their_geometric_mean(values, scale):
    low, high = log_t_interval(values)
    middle = math.exp(math.fsum(math.log(value) for value in values) / len(values))
    assert low <= middle * (1 + 1e-9)
    assert middle <= high * (1 + 1e-9)
    scaled = log_t_interval([value * scale for value in values])
    assert scaled == pytest.approx((low * scale, high * scale), rel=1e-6)


def test_six_repetitions_cover_the_truth_in_95_of_100_cells():
    generator = np.random.default_rng(20_240_601)
    truth, cells = 100.0, 4000
    repetitions = truth * np.exp(0.05 * generator.standard_normal((cells, 6)))
    intervals = [log_t_interval(row.tolist()) for row in repetitions]
    coverage = sum(low <= truth <= high for low, high in intervals) / cells
    assert 0.93 < coverage < 0.97


def test_names_of_all_figures():
    assert "output_tok_s" in FIGURE_NAMES
    assert "ttft_ms.p95" in FIGURE_NAMES
    assert "ttft_ms" not in FIGURE_NAMES
    assert "ttft_ms.n" not in FIGURE_NAMES
    assert len(FIGURE_NAMES) == 6 * 6 + 26


def test_figures_by_name():
    figures = {"output_tok_s": 5.0, "ttft_ms": {"p95": 7.0, "mean": None}, "energy_j": None}
    assert figure_value(figures, "output_tok_s") == 5
    assert figure_value(figures, "ttft_ms.p95") == 7
    for name in ("ttft_ms.mean", "ttft_ms.p50", "ttft_ms", "energy_j", "perplexity", "output_tok_s.p95"):
        assert figure_value(figures, name) is None


def test_the_intervals_of_a_cell_leave_out_what_too_few_runs_have():
    runs = [
        {"output_tok_s": 100.0, "ttft_ms": {"p95": 10.0, "p99": None}, "energy_j": None, "prompt_tok_s": 0.0},
        {"output_tok_s": 110.0, "ttft_ms": {"p95": 12.0, "p99": 4.0}, "energy_j": 3.0, "prompt_tok_s": 1.0},
        {"output_tok_s": 105.0, "ttft_ms": {"p95": 11.0, "p99": None}, "energy_j": None, "prompt_tok_s": 1.0},
    ]
    intervals = cell_intervals(runs)
    assert set(intervals) == {"output_tok_s", "ttft_ms.p95"}
    assert intervals["output_tok_s"] == log_t_interval([100.0, 110.0, 105.0])
    assert cell_intervals(runs[:1]) == {}
    assert cell_intervals([]) == {}


def test_a_latency_that_one_run_does_not_state_has_no_interval():
    stated = {"ttft_ms": {"p50": 10.0, "p95": 20.0, "n": 30}, "output_tok_s": 100.0}
    withheld = {"ttft_ms": {"p50": None, "p95": None, "n": 30}, "output_tok_s": 110.0}
    unmeasured = {"ttft_ms": {"p50": None, "p95": None, "n": 0}, "output_tok_s": 120.0}
    assert set(cell_intervals([stated, stated, withheld])) == {"output_tok_s"}
    assert set(cell_intervals([stated, stated, unmeasured])) == {"output_tok_s", "ttft_ms.p50", "ttft_ms.p95"}


def test_a_percentile_that_falls_on_a_lost_request_in_one_run_has_no_interval():
    whole = {"ttft_ms": {"p50": 10.0, "p95": 20.0, "n": 30}}
    lossy = {"ttft_ms": {"p50": 11.0, "p95": None, "n": 26}}
    assert set(cell_intervals([whole, whole, lossy])) == {"ttft_ms.p50"}


def test_plain_t_by_hand():
    # 1 2 3: mean 2, s = 1, 4.30265 / √3.
    assert t_interval([1.0, 2.0, 3.0]) == pytest.approx((2 - 2.48414, 2 + 2.48414), rel=1e-5)
    assert t_interval([1.0]) is None
    assert t_interval([1.0, math.nan]) is None


def test_figures_that_may_be_zero_or_negative_have_an_interval():
    runs = [
        {"queue_ms": {"p50": value, "n": 9}, "queue_growth_s": growth, "goodput_s": 0.0}
        for value, growth in ((0.0, -0.1), (0.0, 0.1), (0.3, 0.0))
    ]
    intervals = cell_intervals(runs)
    assert set(intervals) == {"queue_ms.p50", "queue_growth_s"}
    low, high = intervals["queue_ms.p50"]
    assert low == 0
    assert high == pytest.approx(t_interval([0, 0, 0.3])[1])
    assert intervals["queue_growth_s"] == pytest.approx(t_interval([-0.1, 0.1, 0.0]))


def test_a_share_by_hand():
    # Wilson for 8 of 10 at z = t(0.975, 1) = 12.7062: (0.8 + z²/20) / (1 + z²/10) ± z √(0.016 + z²/400) / (1 + z²/10).
    z = 12.7062
    scale = 1 + z * z / 10
    centre, half = (0.8 + z * z / 20) / scale, z * math.sqrt(0.016 + z * z / 400) / scale
    assert share_interval([0.8, 0.8], count=10) == pytest.approx((centre - half, centre + half), rel=1e-4)
    assert share_interval([0.8, 0.8]) is None
    assert share_interval([0.8], count=10) is None
    assert share_interval([0.8, 1.2], count=10) is None
    assert share_interval([1.0, 1.0], count=0) is None
    assert share_interval([1.0] * 6, count=192)[1] == 1


def test_the_shares_of_a_cell():
    runs = [
        {"attainment": 100.0, "below_reading_share": below, "cache_hit_rate": 50.0, "ttft_ms": {"n": 32}}
        for below in (1.0, 2.0, 3.0)
    ]
    intervals = cell_intervals(runs)
    low, high = intervals["attainment"]
    assert high == 100
    assert low == pytest.approx(100 * share_interval([1.0] * 3, 96)[0])
    assert intervals["below_reading_share"] == pytest.approx(tuple(100 * end for end in share_interval([0.01, 0.02, 0.03])))
    assert intervals["cache_hit_rate"] == (50, 50)
    assert "below_reading_share" not in cell_intervals([{"below_reading_share": 0.0}] * 3)
    assert "attainment" not in cell_intervals([{"attainment": 0.0, "ttft_ms": {"n": 0}}] * 3)


def covered(shares, truth, count=None):
    intervals = [share_interval(row.tolist(), count) for row in shares]
    return np.mean([interval is not None and interval[0] <= truth <= interval[1] for interval in intervals])


@pytest.mark.parametrize("runs", [2, 6])
@pytest.mark.parametrize("truth", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("correlation", [0.0, 0.02])
def test_the_share_of_good_requests_is_covered(runs, truth, correlation):
    requests, cells = 32, 1500
    generator = np.random.default_rng(20_260_803)
    shape = (cells, runs)
    # Requests of a run hang together: each run has a share of its own, beta-distributed (intra-class correlation).
    own = truth if not correlation else generator.beta(*(np.array([truth, 1 - truth]) * (1 / correlation - 1)), shape)
    shares = generator.binomial(requests, own, shape) / requests
    coverage = covered(shares, truth, requests * runs)
    print(f"{runs} runs, {100 * truth:g} % good, correlation {correlation}: covered {100 * coverage:.1f} %")
    assert coverage >= 0.93


@pytest.mark.parametrize(("threshold", "spread"), [(1.0, 0.05), (1.4, 0.01), (1.4, 0.1), (1.6, 0.05)])
def test_the_share_of_time_in_long_gaps_is_covered(threshold, spread):
    generator = np.random.default_rng(20_260_804)

    def shares(cells):
        gaps = np.exp(spread * generator.standard_normal((cells, 6, 1)) + 0.2 * generator.standard_normal((cells, 6, 300)))
        return np.sum(gaps * (gaps > threshold), axis=2) / np.sum(gaps, axis=2)

    truth = float(np.mean(shares(1500)))
    coverage = covered(shares(800), truth)
    print(f"{100 * truth:.1f} % of the time, runs apart by {100 * spread:g} %: covered {100 * coverage:.1f} %")
    assert coverage >= 0.91


def test_every_method_is_explained():
    for name in FIGURE_NAMES:
        for runs in (1, 2, 6):
            assert interval_method(name, runs) in INTERVAL_METHODS
        assert interval_method(name, 0) == ""
    assert interval_method("output_tok_s", 6) == "log t"
    assert interval_method("attainment", 6) == "score"
    assert interval_method("queue_ms.p95", 2) == "log t or t"
    assert interval_method("queue_growth_s", 2) == "t"
    assert interval_method("ttft_ms.p95", 1) == "block bootstrap"


@pytest.mark.parametrize("middle", [0.3, 1.0])
def test_runs_of_which_some_have_zero_are_covered(middle):
    generator = np.random.default_rng(20_260_805)
    truth = float(np.mean(np.maximum(0, generator.normal(middle, 1, 1_000_000))))
    cells = np.maximum(0, generator.normal(middle, 1, (600, 6))).tolist()
    runs_of_cells = [[{"goodput_s": value} for value in cell] for cell in cells if min(cell) <= 0 < max(cell)]
    intervals = [cell_intervals(runs)["goodput_s"] for runs in runs_of_cells]
    assert np.mean([low <= truth <= high for low, high in intervals]) >= 0.88
