"""A sweep that was stopped goes on: the runs that had ended are kept, and the file says where it was joined."""

import dataclasses
import shutil

import pytest

from profiler.errors import EnvironmentFault
from profiler.plan.plan import Plan
from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from profiler.sweep import events
from profiler.sweep.resume import ChangedSince, NothingLeft, ResumedRunner
from profiler.sweep.runner import Runner

PLAN = Plan.from_document(
    {
        "load": {"concurrency": [1, 2], "prompt_tokens": [16], "output_tokens": [6], "requests_per_user": 3},
        "engine": {"threads": [1]},
        "trust": {"repetitions": 3},
    }
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A session that was stopped as its third run of six began."""
    path = tmp_path_factory.mktemp("stopped") / "stopped.inferometer"
    heard = []

    def hear(event):
        heard.append(event)
        if isinstance(event, events.RunStarted) and event.run.run_id == 3:
            runner.stop()

    runner = Runner(PLAN, path, hear)
    assert runner.run().stopped
    return path


@pytest.fixture
def session(stopped, tmp_path):
    return shutil.copyfile(stopped, tmp_path / stopped.name)


def runs_of(path):
    with SessionReader.open(path) as reader:
        return {run.run_id: run for run in reader.runs()}


def test_the_rest_is_measured_and_what_was_there_is_as_it_was(session):
    before = runs_of(session)
    with SessionReader.open(session) as reader:
        data_before = reader.run_data(1).tokens.tobytes()
    heard = []
    ResumedRunner(session, heard.append).run()
    after = runs_of(session)
    assert [after[number] for number in (1, 2)] == [before[number] for number in (1, 2)]
    done = [run for run in after.values() if run.status is RunStatus.DONE and run.is_valid]
    assert sorted((run.cell_id, run.repetition) for run in done) == [(cell, rep) for cell in (1, 2) for rep in (1, 2, 3)]
    started = [event.run.run_id for event in heard if isinstance(event, events.RunStarted)]
    assert min(started) == max(before) + 1
    with SessionReader.open(session) as reader:
        assert reader.run_data(1).tokens.tobytes() == data_before
        assert [cell.status for cell in reader.cells()] == [CellStatus.DONE] * 2
        (join,) = [event for event in reader.events() if event.kind == "resumed"]
        kept = sum(run.status is RunStatus.DONE for run in before.values())
        assert join.data == {"first_run_id": max(before) + 1, "kept_runs": kept, "changes": []}
        figures, _ = reader.cell_figures(1)
        speeds = [reader.run_figures(run.run_id)["output_tok_s"] for run in done if run.cell_id == 1]
    assert min(speeds) <= figures["output_tok_s"] <= max(speeds)
    with pytest.raises(NothingLeft, match="all of its runs have ended"):
        ResumedRunner(session, heard.append)


def test_another_model_or_engine_is_asked_about_before_anything_is_written(session):
    with SessionWriter.open(session) as writer, SessionReader.open(session) as reader:
        writer.update_model(dataclasses.replace(reader.models()[0], sha256="00" * 32))
        writer.set_meta("machine", reader.meta()["machine"].replace('"llama_cpp_python": "', '"llama_cpp_python": "0.0.'))
    before = session.read_bytes()
    with pytest.raises(ChangedSince, match="has other contents than before") as told:
        ResumedRunner(session, lambda event: None).run()
    assert any(change.startswith("llama-cpp-python") for change in told.value.changes)
    assert session.read_bytes() == before
    last = max(runs_of(session))
    ResumedRunner(session, lambda event: None, accept_changes=True).run()
    flagged = {number for number, run in runs_of(session).items() if any(flag.startswith("changed since:") for flag in run.flags)}
    assert flagged == {number for number in runs_of(session) if number > last}


def test_a_session_under_way_is_refused(session):
    with SessionWriter.open(session), pytest.raises(EnvironmentFault, match="being written by another Inferometer"):
        ResumedRunner(session, lambda event: None)
