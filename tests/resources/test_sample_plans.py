import pytest

from profiler.plan.cells import expand
from profiler.plan.sample_plans import sample_plans


def test_every_sample_plan_is_a_valid_sweep_of_the_sample_model():
    names = [sample.name for sample in sample_plans()]
    assert names == ["noisy_neighbour", "overload_and_spike", "policies", "prefix_cache"]
    for sample in sample_plans():
        assert sample.plan.models.paths == ("sample",)
        assert sample.plan.title
        assert sample.about.endswith(".")
        assert expand(sample.plan, ["sample"], 2)


@pytest.mark.parametrize(
    ("name", "cells"), [("policies", 3), ("overload_and_spike", 4), ("prefix_cache", 6), ("noisy_neighbour", 3)]
)
def test_they_compare_what_they_say(name, cells):
    (plan,) = (sample.plan for sample in sample_plans() if sample.name == name)
    assert len(expand(plan, ["sample"], 2)) == cells
