from pathlib import Path

import pytest

from app.pages.plan.quality_ahead import quality_seconds
from app.pages.plan.search_ahead import runs_of, search_ahead
from profiler.errors import UnusableArguments
from profiler.modelfile.description import ModelDescription, describe
from profiler.plan.plan import Engine, Load, Plan, Search, Trust
from profiler.sweep.estimate import estimate
from tests.helpers.small_models import write_small_model

CHOICES = (("m", "as-is"), ("m", "Q8_0"))


@pytest.fixture
def small(tmp_path: Path) -> ModelDescription:
    return describe(write_small_model(tmp_path / "small.gguf"))


@pytest.mark.parametrize(
    ("groups", "loads", "confirm", "runs", "weight"),
    [
        ([0], 1, 6, 1 + 6, 7),  # one candidate at one load: a look, and fresh runs of it alone
        ([0], 16, 6, 1 + 4 + 12, 17),  # the top and four halvings; the second best load stands against the best
        ([0, 1, 2], 16, 4, 3 * 5 + 8, 23),
        ([0, 0], 4, 1, 2 * 3 + 2, 8),  # two settings are not halved
        ([0] * 5, 4, 1, 5 + 3 + 2 * 3 + 2, 5 * 0.25 + 3 * 0.5 + 8),  # 5 short looks, 3 longer ones, 2 are left
    ],
)
def test_runs_of_a_search_by_hand(groups: list[int], loads: int, confirm: int, runs: int, weight: float) -> None:
    assert runs_of(groups, loads, confirm) == (runs, pytest.approx(weight))


def test_the_ends_are_the_plans_and_nothing_between_is_promised(small: ModelDescription) -> None:
    plan = Plan(load=Load(concurrency=(2, 4, 9)), search=Search(enabled=True, confirm_repetitions=3))
    ahead = search_ahead(plan, CHOICES, 2, {"m": small}, None, 10**10)
    assert (ahead.candidates, ahead.axis, ahead.low, ahead.high) == (2, "concurrency", 2, 9)
    assert [(cell["quant"], cell["concurrency"]) for cell in ahead.cells] == [
        ("as-is", 2), ("as-is", 9), ("Q8_0", 2), ("Q8_0", 9),
    ]  # fmt: skip
    assert ahead.runs == 2 * (1 + 3) + 2 * 3  # eight loads are three halvings


def test_its_time_lies_between_what_its_lowest_and_its_highest_load_take(small: ModelDescription) -> None:
    plan = Plan(load=Load(concurrency=(1, 16)), search=Search(enabled=True))
    ahead = search_ahead(plan, CHOICES, 2, {"m": small}, None, 10**10)
    single = plan.model_copy(update={"trust": Trust(repetitions=1)})
    each = [estimate(single, [cell], {"m": small}, None, 10**10).seconds for cell in ahead.cells]
    known = [seconds for seconds in each if seconds is not None]
    assert ahead.estimate.runs == ahead.runs
    assert ahead.estimate.seconds is not None
    assert ahead.runs * min(known) < ahead.estimate.seconds < ahead.runs * max(known)
    short = plan.model_copy(update={"trust": Trust(budget=2.0)})
    assert search_ahead(short, CHOICES, 2, {"m": small}, None, 10**10).estimate.seconds == 2.0


def test_settings_compete_too(small: ModelDescription) -> None:
    plan = Plan(load=Load(concurrency=(1, 2)), engine=Engine(threads=(1, 2)), search=Search(enabled=True))
    assert search_ahead(plan, CHOICES, 2, {"m": small}, None, 10**10).candidates == 4


def test_a_plan_without_such_an_axis_cannot_be_searched() -> None:
    with pytest.raises(UnusableArguments, match="along the users"):
        search_ahead(Plan(load=Load(arrival=("offline",))), CHOICES, 2, {}, None, 1)


def test_time_of_scoring_grows_with_models_and_stops_at_the_texts_end(small: ModelDescription) -> None:
    def seconds(tokens: int | None, *quants: str, text_bytes: int | None = 10**9) -> float | None:
        return quality_seconds(tokens, {"m": small}, [("m", quant) for quant in quants], None, text_bytes)

    assert seconds(None, "as-is") == 0
    assert seconds(255, "as-is", text_bytes=None) is None
    assert quality_seconds(255, {}, CHOICES, None, 10**9) is None
    one = seconds(255, "as-is")
    assert one is not None
    # 512 tokens at 20 GB/s, twice as slow as the bytes alone and four times as fast as single steps
    assert one == pytest.approx(512 * 2 * small.tensor_bytes / 20e9 / 4)
    assert seconds(255, "Q8_0") == pytest.approx(2 * one)  # the base goes along though it is not measured
    assert seconds(255, "as-is", "Q8_0", "Q2_K") == pytest.approx(3 * one)
    assert seconds(2550, "as-is") == pytest.approx(10 * one)
    assert seconds(2550, "as-is", text_bytes=3584) == pytest.approx(2 * one)  # 1024 tokens of 3.5 bytes
