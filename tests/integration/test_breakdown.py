"""The job "breakdown" on a small random model: its graph's nodes are all found, and what is refused says why."""

import pytest

from profiler.analysis.breakdown import breakdowns
from profiler.records.outcome import OutcomeKind
from profiler.records.specification import ContextSettings, ModelSettings
from tests.helpers.random_model import write_random_model

BLOCKS = 3


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    path = write_random_model(tmp_path_factory.mktemp("random") / "random.gguf", blocks=BLOCKS, vocabulary=301)

    def build(*, decode_sequences=(1, 3), prefill_tokens=24, depth=0, slots=4, kv_unified=True, flash_attn="on"):
        context = ContextSettings(slots, 256, 64, 64, 1, 1, flash_attn, "f16", "f16", kv_unified)
        return {
            "model": ModelSettings(str(path), 0, True).to_json(),
            "context": context.to_json(),
            "decode_sequences": list(decode_sequences),
            "prefill_tokens": prefill_tokens,
            "depth": depth,
        }

    return build


@pytest.mark.parametrize("layout", [{"kv_unified": True}, {"kv_unified": False, "flash_attn": "off", "depth": 20}])
def test_all_parts_of_every_layer_are_found(engine, arguments, layout):
    end = engine.run_job("breakdown", arguments(**layout))
    assert end.outcome.is_done, end.outcome.sentence
    found = breakdowns(end.result)
    assert [(each.kind, each.sequences, each.tokens) for each in found] == [
        ("decode", 1, 1),
        ("decode", 3, 3),
        ("prefill", 1, 24),
    ]
    for each, document in zip(found, end.result["passes"], strict=True):
        assert each.depth == layout.get("depth", 0)
        assert [layer.layer for layer in each.layers] == list(range(BLOCKS))
        for layer in each.layers:
            assert set(layer.seconds) == {"attention", "kv_write", "mlp"}
        matrices = [name.split("-")[0].split(" ")[0] for name, operation, _ in document["nodes"] if operation == "MUL_MAT"]
        for name in ("Qcur", "Kcur", "Vcur", "attn_out", "ffn_gate", "ffn_up", "ffn_out"):
            assert matrices.count(name) == BLOCKS, name
        assert matrices[-1] == "result_output"
        assert min(each.seconds[group] for group in ("attention", "mlp", "output", "sampling")) > 0
        assert min(each.looked_s, each.unlooked_s, each.looking_s) > 0
        assert sum(each.seconds.values()) < 2 * each.looked_s  # medians of the parts against the median of the whole


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decode_sequences": [5]}, "1 to 4 sequences"),
        ({"decode_sequences": [0]}, "1 to 4 sequences"),
        ({"prefill_tokens": 65}, "batch of 64"),
        ({"depth": 240}, "larger context size"),
    ],
)
def test_what_does_not_fit_is_refused(engine, arguments, changes, words):
    end = engine.run_job("breakdown", arguments(**changes))
    assert not end.outcome.is_done
    assert words in end.outcome.sentence


def test_it_can_be_cancelled_and_the_engine_lives_on(engine, arguments):
    end = engine.run_job("breakdown", arguments(), on_message=lambda message: engine.cancel())
    assert end.outcome.kind is OutcomeKind.CANCELLED
    process = engine.process_id
    end = engine.run_job("breakdown", arguments(decode_sequences=[2], prefill_tokens=0))
    assert [each.kind for each in breakdowns(end.result)] == ["decode"]
    assert engine.process_id == process
