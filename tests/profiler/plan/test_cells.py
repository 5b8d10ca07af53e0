from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.errors import UnusableArguments
from profiler.plan.cells import ALL_LAYERS, expand, model_labels, requests_of_run, specification, varying_axes
from profiler.plan.plan import Plan
from profiler.records.axis import AXES


def cells_of(document, **options):
    return expand(Plan.from_document(document), ["m"], 2, **options)


def test_the_cells_are_the_product_of_the_axes():
    cells = cells_of({"models": {"quant": ["as-is", "Q8_0"]}, "load": {"concurrency": [1, 4, 8]}})
    assert [(cell["quant"], cell["concurrency"]) for cell in cells] == [
        (quant, users) for quant in ("as-is", "Q8_0") for users in (1, 4, 8)
    ]
    assert all(list(cell) == [axis.name for axis in AXES] for cell in cells)


def test_what_follows_from_other_axes_is_filled_in():
    (cell,) = cells_of({"load": {"concurrency": [3], "prompt_tokens": [200], "output_tokens": [57]}})
    assert (cell["slots"], cell["threads"], cell["threads_batch"], cell["ctx_size"]) == (3, 2, 2, 512)
    assert (cell["prefill_chunk"], cell["n_gpu_layers"]) == (512, 0)
    (exact,) = cells_of({"load": {"concurrency": [3], "prompt_tokens": [200], "output_tokens": [56]}}, has_gpu=True)
    assert (exact["ctx_size"], exact["n_gpu_layers"]) == (256, ALL_LAYERS)


def test_offline_concurrency_is_another_word_for_slots():
    (cell,) = cells_of({"load": {"arrival": "offline", "concurrency": [4]}})
    assert (cell["slots"], cell["concurrency"]) == (4, 4)
    order = specification(Plan.from_document({"load": {"arrival": "offline"}}), cell, Path("m.gguf"), 1)
    assert (order.load.users, order.load.requests, order.context.slots) == (0, 64, 4)


def test_a_context_that_cannot_hold_a_request_is_refused():
    with pytest.raises(UnusableArguments, match="--ctx-size 256"):
        cells_of({"load": {"prompt_tokens": [100], "output_tokens": [100]}, "engine": {"ctx_size": [128]}})


def test_too_many_cells_are_refused_before_they_are_made():
    with pytest.raises(UnusableArguments, match="cells"):
        cells_of({"load": {"concurrency": list(range(1, 200)), "prompt_tokens": list(range(1, 200))}})


def test_each_repetition_has_prompts_of_its_own_and_the_same_plan_the_same():
    plan = Plan()
    cell = expand(plan, ["m"], 2)[0]
    seeds = [specification(plan, cell, Path("m.gguf"), repetition).load.seed for repetition in (1, 2, 1)]
    assert seeds[0] == seeds[2] != seeds[1]


def test_without_a_stop_rule_a_user_asks_four_times():
    plan = Plan()
    order = specification(plan, expand(plan, ["m"], 2)[2], Path("m.gguf"), 1)
    assert (order.load.users, requests_of_run(order)) == (4, 16)


def test_axes_that_only_follow_are_not_told_as_varying():
    names = [axis.name for axis in varying_axes(cells_of({"load": {"concurrency": [1, 2], "prompt_tokens": [100, 400]}}))]
    assert names == ["concurrency", "prompt_tokens"], "slots follow concurrency, the context follows the prompt"


def test_models_of_one_name_are_told_apart_by_their_folder():
    assert model_labels(["/a/x/m.gguf", "/a/y/m.gguf", "/a/n.gguf"]) == ["x/m", "y/m", "n"]


@given(st.lists(st.integers(1, 64), min_size=1, max_size=5, unique=True), st.integers(1, 3000), st.integers(1, 3000))
def test_every_cell_can_hold_its_requests(users, prompt, output):
    for cell in cells_of({"load": {"concurrency": users, "prompt_tokens": [prompt], "output_tokens": [output]}}):
        assert cell["ctx_size"] >= prompt + output
        assert cell["ctx_size"] % 256 == 0
        assert cell["ctx_size"] - (prompt + output) < 256
        assert cell["batch_size"] >= cell["slots"]
