import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.analysis.figure_name import FIGURE_NAMES, figure_value
from profiler.analysis.intervals import cell_intervals, log_t_interval, student_quantile


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
    assert len(FIGURE_NAMES) == 6 * 6 + 23


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
