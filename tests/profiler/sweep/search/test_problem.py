import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.errors import UnusableArguments
from profiler.plan.ladder import RATE_STEP, ladder_of
from profiler.plan.plan import Plan
from profiler.sweep.search.problem import Arms


def plan_of(**load):
    engine = load.pop("engine", {})
    models = {"quant": load.pop("quant", ["as-is", "Q8_0"])}
    return Plan.from_document({"load": load, "engine": engine, "models": models, "search": {"enabled": True}})


def arms_of(plan, labels=("small",)):
    return Arms(plan, [(label, quant) for label in labels for quant in plan.models.quant], 2, has_gpu=False)


def test_users_are_all_between_the_ends_of_the_list():
    assert ladder_of(plan_of(concurrency=[8, 2, 4])) == ("concurrency", (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0))
    assert ladder_of(plan_of()) == ("concurrency", tuple(map(float, range(1, 17))))
    many = ladder_of(plan_of(concurrency=[1, 100_000]))[1]
    assert (many[0], many[-1]) == (1.0, 100_000.0)
    assert len(many) <= 512
    assert list(many) == sorted(set(many))


@given(st.floats(0.01, 100), st.floats(1.001, 1000))
def test_rates_rise_by_a_tenth_at_most_and_keep_to_the_bounds(low, factor):
    axis, ladder = ladder_of(plan_of(arrival=["poisson"], rate=[low, low * factor]))
    assert axis == "rate"
    assert (ladder[0], ladder[-1]) == (low, low * factor)
    assert all(1 < higher / lower <= RATE_STEP * 1.000001 for lower, higher in itertools.pairwise(ladder))


@pytest.mark.parametrize(
    ("load", "words"),
    [
        ({"classes": [{"name": "chat"}]}, "a mix of classes"),
        ({"arrival": ["offline"]}, "one kind of --arrival"),
        ({"arrival": ["closed", "poisson"], "rate": [1, 2]}, "one kind of --arrival"),
        ({"arrival": ["ramp"], "rate": [0, 2], "rate_to": 4}, "above 0"),
    ],
)
def test_what_cannot_be_searched_is_told(load, words):
    with pytest.raises(UnusableArguments, match=words):
        arms_of(plan_of(**load))


def test_an_arm_at_a_load_differs_from_itself_at_another_in_the_load_only():
    arms = arms_of(plan_of(concurrency=[1, 8], engine={"threads": [1, 2], "flash_attn": ["on", "off"]}))
    assert arms.count == 8
    assert arms.groups == [0, 0, 0, 0, 1, 1, 1, 1]
    low, high = arms.configuration(5, 0), arms.configuration(5, 7)
    assert {name for name in low if low[name] != high[name]} == {"concurrency", "slots"}
    assert (low["concurrency"], high["concurrency"]) == (1, 8)
    assert arms.names[5] == "Q8_0 · threads 1 · flash attn off"
    assert arms.names[0] == "small · threads 1 · flash attn on"


def test_models_are_named_where_there_are_several():
    arms = arms_of(plan_of(quant=["Q8_0"]), labels=("small", "large"))
    assert arms.names == ["small · Q8_0", "large · Q8_0"]
    assert arms.groups == [0, 1]


def test_loads_in_words():
    problem = arms_of(plan_of(concurrency=[1, 2])).problem([None, None], [None, None])
    assert problem.words(0, 0) == "small with 1 user"
    assert problem.words(1, 1) == "Q8_0 with 2 users"
    problem = arms_of(plan_of(arrival=["poisson"], rate=[0.5, 2.0])).problem([None, None], [None, None])
    assert problem.load_words(0) == "0.5 req/s"
