import json

import numpy as np
import pytest

from profiler.errors import UnusableArguments
from profiler.exchange.json_export import export_json
from profiler.exchange.session_document import session_document
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter


@pytest.fixture
def document(tmp_path, session_file):
    with SessionReader.open(session_file) as reader:
        export_json(reader, tmp_path / "x.json")
    return json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))


def test_the_summary_is_at_the_top(document, session_file):
    with SessionReader.open(session_file) as reader:
        summary = session_document(reader)
    assert {name: document[name] for name in summary} == summary
    assert [event["sentence"] for event in document["events"]] == ["It did not fit."]


def test_every_run_with_its_raw_data(document):
    assert [run["run_id"] for run in document["runs"]] == [1, 2, 3, 4, 5]
    first, failed = document["runs"][0], document["runs"][2]
    assert tuple(first["requests"]) == REQUEST_DTYPE.names
    assert tuple(first["tokens"]) == TOKEN_DTYPE.names
    assert tuple(first["steps"]) == STEP_DTYPE.names
    assert first["requests"]["status"] == ["completed", "completed", "failed"]
    assert first["requests"]["due_ns"] == [1_000_000, 2_000_000, 3_000_000]
    assert first["requests"]["first_token_ns"] == [1_000_020, 2_000_020, None]
    assert first["tokens"]["token"] == [100, 101, 102, 103]
    assert first["steps"]["end_ns"] == [900_000, 1_900_000]
    assert first["samples"] == {"times_ns": [0, 250_000_000], "process_rss_bytes": [1e8, 1.5e8]}
    assert first["figures"]["ttft_ms"]["p95"] == 10.5
    assert first["specification"]["load"]["classes"][0]["users"] == 2
    assert first["requests"]["class"] == ["", "", ""]
    assert first["classes"] == {}
    mix = document["runs"][4]
    assert mix["requests"]["class"] == ["chat", "paste", "chat", "paste"]
    assert {name: figures["ttft_ms"]["p95"] for name, figures in mix["classes"].items()} == {"chat": 5.0, "paste": 77.0}
    assert (failed["status"], failed["figures"], failed["tokens"]["token"]) == ("failed", None, [])


def test_gaps_and_planted_text_are_plain_json(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={"x": "\ud800"}, machine={}, title='"</script>') as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        writer.start_run(records.run(1, 1))
        writer.add_samples(1, records.samples(1.0, np.nan))
    with SessionReader.open(path) as reader:
        export_json(reader, tmp_path / "x.json")
    document = json.loads((tmp_path / "x.json").read_bytes(), parse_constant=pytest.fail)
    assert document["title"] == '"</script>'
    assert document["runs"][0]["samples"]["process_rss_bytes"] == [1.0, None]


def test_a_session_without_runs(tmp_path):
    with SessionWriter.create(tmp_path / "a.inferometer", plan={}, machine={}):
        pass
    with SessionReader.open(tmp_path / "a.inferometer") as reader:
        export_json(reader, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text())["runs"] == []


def test_an_existing_target_is_kept_without_force(tmp_path, session_file):
    target = tmp_path / "x.json"
    target.write_text("precious")
    with SessionReader.open(session_file) as reader:
        with pytest.raises(UnusableArguments, match="--force"):
            export_json(reader, target)
        assert target.read_text() == "precious"
        export_json(reader, target, force=True)
    assert json.loads(target.read_text())["title"] == "Known"
