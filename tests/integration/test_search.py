"""A search on the real engine: it ends in an answer from fresh runs, within the bounds that were given."""

import pytest

from profiler.exchange.summary import summary_document
from profiler.plan.plan import Plan
from profiler.records.run_record import CellStatus, RunPurpose, RunStatus
from profiler.session.reader import SessionReader
from profiler.sweep import events
from profiler.sweep.runner import Runner


@pytest.fixture(scope="module")
def searched(tmp_path_factory, sample_model):
    plan = Plan.from_document(
        {
            "need": {"slo": "ttft_ms.p95<=60000"},
            "models": {"paths": [str(sample_model)]},
            "load": {"concurrency": [1, 3], "prompt_tokens": 8, "output_tokens": 4, "requests_per_user": 2},
            "engine": {"ubatch_size": [64, 128, 256]},
            "search": {"enabled": True, "confirm_repetitions": 2},
        }
    )
    heard = []
    path = tmp_path_factory.mktemp("search") / "found.inferometer"
    end = Runner(plan, path, heard.append).run()
    assert not end.fault
    return path, heard


def test_it_ends_in_an_answer_from_fresh_runs(searched):
    path, _ = searched
    with SessionReader.open(path) as reader:
        document = summary_document(reader)
        runs = reader.runs()
    search = document["search"]
    assert search["answer"].startswith("Use ")
    assert "in 2 fresh runs" in search["answer"]
    assert search["winner_cell_id"] in search["confirmed_cell_ids"]
    assert any("Short looks" in step for step in search["steps"])
    for cell_id in search["confirmed_cell_ids"]:
        counted = [run for run in runs if run.cell_id == cell_id and run.is_valid and run.status is RunStatus.DONE]
        assert {run.purpose for run in counted} == {RunPurpose.CONFIRM}
        cell = next(cell for cell in document["cells"] if cell["cell_id"] == cell_id)
        assert cell["runs"] == len(counted) == 2
        assert (cell["status"], cell["reason"]) == ("done", "")
        assert cell["intervals"]["output_tok_s"]


def test_bounds_are_kept_and_cells_told_as_they_come(searched):
    path, heard = searched
    with SessionReader.open(path) as reader:
        cells = reader.cells()
    assert {cell.configuration["concurrency"] for cell in cells} <= {1, 2, 3}
    (started,) = [event for event in heard if isinstance(event, events.SweepStarted)]
    added = [event.cell.cell_id for event in heard if isinstance(event, events.CellAdded)]
    assert [cell.cell_id for cell in cells] == [cell.cell_id for cell in started.cells] + added
    last = [event for event in heard if isinstance(event, events.Progress)][-1]
    assert last.runs_done == last.runs_planned


def test_short_looks_ask_less_and_count_nowhere(searched):
    path, _ = searched
    with SessionReader.open(path) as reader:
        short = [run for run in reader.runs() if run.purpose is RunPurpose.SHORT_LOOK]
        assert short
        for run in short:
            assert not run.is_valid
            assert len(reader.requests(run.run_id)) == 3  # one of each user, where two are the load's
        only_short = {run.cell_id for run in short} - {
            run.cell_id for run in reader.runs() if run.purpose is not RunPurpose.SHORT_LOOK
        }
        for cell in reader.cells():
            if cell.cell_id in only_short:
                assert cell.status is CellStatus.PARTIAL
                assert cell.reason == "Only short looks were taken at it."
                assert reader.cell_figures(cell.cell_id)[0] is None
