"""Whole sweeps: the real engine, the real sample model, a real session file."""

import os
import signal
import sqlite3
import threading

import numpy as np
import pytest

from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.errors import EnvironmentFault, Interrupted, UnusableArguments
from profiler.exchange.summary import summary_document
from profiler.plan.plan import Plan
from profiler.plan.slo import parse_slo
from profiler.records.metric import METRICS
from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.reader import SessionReader
from profiler.sweep import events
from profiler.sweep.runner import Runner

SMALL = {
    "load": {"concurrency": [1, 2], "prompt_tokens": [16], "output_tokens": [6], "requests_per_user": 3},
    "engine": {"threads": [1]},
    "trust": {"repetitions": 2},
    "need": {"slo": "ttft_ms.p95<=60000"},
}


def plan_of(**sections):
    document = {name: dict(section) for name, section in SMALL.items()}
    for name, section in sections.items():
        document.setdefault(name, {}).update(section)
    return Plan.from_document(document)


class Listener:
    """Keeps what a sweep tells, and acts on the first event of a kind."""

    def __init__(self):
        self.events = []
        self.actions = {}

    def __call__(self, event):
        self.events.append(event)
        action = self.actions.pop(type(event), None)
        if action is not None:
            action(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def sweep(tmp_path):
    """Runs a plan into a file; gives the runner's end, the listener and the file."""

    def run(plan, listener=None, prepare=None):
        listener = listener or Listener()
        path = tmp_path / "run.inferometer"
        runner = Runner(plan, path, listener)
        if prepare is not None:
            prepare(runner, listener)
        return runner.run(), listener, path

    return run


def assert_sound(path):
    assert not path.with_name(path.name + "-wal").exists(), "a WAL is left behind"
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished sweep with its events, shared by the tests that only look."""
    path = tmp_path_factory.mktemp("sweep") / "done.inferometer"
    listener = Listener()
    end = Runner(plan_of(models={"quant": ["as-is", "Q8_0"]}), path, listener).run()
    return end, listener, path


def test_a_sweep_ends_with_every_cell_done_and_figures_for_each(finished):
    end, _listener, path = finished
    assert (end.stopped, end.fault) == (False, "")
    assert_sound(path)
    with SessionReader.open(path) as reader:
        document = summary_document(reader)
    assert [cell["status"] for cell in document["cells"]] == ["done"] * 4
    assert {model["quantization"] for model in document["models"]} == {"Q4_1", "Q8_0"}
    for cell in document["cells"]:
        users = cell["config"]["concurrency"]
        assert cell["runs"] == 2
        assert cell["requests"]["completed"] == 2 * 3 * users
        assert cell["tokens"] == {"prompt": 2 * 3 * users * 16, "cached": 0, "output": 2 * 3 * users * 6}
        assert cell["metrics"]["ttft_ms"]["p95"] > 0
        assert cell["metrics"]["output_tok_s"] > 0
        assert cell["metrics"]["goodput_s"] == pytest.approx(cell["metrics"]["requests_s"], rel=0.5)
        assert cell["metrics"]["rss_peak_bytes"] > 50_000_000
        assert cell["metrics"]["vram_peak_bytes"] is None, "not measured is null, never 0"
        assert cell["metrics"]["energy_j"] is None
        low, high = cell["intervals"]["output_tok_s"]
        assert low <= cell["metrics"]["output_tok_s"] <= high


def test_stored_figures_are_those_of_the_raw_data_in_the_file(finished):
    _, _, path = finished
    with SessionReader.open(path) as reader:
        machine, plan = reader.machine(), reader.plan()
        for cell in reader.cells():
            parts = []
            for run in reader.runs(cell.cell_id):
                context = RunContext(
                    run.specification,
                    run.facts,
                    cell.costs,
                    machine["ceilings"]["bandwidth_gb_s"],
                    parse_slo(plan["need"]["slo"]),
                    machine["cpu"]["last_level_cache_bytes"],
                )
                data = reader.run_data(run.run_id)
                figures = run_figures(data, context)
                assert figures == reader.run_figures(run.run_id)
                if run.is_valid:
                    parts.append((data, context, figures))
            assert cell_figures(parts) == reader.cell_figures(cell.cell_id)[0]


def test_the_views_hold_the_same_figures(finished):
    _, _, path = finished
    with SessionReader.open(path) as reader:
        cells = {cell.cell_id: reader.cell_figures(cell.cell_id)[0] for cell in reader.cells()}
    connection = sqlite3.connect(path)
    for cell_id, p95, output in connection.execute("SELECT cell_id, ttft_ms_p95, output_tok_s FROM cell_metrics"):
        assert (p95, output) == (cells[cell_id]["ttft_ms"]["p95"], cells[cell_id]["output_tok_s"])
    connection.close()


def test_tokens_are_counted_twice_and_agree(finished):
    _, _, path = finished
    with SessionReader.open(path) as reader:
        for run in reader.runs():
            data = reader.run_data(run.run_id)
            assert len(data.tokens) == data.requests["output_tokens"].sum() == len(data.requests) * 6
            assert len(data.samples.times_ns) >= 1
            assert np.all(data.samples.times_ns >= 0)


def test_subscribers_hear_the_same_story(finished):
    _, listener, path = finished
    order = [type(event).__name__ for event in listener.events]
    assert order.index("SweepStarted") < order.index("RunStarted") < order.index("RunMeasuring") < order.index("RowsArrived")
    assert order[-1] == "SweepEnded"
    started = listener.of(events.SweepStarted)[0]
    assert started.session == path
    done = [event for event in listener.of(events.RunEnded) if event.run.status is RunStatus.DONE]
    assert len(done) == len(listener.of(events.RunStarted)) >= started.runs_planned == 8
    with SessionReader.open(path) as reader:
        for event in done:
            assert event.figures == reader.run_figures(event.run.run_id)
            rows = [part for part in listener.of(events.RowsArrived) if part.run_id == event.run.run_id]
            assert sum(len(part.tokens) for part in rows) == len(reader.run_data(event.run.run_id).tokens)
    assert [event.cell.status for event in listener.of(events.CellChanged)][-1] is CellStatus.DONE
    last = listener.of(events.Progress)[-1]
    assert last.runs_done == last.runs_planned
    assert {metric.name for metric in METRICS} == set(done[0].figures)


def test_a_quantization_is_made_once_and_kept_in_the_cache(finished, own_home, sample_model):
    made = list((own_home / "cache" / "models").rglob(f"{sample_model.stem}.Q8_0.gguf"))
    assert len(made) == 1
    assert not list((own_home / "cache").rglob("*.part"))
    assert not list(sample_model.parent.glob("*Q8_0*")), "nothing is written beside the user's file"


def test_a_cell_that_cannot_run_is_failed_with_its_reason_and_the_sweep_goes_on(sweep):
    plan = plan_of(
        load={"concurrency": [1]},
        engine={"flash_attn": ["off"], "cache_type_v": ["f16", "q8_0"]},
        models={"quant": ["as-is", "Q9_9"]},
        trust={"repetitions": 1},
    )
    end, _listener, path = sweep(plan)
    assert end.fault == ""
    with SessionReader.open(path) as reader:
        told = {(cell.configuration["quant"], cell.configuration["cache_type_v"]): cell for cell in reader.cells()}
        log = next(run.log_tail for run in reader.runs() if run.status is RunStatus.FAILED)
    assert told["as-is", "f16"].status is CellStatus.DONE
    assert told["as-is", "q8_0"].status is CellStatus.FAILED
    assert "llama.cpp could not make a context" in told["as-is", "q8_0"].reason
    assert any("flash" in line.lower() for line in log)
    assert "makes no type 'Q9_9'" in told["Q9_9", "f16"].reason
    assert_sound(path)


@pytest.mark.long
def test_kill_9_of_the_engine_costs_one_run_which_is_tried_once_more(sweep):
    def prepare(runner, listener):
        def kill(event):
            pid = next(int(name) for name in os.listdir("/proc") if name.isdigit() and is_engine_of_ours(name))
            os.kill(pid, signal.SIGKILL)

        listener.actions[events.RowsArrived] = kill

    end, _listener, path = sweep(plan_of(load={"output_tokens": [100]}, trust={"repetitions": 1}), prepare=prepare)
    assert end.fault == ""
    assert_sound(path)
    with SessionReader.open(path) as reader:
        cells = {cell.cell_id: cell for cell in reader.cells()}
        failed = next(run for run in reader.runs() if run.status is RunStatus.FAILED)
        assert len(reader.run_data(failed.run_id).tokens) > 0, "what was stamped before the death is kept"
        assert reader.run_figures(failed.run_id) is None
    assert "killed from outside" in failed.reason
    assert [cell.status for cell in cells.values()] == [CellStatus.DONE] * 2


def is_engine_of_ours(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            is_engine = b"profiler.engine" in file.read()
        with open(f"/proc/{pid}/stat") as file:
            return is_engine and int(file.read().rsplit(")", 1)[1].split()[1]) == os.getpid()
    except (OSError, ValueError):
        return False


def test_stop_keeps_the_raw_data_of_the_unfinished_run_and_leaves_its_figures_out(sweep):
    def prepare(runner, listener):
        listener.actions[events.RowsArrived] = lambda event: runner.stop()

    end, _listener, path = sweep(plan_of(load={"output_tokens": [200]}), prepare=prepare)
    assert end.stopped
    assert_sound(path)
    with SessionReader.open(path) as reader:
        (run,) = reader.runs()
        assert run.status is RunStatus.PARTIAL
        assert len(reader.run_data(run.run_id).tokens) > 0
        assert reader.run_figures(run.run_id) is None
        statuses = {cell.cell_id: cell.status for cell in reader.cells()}
    assert statuses[run.cell_id] is CellStatus.PARTIAL
    assert statuses[3 - run.cell_id] is CellStatus.PENDING


def test_skipping_leaves_a_cell_out_and_goes_on_with_the_next(sweep):
    def prepare(runner, listener):
        listener.actions[events.RowsArrived] = lambda event: runner.skip_cell()

    end, listener, path = sweep(plan_of(load={"output_tokens": [60]}), prepare=prepare)
    assert not end.stopped
    skipped = listener.of(events.RunEnded)[0].run.cell_id
    with SessionReader.open(path) as reader:
        cells = {cell.cell_id: cell for cell in reader.cells()}
        assert len(reader.runs(skipped)) == 1
    assert (cells[skipped].status, cells[skipped].reason) == (CellStatus.PARTIAL, "Skipped by you.")
    assert cells[3 - skipped].status is CellStatus.DONE


def test_a_pause_takes_effect_between_repetitions_and_resume_goes_on(sweep):
    paused = threading.Event()

    def prepare(runner, listener):
        listener.actions[events.RunStarted] = lambda event: runner.pause()

        def look(event):
            Listener.__call__(listener, event)
            if isinstance(event, events.Progress) and event.state == "paused" and event.runs_done and not paused.is_set():
                paused.set()
                assert event.runs_done == 1, "the running repetition was finished"
                threading.Timer(0.3, runner.resume).start()

        runner._tell = look

    end, _listener, path = sweep(plan_of(trust={"repetitions": 1}), prepare=prepare)
    assert paused.is_set()
    assert not end.stopped
    with SessionReader.open(path) as reader:
        assert all(cell.status is CellStatus.DONE for cell in reader.cells())


def test_a_budget_starts_no_further_run(sweep):
    _end, listener, _path = sweep(plan_of(trust={"budget": 0.001, "repetitions": 3}))
    assert len(listener.of(events.RunStarted)) <= 1
    assert any(event.event.kind == "budget" for event in listener.of(events.Happened))


def test_a_session_can_be_run_again_with_the_same_plan_and_seeds(finished, tmp_path):
    _, _, path = finished
    with SessionReader.open(path) as reader:
        plan = Plan.from_document(reader.plan())
        first = reader.run_data(1)
        seed, cell = reader.runs()[0].specification.load.seed, reader.runs()[0].cell_id
    again = tmp_path / "again.inferometer"
    Runner(plan, again, lambda event: None).run()
    with SessionReader.open(again) as reader:
        assert (reader.runs()[0].specification.load.seed, reader.runs()[0].cell_id) == (seed, cell)
        assert len(reader.run_data(1).tokens) == len(first.tokens)


def test_an_existing_file_and_a_missing_model_are_refused_before_anything_starts(tmp_path, finished):
    _, _, path = finished
    before = path.read_bytes()
    with pytest.raises(UnusableArguments, match="exists already"):
        Runner(plan_of(), path, lambda event: None).run()
    assert path.read_bytes() == before
    with pytest.raises(EnvironmentFault, match="There is no file"):
        Runner(plan_of(models={"paths": ["/no/model.gguf"]}), tmp_path / "x.inferometer", lambda event: None).run()
    assert not (tmp_path / "x.inferometer").exists()


def test_a_stop_before_the_first_run_leaves_no_file(tmp_path):
    path = tmp_path / "never.inferometer"
    listener = Listener()
    runner = Runner(plan_of(), path, listener)
    listener.actions[events.Preparing] = lambda event: runner.stop()
    with pytest.raises(Interrupted):
        runner.run()
    assert not path.exists()
