from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.errors import UnusableArguments
from profiler.plan.cells import ALL_LAYERS, expand, model_labels, varying_axes
from profiler.plan.plan import Plan
from profiler.plan.resolution import requests_of_run, specification
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
    assert (order.load.users, order.load.classes[0].requests, order.context.slots) == (0, 64, 4)


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


def test_an_open_loop_has_eight_slots_unless_told_and_its_rate_is_an_axis():
    cells = cells_of({"load": {"arrival": "poisson", "rate": [1, 2]}})
    assert [(cell["rate"], cell["slots"], cell["concurrency"]) for cell in cells] == [(1.0, 8, 8), (2.0, 8, 8)]
    (told,) = cells_of({"load": {"arrival": "poisson", "rate": 1, "concurrency": 3}})
    assert (told["slots"], told["think_time"], told["burstiness"]) == (3, None, None)


def test_a_closed_loop_beside_an_open_one_has_no_rate():
    cells = cells_of({"load": {"arrival": ["closed", "gamma"], "rate": 2, "burstiness": [0.5, 1.0], "concurrency": 4}})
    assert [(cell["arrival"], cell["rate"], cell["burstiness"]) for cell in cells] == [
        ("closed", None, None),
        ("gamma", 2.0, 0.5),
        ("gamma", 2.0, 1.0),
    ]


def test_what_has_no_meaning_for_a_policy_makes_no_cells():
    cells = cells_of(
        {
            "load": {
                "concurrency": 4,
                "batching": ["sequential", "static", "continuous"],
                "static_batch_size": [2, 4],
                "prefill_chunk": [32, 64],
                "priority": ["decode", "prefill"],
            }
        }
    )
    told = [(cell["batching"], cell["static_batch_size"], cell["prefill_chunk"], cell["priority"]) for cell in cells]
    assert told == [
        ("sequential", None, None, None),
        ("static", 2, None, None),
        ("static", 4, None, None),
        ("continuous", None, 32, "decode"),
        ("continuous", None, None, "prefill"),
        ("continuous", None, 64, "decode"),
    ]


def test_the_context_holds_depth_and_whole_conversations_at_their_longest():
    (cell,) = cells_of(
        {"load": {"concurrency": 1, "prompt_tokens": "uniform:10:100", "output_tokens": 28, "turns": 4, "depth": 100}}
    )
    assert cell["ctx_size"] == 768, "100 + 4 × (100 + 28) = 612, in 256s"
    (order,) = specification(Plan.from_document({"load": {"turns": 3}}), cell, Path("m"), 1).load.classes
    assert (order.turns, order.requests_per_user) == (4, 4)


def test_a_mix_has_a_slot_for_each_user_and_each_other_class():
    document = {
        "load": {
            "classes": [
                {"name": "chats", "users": 4, "duration": 10},
                {"name": "paste", "arrival": "constant", "rate": 1, "requests": 1, "start": 2, "prompt_tokens": 2000},
            ],
            "prefill_chunk": [64, 256],
        }
    }
    cells = cells_of(document)
    assert [(cell["arrival"], cell["slots"], cell["concurrency"], cell["prefill_chunk"]) for cell in cells] == [
        ("mix", 5, None, 64),
        ("mix", 5, None, 256),
    ]
    assert cells[0]["ctx_size"] == 2304
    order = specification(Plan.from_document(document), cells[0], Path("m"), 1)
    assert [(each.name, each.users, each.start_s) for each in order.load.classes] == [("chats", 4, 0.0), ("paste", 0, 2.0)]
    assert order.load.users == 4
    assert requests_of_run(order) is None, "only time ends the chats"


def test_requests_of_a_run_are_told_also_where_a_rate_makes_them():
    def count(load):
        plan = Plan.from_document({"load": load})
        return requests_of_run(specification(plan, expand(plan, ["m"], 2)[0], Path("m"), 1))

    assert count({"arrival": "poisson", "rate": 2}) == 60, "30 s unless told"
    assert count({"arrival": "poisson", "rate": 2, "requests": 7}) == 7
    assert count({"arrival": "ramp", "rate": 0, "rate_to": 4, "duration": 10}) == 20
    assert count({"arrival": "closed", "concurrency": 2, "turns": 3}) == 12
    assert count({"arrival": "closed", "duration": 2}) is None


def test_a_trace_gives_times_and_lengths(tmp_path):
    trace = tmp_path / "azure.csv"
    trace.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,300,10\n2023-11-16 18:15:48.6805900,20,40\n2023-11-16 18:15:56.6805900,30,5\n"
    )
    load = {"arrival": "trace", "trace": str(trace), "prompt_tokens": "trace", "output_tokens": "trace", "time_scale": 2.0}
    plan = Plan.from_document({"load": load})
    (cell,) = expand(plan, ["m"], 2)
    assert cell["ctx_size"] == 512, "300 + 10 in 256s"
    order = specification(plan, cell, Path("m"), 1)
    assert order.load.classes[0].trace.format == "azure"
    assert requests_of_run(order) == 3
    cut = Plan.from_document({"load": {**load, "duration": 10}})
    assert requests_of_run(specification(cut, cell, Path("m"), 1)) == 2, "due at 0 and 4 s; 20 s is too late"
    unknown = tmp_path / "other.csv"
    unknown.write_text("when,in,out\n1,2,3\n")
    with pytest.raises(UnusableArguments, match="trace-columns"):
        expand(Plan.from_document({"load": {**load, "trace": str(unknown)}}), ["m"], 2)
    named = Plan.from_document({"load": {**load, "trace": str(unknown), "trace_columns": "when,in,out"}})
    assert expand(named, ["m"], 2)[0]["ctx_size"] == 256
