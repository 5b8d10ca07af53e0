"""An imported llama-bench file beside a run: by `compare`, and what may and may not be set beside what."""

import json
from dataclasses import replace

import pytest

from profiler.cli.main import VERBS, main
from profiler.exchange.imports.llama_bench import TOOL
from profiler.exchange.imports.recast import recast
from profiler.plan.cells import expand
from profiler.plan.plan import Load, Plan
from profiler.records.run_record import CellRecord, CellStatus, RunStatus
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession, ModelIdentity
from profiler.session.writer import SessionWriter

FACTORS = (1.00, 1.01, 0.99, 1.005, 0.995, 1.0)
ROW = {
    "build_commit": "8f1abcd", "build_number": 6721, "cpu_info": "Other CPU", "gpu_info": "", "backends": "CPU",
    "model_filename": "/home/me/small.gguf", "model_type": "llama 135M Q4_1", "model_size": 98_000_000,
    "model_n_params": 134_515_008, "n_batch": 2048, "n_ubatch": 512, "n_threads": 2, "type_k": "f16", "type_v": "f16",
    "n_gpu_layers": 99, "split_mode": "layer", "main_gpu": 0, "no_kv_offload": False, "flash_attn": -1,
    "tensor_split": "0.00", "load_mode": "mmap", "no_op_offload": 0, "no_host": False, "repack": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path / "home"))


@pytest.fixture
def run_session(tmp_path, records):
    """Prompt 128 in 400 ms, 64 tokens, each further one in 10 ms; six repetitions; and two users."""
    path = tmp_path / "run.inferometer"
    with SessionWriter.create(path, plan={}, machine={"cpu": {"name": "Some CPU"}}) as writer:
        writer.add_model(replace(records.model, name="small"))
        run_id = 0
        for cell_id, configuration in enumerate(expand(Plan(load=Load(concurrency=(1, 2))), ["small"], 2), 1):
            cell = CellRecord(cell_id, 1, configuration, status=CellStatus.DONE)
            writer.add_cell(cell)
            for block, factor in enumerate(FACTORS, 1):
                run_id += 1
                run = records.run(run_id, cell_id, repetition=block, block=block, status=RunStatus.DONE)
                writer.start_run(run)
                found = records.figures(user_tok_s=100.0 * factor, output_tok_s=62.0 * factor, prompt_tok_s=120.0)
                found["prefill_ms"] = {**dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"), 400.0 / factor), "n": 4}
                writer.set_run_figures(run_id, found)
    return path


def test_a_llama_bench_file_beside_a_run(tmp_path, run_session, capsys):
    """pp128 and tg63 at a depth of 128 are what a prompt of 128 and an answer of 64 take; twice as fast."""
    pp = {**ROW, "n_prompt": 128, "n_gen": 0, "n_depth": 0, "samples_ns": [round(2e8 * factor) for factor in FACTORS]}
    tg = {**ROW, "n_prompt": 0, "n_gen": 63, "n_depth": 128, "samples_ns": [round(63 * 5e6 * factor) for factor in FACTORS]}
    other = {**tg, "n_depth": 0}
    (tmp_path / "lb.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (pp, tg, other)))
    imported = str(tmp_path / "lb.inferometer")
    assert "import" in VERBS
    assert main(["import", str(tmp_path / "lb.jsonl"), "-o", imported, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tool"], told["cells"], told["runs"], told["session"]) == ("llama-bench", 3, 18, imported)
    for sides, is_base in (([str(run_session), imported], False), ([imported, str(run_session)], True)):
        assert main(["compare", *sides, "--json", "--metric", "user_tok_s", "--metric", "prefill_ms.p50"]) == 0
        document = json.loads(capsys.readouterr().out)
        rows = {row["metric"]: row for row in document["matched"]}
        assert {row["config"]["concurrency"] for row in document["matched"]} == {1}
        shift = -50.0 if is_base else 100.0
        assert rows["user_tok_s"]["shift_percent"] == pytest.approx(shift, abs=1.0)
        assert rows["prefill_ms.p50"]["shift_percent"] == pytest.approx(100.0 if is_base else -50.0, abs=1.0)
        assert rows["output_tok_s"]["verdict"] == "not enough data", "a rate over whole requests is none of llama-bench's"
        assert any(": imported: " in flag for flag in rows["user_tok_s"]["flags"])
        assert any(": not told: " in flag and "ctx_size" in flag for flag in rows["user_tok_s"]["flags"])
        assert {row["config"].get("depth") for row in document["unmatched"]} == {0}
        assert len(document["unmatched"]) == 2, "tg63 without a depth, and two users"
        assert {row["fact"] for row in document["machine_differences"]} >= {"Processor"}


CELL = next(iter(expand(Plan(load=Load(concurrency=(1,))), ["small"], 2)))
MODEL = ModelIdentity("small", "Q4_1", "ab" * 32)


def imported_tests(**changes):
    """pp128 and tg63 of the cell above."""
    silent = dict.fromkeys(CELL)
    common = {
        "arrival": "closed",
        "concurrency": 1,
        "slots": 1,
        "model": "small",
        "quant": "Q4_1",
        "threads": 2,
        "threads_batch": 2,
    }
    common |= {"batch_size": 2048, "ubatch_size": 512} | changes
    run = MeasuredRun(1, {"prompt_tok_s": 9.0, "output_tok_s": 8.0, "prefill_ms.p50": 7.0, "tpot_ms.p50": 6.0, "user_tok_s": 5.0})
    told = [{"prompt_tokens": 128, "output_tokens": 0, "depth": 0}, {"prompt_tokens": 0, "output_tokens": 63, "depth": 128}]
    cells = tuple(MeasuredCell({**silent, **common, **each}, None, (run,)) for each in told)
    return MeasuredSession("lb", "", cells, imported_from=TOOL)


def given_figures(imported, ignored=(), **changes):
    other = MeasuredSession("run", "", (MeasuredCell(CELL | changes, MODEL, ()),))
    first = recast(imported, other, ignored).cells[0]
    return set(first.runs[0].figures) if first.configuration == CELL | changes else None


def test_only_what_means_the_same():
    assert given_figures(imported_tests()) == {"prefill_ms.p50", "tpot_ms.p50", "user_tok_s"}


@pytest.mark.parametrize(
    ("told", "changes", "figures"),
    [
        ({"threads": 4, "threads_batch": 4}, {}, None),
        ({"threads": 4}, {}, {"prefill_ms.p50"}),
        ({"flash_attn": "on"}, {}, None),
        ({"quant": "Q8_0"}, {}, None),
        ({"model": "other"}, {}, None),
        ({"batch_size": 64}, {}, {"tpot_ms.p50", "user_tok_s"}),
        ({}, {"output_tokens": 63}, {"prefill_ms.p50"}),
        ({}, {"prompt_tokens": 127}, None),
        ({}, {"depth": 1}, None),
        ({}, {"concurrency": 2}, None),
        ({}, {"arrival": "poisson"}, None),
    ],
)
def test_what_is_told_must_agree(told, changes, figures):
    assert given_figures(imported_tests(**told), **changes) == figures


def test_ignored_axes_need_not_agree():
    assert given_figures(imported_tests(model="other", threads=4), ("model", "threads")) == {
        "prefill_ms.p50",
        "tpot_ms.p50",
        "user_tok_s",
    }


def test_sweeps_of_ours_stay_as_they_are():
    ours = replace(imported_tests(), imported_from="")
    assert recast(ours, ours) is ours
    assert recast(imported_tests(), imported_tests()) == imported_tests()
