import json

import pytest

from profiler.exchange.summary import summary_document
from profiler.records.axis import AXES
from profiler.records.metric import LATENCIES, METRICS, STATISTICS
from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter


@pytest.fixture
def document(session_file):
    with SessionReader.open(session_file) as reader:
        return summary_document(reader)


def test_whole_session(document, session_file, records):
    assert document["session"] == str(session_file)
    assert document["title"] == "Known"
    assert document["created"].startswith("20")
    assert document["machine"] == {"cpu": {"name": "Some CPU"}}
    assert document["plan"] == {"title": "known"}
    assert [model["name"] for model in document["models"]] == [records.model.name]
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_a_cell_that_is_done(document):
    cell = document["cells"][0]
    assert cell["config"] == {axis.name: cell["config"][axis.name] for axis in AXES}
    assert (cell["config"]["concurrency"], cell["config"]["think_time"], cell["config"]["slots"]) == (1, 0.5, None)
    assert (cell["status"], cell["reason"]) == ("done", "")
    assert cell["runs"] == 2
    assert cell["requests"] == {"completed": 3, "failed": 2, "unfinished": 0}
    assert cell["tokens"] == {"prompt": 48, "cached": 12, "output": 24}
    assert cell["metrics"].keys() == {metric.name for metric in METRICS}
    assert cell["metrics"]["ttft_ms"] == {"mean": None, "p50": None, "p90": None, "p95": 42.5, "p99": None, "max": None, "n": 4}
    assert tuple(cell["metrics"]["ttft_ms"]) == STATISTICS
    assert cell["metrics"]["output_tok_s"] == 103.0
    assert cell["metrics"]["energy_j"] is None
    assert cell["intervals"] == {"output_tok_s": [99.5, 106.5], "ttft_ms.p95": [40, 45]}
    assert cell["flags"] == ["short: the window is short", "foreign load: 40 % of the CPU"]


def test_a_cell_that_failed(document):
    cell = document["cells"][1]
    assert (cell["status"], cell["reason"], cell["runs"]) == ("failed", "It did not fit.", 0)
    assert cell["requests"] == {"completed": 0, "failed": 0, "unfinished": 0}
    assert all(cell["metrics"][name] == dict.fromkeys(STATISTICS) | {"n": 0} for name in LATENCIES), (
        "the usual shape, nothing in it"
    )
    assert cell["metrics"]["output_tok_s"] is None
    assert cell["intervals"] == {}


def test_a_run_that_was_stopped_counts_nothing(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1, status=CellStatus.PARTIAL))
        writer.start_run(records.run(1, 1))
        writer.add_requests(1, records.requests(1, 1))
        writer.update_run(records.run(1, 1, status=RunStatus.PARTIAL))
    with SessionReader.open(path) as reader:
        (cell,) = summary_document(reader)["cells"]
    assert (cell["runs"], cell["requests"]["completed"], cell["tokens"]["output"]) == (0, 0, 0)
