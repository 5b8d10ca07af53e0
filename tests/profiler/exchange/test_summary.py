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
    assert cell["requests"] == {"completed": 3, "failed": 1, "refused": 1, "timed_out": 0, "unfinished": 0}
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
    assert cell["requests"] == dict.fromkeys(("completed", "failed", "refused", "timed_out", "unfinished"), 0)
    assert all(cell["metrics"][name] == dict.fromkeys(STATISTICS) | {"n": 0} for name in LATENCIES), (
        "the usual shape, nothing in it"
    )
    assert cell["metrics"]["output_tok_s"] is None
    assert cell["intervals"] == {}


def test_figures_of_classes(document):
    assert document["cells"][0]["classes"] == {}
    classes = document["cells"][2]["classes"]
    assert list(classes) == ["chat", "paste"]
    assert classes["chat"].keys() == {metric.name for metric in METRICS}
    assert classes["paste"]["ttft_ms"]["p95"] == 77.5
    assert classes["paste"]["output_tok_s"] is None


def test_what_the_prefix_cache_saved(tmp_path, records):
    """Cells 1 and 2 differ in the cache alone, 3 has no twin, 4 and 5 are twins of which one was not measured."""
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        for cell_id, cache, users in ((1, "on", 1), (2, "off", 1), (3, "on", 2), (4, "off", 4), (5, "on", 4)):
            cell = records.cell(cell_id)
            cell.configuration.update(prefix_cache=cache, concurrency=users)
            writer.add_cell(cell)
        for cell_id, p50_ms, mean_ms in ((1, 40.0, 50.0), (2, 100.0, 130.0), (3, 40.0, 40.0), (5, 60.0, 60.0)):
            figures = records.figures(ttft_ms=200.0, cache_hit_rate=80.0)
            figures["ttft_ms"].update(p50=p50_ms, mean=mean_ms)
            writer.set_cell_figures(cell_id, figures, {})
    with SessionReader.open(path) as reader:
        caches = [cell["cache"] for cell in summary_document(reader)["cells"]]
    assert caches == [
        {"without_cell_id": 2, "ttft_p50_saved_ms": 60.0, "ttft_mean_saved_ms": 80.0, "prefill_saved_percent": 80.0},
        None,
        None,
        None,
        {"without_cell_id": 4, "ttft_p50_saved_ms": None, "ttft_mean_saved_ms": None, "prefill_saved_percent": 80.0},
    ]


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
