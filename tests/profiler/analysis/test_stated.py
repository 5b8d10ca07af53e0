import numpy as np
import pytest

from profiler.analysis.figures import independent_counts, run_figures
from profiler.analysis.stated import independent_values, is_figure_stated, stated, stated_percentiles

# p90 from 44 values on, p95 from 90, p99 from 459 (measurement.md §1).


@pytest.mark.parametrize(
    ("count", "names"), [(6, set()), (7, {"p50"}), (44, {"p50", "p90"}), (89, {"p50", "p90"}), (90, {"p50", "p90", "p95"})]
)
def test_percentiles_only_as_high_as_the_values_suffice(count, names):
    distribution = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"), 5.0) | {"n": count}
    told = stated_percentiles(distribution, count)
    assert {name for name, is_stated in told.items() if is_stated} == names | {"max"}
    assert set(told) == {"p50", "p90", "p95", "p99", "max"}


def test_gaps_of_one_step_are_one_event():
    figures = {"itl_ms": {"p99": 5.0, "n": 3671}, "ttft_ms": {"p95": 9.0, "n": 90}}
    assert independent_values(figures, "itl_ms", {"slots": 8}) == 458
    assert independent_values(figures, "itl_ms", {"slots": 1}) == 3671
    assert independent_values(figures, "itl_ms", {}) == 3671
    assert independent_values(figures, "ttft_ms", {"slots": 8}) == 90
    assert independent_values(figures, "e2e_ms", {"slots": 8}) == 0
    assert not is_figure_stated(figures, "itl_ms.p99", {"slots": 8})
    assert is_figure_stated(figures, "itl_ms.p99", {"slots": 7})
    assert is_figure_stated(figures, "itl_ms.max", {"slots": 8})
    assert is_figure_stated(figures, "itl_ms.mean", {"slots": 8})
    assert is_figure_stated(figures, "output_tok_s", {})


def test_only_latencies_that_have_values_are_told():
    figures = {
        "itl_ms": {"p50": None, "n": 0},
        "ttft_ms": {"p50": 5.0, "p99": 9.0, "n": 40},
        "tpot_ms": None,
        "output_tok_s": 4.0,
    }
    assert stated(figures, {"slots": 4}) == {"ttft_ms": {"p50": True, "p99": False}}


def test_the_bound_is_never_above_the_steps_themselves(closed_loop, open_loop, context_of):
    even = np.arange(40) * 300
    for data, context, slots in (
        (closed_loop([0, 30, 60, 90], per_user=6), context_of(users=4, slots=4), 4),
        (open_loop(even, slots=8), context_of(arrival="constant", users=0), 8),
    ):
        figures = run_figures(data, context)
        steps = independent_counts([(data, context)])["itl_ms"]
        assert 0 < independent_values(figures, "itl_ms", {"slots": slots}) <= steps
    assert steps < figures["itl_ms"]["n"]
