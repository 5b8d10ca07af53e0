import pytest

from profiler.modelfile.description import describe
from profiler.plan.cells import expand
from profiler.plan.plan import Plan
from profiler.records.fingerprint import Ceilings
from profiler.sweep.estimate import estimate


@pytest.fixture(scope="module")
def description(sample_model):
    return describe(sample_model)


def estimate_of(document, description, free_bytes=10**11, ceilings=None):
    plan = Plan.from_document(document)
    return estimate(plan, expand(plan, ["m"], 2), {"m": description}, ceilings, free_bytes)


def test_more_work_takes_longer(description):
    small = estimate_of({"load": {"concurrency": [1]}}, description)
    assert 0 < small.seconds_low < small.seconds < small.seconds_high
    assert estimate_of({"load": {"concurrency": [1], "output_tokens": [512]}}, description).seconds > small.seconds
    assert estimate_of({"load": {"concurrency": [1, 2]}}, description).seconds > 2 * small.seconds * 0.9
    faster = Ceilings(bandwidth_gb_s=200.0)
    assert estimate_of({"load": {"concurrency": [1]}}, description, ceilings=faster).seconds < small.seconds


def test_runs_memory_and_disk_are_counted(description):
    told = estimate_of({"models": {"quant": ["as-is", "Q8_0"]}, "load": {"concurrency": [1, 4]}}, description)
    assert told.runs == 4 * 6
    assert told.memory_bytes > description.tensor_bytes
    assert told.disk_bytes == int(description.parameters * 1.2)
    assert told.does_not_fit == ()


def test_a_cell_that_does_not_fit_is_named(description):
    told = estimate_of({"load": {"concurrency": [1, 64]}, "engine": {"ctx_size": [8192]}}, description, free_bytes=3 * 10**9)
    ((cell, sentence),) = told.does_not_fit
    assert cell["concurrency"] == 64
    assert "3.00 GB are free" in sentence


def test_a_duration_and_a_budget_bound_the_time(description):
    assert estimate_of({"load": {"duration": 1.0, "concurrency": [1]}, "trust": {"repetitions": 1}}, description).seconds < 20
    assert estimate_of({"trust": {"budget": 7}}, description).seconds == 7


def test_an_unknown_model_leaves_the_time_open():
    plan = Plan()
    told = estimate(plan, expand(plan, ["m"], 2), {}, None, 10**9)
    assert told.seconds is None
    assert told.memory_bytes is None
