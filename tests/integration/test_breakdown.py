"""The job "breakdown" on a small random model: its graph's nodes are all found, and what is refused says why."""

import json
import threading
from dataclasses import replace

import pytest

from profiler.analysis.breakdown import breakdowns
from profiler.analysis.step_breakdown import kept_breakdowns
from profiler.cli.main import main
from profiler.errors import Interrupted
from profiler.hardware import cpu
from profiler.records.outcome import OutcomeKind
from profiler.records.run_record import CellStatus, RunStatus
from profiler.records.specification import ContextSettings, ModelSettings
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from profiler.sweep.cell_breakdown import break_down_cell
from tests.helpers.random_model import write_random_model
from tests.helpers.scripted_sweep import MACHINE, MODEL, measuring, run_of, sweep_cells
from tests.helpers.written_session import run_data

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


@pytest.fixture
def session(tmp_path):
    """A session of the random model on this machine, by 1 and 2 users; its runs are made up."""
    model = write_random_model(tmp_path / "random.gguf", blocks=BLOCKS, vocabulary=301)
    machine = replace(MACHINE, cpu=replace(MACHINE.cpu, name=cpu.read().name))
    path = tmp_path / "random.inferometer"
    with SessionWriter.create(path, plan={}, machine=machine.to_json()) as writer:
        writer.add_model(replace(MODEL, path=str(model), file_bytes=model.stat().st_size))
        for cell in sweep_cells()[:2]:
            writer.add_cell(replace(cell, status=CellStatus.DONE))
            run = measuring(run_of(cell, cell.cell_id, threads=1))
            settings = replace(run.specification, model=ModelSettings(str(model), 0, True))
            writer.start_run(replace(run, specification=settings))
            writer.add_requests(run.run_id, run_data(cell.cell_id, 100, 10).requests)
            writer.update_run(replace(run, specification=settings, status=RunStatus.DONE))
    return path


def test_a_look_into_a_sessions_cell_is_kept_in_its_file(session):
    heard = []
    found = break_down_cell(session, 2, on_progress=lambda sentence, share: heard.append(sentence))
    assert {"loading the model", "looking inside the steps"} <= set(heard)
    assert [(each.kind, each.sequences, each.tokens, each.depth) for each in found.passes] == [
        ("decode", 1, 1, 72),
        ("decode", 2, 2, 72),
        ("prefill", 1, 64, 72),  # of 64 tokens of prompt and 16 of answer
    ]
    assert found.result["passes"][0]["steps"] >= 3
    with SessionReader.open(session) as reader:
        (kept,) = kept_breakdowns(reader.events())
        assert all(cell.status is CellStatus.DONE for cell in reader.cells())
    assert (kept.cell_id, kept.library_version) == (2, found.library_version)
    for before, after in zip(found.passes, kept.passes, strict=True):
        assert after.step_seconds == pytest.approx(before.step_seconds, abs=1e-9)
        assert [layer.layer for layer in after.layers] == list(range(BLOCKS))


def test_who_cancels_a_look_leaves_the_file_as_it_was(session):
    with SessionReader.open(session) as reader:
        before = reader.events()
    cancel = threading.Event()
    with pytest.raises(Interrupted):
        break_down_cell(session, 1, on_progress=lambda *_: cancel.set(), cancel=cancel)
    with SessionReader.open(session) as reader:
        assert reader.events() == before


def test_the_command_tells_the_same_as_a_document(tmp_path, capsys):
    path = write_random_model(tmp_path / "random.gguf", blocks=BLOCKS, vocabulary=301)
    options = ["--concurrency", "1,3", "--prompt-tokens", "24", "--threads", "1", "--json"]
    assert main(["breakdown", str(path), *options]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [(step["kind"], step["sequences"], len(step["layers"])) for step in steps] == [
        ("decode", 1, BLOCKS),
        ("decode", 3, BLOCKS),
        ("prefill", 1, BLOCKS),
    ]
    for step in steps:
        assert sum(group["share"] for group in step["groups"].values()) == pytest.approx(1)
