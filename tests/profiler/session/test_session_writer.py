import dataclasses
import json
import sqlite3

import numpy as np
import pytest

from profiler.clock import WallClockAnchor
from profiler.errors import BadFile, EnvironmentFault, UnusableArguments
from profiler.records.run_record import CellStatus, RunStatus, SessionEvent
from profiler.records.timing import RequestStatus
from profiler.session import chunks, schema
from profiler.session.reader import SessionReader
from profiler.session.writer import COMMIT_PERIOD_NS, SessionWriter


class Clock:
    """A clock that stands until it is moved."""

    now_ns = 0

    def __call__(self):
        return self.now_ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.inferometer"


@pytest.fixture
def writer(path, clock):
    """A session with one cell and one run, nothing of them committed yet."""
    with SessionWriter.create(path, plan={}, machine={}, clock=clock) as session:
        yield session


def _begin(writer, records):
    writer.add_model(records.model)
    writer.add_cell(records.cell(1))
    writer.start_run(records.run(1, 1))


def _count(path, table):
    """Committed rows, seen from outside."""
    connection = sqlite3.connect(path)
    ((count,),) = connection.execute(f"SELECT count(*) FROM {table}")
    connection.close()
    return count


def test_everything_comes_back(path, records):
    plan, machine = {"load": {"concurrency": [1, 2]}}, {"cpu": {"name": "Ünïcode ✓"}}
    requests = records.requests(RequestStatus.COMPLETED, RequestStatus.UNFINISHED)
    figures = records.figures(ttft_ms=12.5, output_tok_s=99.0)
    done = records.run(1, 1, status=RunStatus.DONE, anchor=WallClockAnchor(3, "2026-01-01T00:00:00+00:00"), facts=records.facts)
    event = SessionEvent("2026-01-01T00:00:00+00:00", "flag", "Short.", 1, 1, {"a": [1]})
    with SessionWriter.create(path, plan=plan, machine=machine, title="First ✓") as writer:
        writer.set_meta("notes", "mine")
        writer.set_tag("driver", "560")
        _begin(writer, records)
        writer.add_requests(1, requests)
        writer.add_rows(1, "token", records.tokens(10))
        writer.add_rows(1, "token", records.tokens(3))
        writer.add_rows(1, "step", records.steps(5))
        writer.add_samples(1, records.samples(1.0, 2.0))
        writer.add_samples(1, records.samples(7.0, channel="gpu0_power_watts"))
        writer.update_run(done)
        writer.set_run_figures(1, figures)
        writer.set_cell_figures(1, figures, {"output_tok_s": (98.0, 100.0)})
        writer.set_cell_figures(1, figures, {"output_tok_s": (97.0, 100.0)})
        writer.update_cell(records.cell(1, status=CellStatus.DONE))
        writer.add_event(event)
    with SessionReader.open(path) as reader:
        assert reader.path == path
        assert reader.notice == ""
        assert (reader.title(), reader.plan(), reader.machine()) == ("First ✓", plan, machine)
        assert reader.meta()["notes"] == "mine"
        assert reader.meta()["percentile_method"] == "nearest rank on raw values"
        assert reader.created_utc().startswith("20")
        assert reader.tags() == {"driver": "560"}
        assert reader.models() == [records.model]
        assert reader.cells() == [records.cell(1, status=CellStatus.DONE)]
        assert reader.runs() == reader.runs(1) == [done]
        assert reader.runs(2) == []
        assert reader.events() == [event]
        assert reader.run_figures(1) == figures
        assert reader.run_figures(2) is None
        assert reader.cell_figures(1) == (figures, {"output_tok_s": (97.0, 100.0)})
        assert reader.cell_figures(2) == (None, {})
        data = reader.run_data(1)
    assert np.array_equal(data.requests, requests)
    assert np.array_equal(data.tokens, np.concatenate([records.tokens(10), records.tokens(3)]))
    assert np.array_equal(data.steps, records.steps(5))
    assert data.samples.times_ns.tolist() == [0, 250_000_000, 0]
    assert np.array_equal(data.samples.channels["gpu0_power_watts"], [np.nan, np.nan, 7], equal_nan=True)


def test_classes_of_requests_come_back(path, records):
    requests = records.requests(*[RequestStatus.COMPLETED] * 3, classes=2)
    of_run = {"paste": records.figures(ttft_ms=99.0), "chat": records.figures(output_tok_s=5.0)}
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        writer.start_run(records.run(1, 1, specification=records.mix))
        writer.add_requests(1, requests)
        writer.set_run_figures(1, records.figures(ttft_ms=50.0), {"gone": records.figures(ttft_ms=1.0)})
        writer.set_run_figures(1, records.figures(ttft_ms=50.0), of_run)
        writer.set_cell_figures(1, records.figures(ttft_ms=51.0), {}, {"chat": records.figures(ttft_ms=7.0)})
    with SessionReader.open(path) as reader:
        assert np.array_equal(reader.requests(1), requests)
        assert reader.run_class_figures(1) == of_run
        assert list(reader.run_class_figures(1)) == ["paste", "chat"]
        assert reader.run_figures(1) == records.figures(ttft_ms=50.0)
        assert reader.cell_class_figures(1) == {"chat": records.figures(ttft_ms=7.0)}
        assert reader.cell_figures(1) == (records.figures(ttft_ms=51.0), {})
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT class FROM request ORDER BY request").fetchall() == [("chat",), ("paste",), ("chat",)]
    connection.close()


def test_a_run_without_rows_has_empty_data(path, writer, records):
    _begin(writer, records)
    writer.flush()
    with SessionReader.open(path) as reader:
        data = reader.run_data(1)
    assert [len(data.requests), len(data.tokens), len(data.steps), len(data.samples.times_ns)] == [0, 0, 0, 0]


def test_one_commit_a_second(path, clock, writer, records):
    """Rows arriving 20 times a second for five seconds are committed in four chunks, the fifth at the tick after its second."""
    _begin(writer, records)
    for tick in range(100):
        clock.now_ns = tick * COMMIT_PERIOD_NS // 20
        writer.add_rows(1, "token", records.tokens(2))
        assert _count(path, "chunk") == tick // 20
    assert _count(path, "run") == 1
    clock.now_ns = 5 * COMMIT_PERIOD_NS
    writer.tick()
    assert _count(path, "chunk") == 5
    clock.now_ns += 10 * COMMIT_PERIOD_NS
    writer.tick()
    assert _count(path, "chunk") == 5


def test_flush_commits_at_once(path, writer, records):
    _begin(writer, records)
    writer.add_samples(1, records.samples(1.0))
    assert _count(path, "run") == 0
    writer.flush()
    assert _count(path, "run") == _count(path, "chunk") == 1


def test_very_many_rows_do_not_wait_for_the_second(writer, path, records):
    _begin(writer, records)
    writer.add_rows(1, "token", records.tokens(chunks.MAX_ROWS + 1))
    assert not writer._pending_rows
    writer.flush()
    with SessionReader.open(path) as reader:
        assert [len(part) for part in reader.row_chunks(1, "token")] == [chunks.MAX_ROWS, 1]


def test_rows_may_be_reused_by_their_giver(path, writer, records):
    _begin(writer, records)
    tokens = records.tokens(2)
    writer.add_rows(1, "token", tokens)
    tokens["token"] = -1
    writer.flush()
    with SessionReader.open(path) as reader:
        assert reader.run_data(1).tokens["token"].tolist() == [100, 101]


def test_one_file_is_left(tmp_path, path, records):
    writer = SessionWriter.create(path, plan={}, machine={})
    _begin(writer, records)
    writer.flush()
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name + suffix for suffix in ("", "-wal", "-shm", "-lock")}
    writer.close()
    writer.close()
    assert list(tmp_path.iterdir()) == [path]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_a_reader_does_not_keep_the_writer_from_closing(path, records):
    writer = SessionWriter.create(path, plan={}, machine={})
    _begin(writer, records)
    with SessionReader.open(path) as reader:
        writer.close()
        assert len(reader.runs()) == 1
    with SessionReader.open(path) as reader:
        assert len(reader.runs()) == 1


def test_a_reader_sees_a_session_grow(path, clock, writer, records):
    with SessionReader.open(path) as reader:
        assert reader.runs() == []
        _begin(writer, records)
        writer.flush()
        assert [run.status for run in reader.runs()] == [RunStatus.RUNNING]
        assert [cell.status for cell in reader.cells()] == [CellStatus.PENDING]


def test_an_existing_file_is_refused_and_kept(path, session_file):
    path.write_bytes(b"precious")
    with pytest.raises(UnusableArguments, match="--force"):
        SessionWriter.create(path, plan={}, machine={})
    assert path.read_bytes() == b"precious"
    with SessionWriter.create(path, plan={"new": True}, machine={}, force=True):
        pass
    with SessionReader.open(path) as reader:
        assert reader.plan() == {"new": True}


def test_a_dead_writers_log_does_not_leak_into_a_new_session(path, writer, records):
    """Its log would be replayed into whatever stands in its file's place."""
    _begin(writer, records)
    writer.flush()
    copy = path.with_name("b.inferometer")
    copy.write_bytes(path.read_bytes())
    copy.with_name(copy.name + "-wal").write_bytes(path.with_name(path.name + "-wal").read_bytes())
    with SessionWriter.create(copy, plan={"new": True}, machine={}, force=True):
        pass
    with SessionReader.open(copy) as reader:
        assert reader.plan() == {"new": True}
        assert reader.runs() == []


def test_a_folder_and_a_missing_folder_are_told(tmp_path):
    with pytest.raises(UnusableArguments, match="is a folder"):
        SessionWriter.create(tmp_path, plan={}, machine={}, force=True)
    with pytest.raises(EnvironmentFault, match="does not exist"):
        SessionWriter.create(tmp_path / "nowhere" / "a.inferometer", plan={}, machine={})
    with pytest.raises(EnvironmentFault, match="does not exist"):
        SessionWriter.open(tmp_path / "none.inferometer")


def test_a_second_writer_is_refused(path, writer):
    with pytest.raises(EnvironmentFault, match="another Inferometer"):
        SessionWriter.open(path)
    with pytest.raises(EnvironmentFault, match="another Inferometer"):
        SessionWriter.create(path, plan={}, machine={}, force=True)


def test_nothing_is_left_of_a_session_that_cannot_begin(tmp_path, path):
    with pytest.raises(ValueError, match="JSON compliant"):
        SessionWriter.create(path, plan={"x": float("nan")}, machine={})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_what_was_committed_stays(path, writer, records):
    _begin(writer, records)
    writer.add_rows(1, "token", records.tokens(50))
    writer.flush()
    ((pages,),) = writer._connection.execute("PRAGMA page_count")
    writer._connection.execute(f"PRAGMA max_page_count = {pages + 1}").fetchall()
    random = np.random.default_rng(1)
    samples = dataclasses.replace(records.samples(*random.random(5000)))
    writer.add_samples(1, samples)
    with pytest.raises(EnvironmentFault, match="disk is full"):
        writer.flush()
    with pytest.raises(EnvironmentFault, match="disk is full"):
        writer.add_event(SessionEvent("2026-01-01T00:00:00+00:00", "stop", "Full."))
    writer.close()
    assert not path.with_name(path.name + "-lock").exists()
    with SessionReader.open(path) as reader:
        assert len(reader.run_data(1).tokens) == 50
        assert reader.events() == []


def test_our_own_mistakes_are_not_the_environments(writer, records):
    _begin(writer, records)
    with pytest.raises(sqlite3.IntegrityError):
        writer.start_run(records.run(1, 1))
    with pytest.raises(sqlite3.IntegrityError):
        writer.start_run(records.run(2, 99))
    with pytest.raises(ValueError, match="no run 7"):
        writer.update_run(records.run(7, 1))
    with pytest.raises(ValueError, match="no run 7"):
        writer.set_run_figures(7, {})
    with pytest.raises(ValueError, match="was not started"):
        writer.add_requests(7, records.requests())
    with pytest.raises(ValueError, match="of class 1"):
        writer.add_requests(1, records.requests(1, 1, classes=2))
    with pytest.raises(ValueError, match="need its name"):
        writer.set_run_figures(1, {}, {"": {}})
    twice = dataclasses.replace(records.mix.load, classes=records.mix.load.classes * 2)
    with pytest.raises(ValueError, match="same name"):
        writer.start_run(records.run(2, 1, specification=dataclasses.replace(records.mix, load=twice)))
    with pytest.raises(ValueError, match="no cell 7"):
        writer.update_cell(records.cell(7))
    with pytest.raises(ValueError, match="not rows"):
        writer.add_rows(1, "step", records.tokens(1))
    with pytest.raises(ValueError, match="not rows"):
        writer.add_requests(1, records.tokens(1))


def test_the_end_of_a_run_is_dated_once(path, writer, records):
    def end():
        return writer._connection.execute("SELECT end_utc FROM run").fetchone()[0]

    _begin(writer, records)
    writer.update_run(records.run(1, 1, facts=records.facts))
    assert end() is None
    writer.update_run(records.run(1, 1, status=RunStatus.DONE))
    dated = end()
    assert dated.startswith("20")
    writer._connection.execute("UPDATE run SET end_utc = 'then'")
    writer.update_run(records.run(1, 1, status=RunStatus.DONE, flags=("short: x",)))
    assert end() == "then"


def test_going_on_with_a_session(path, clock, records):
    with SessionWriter.create(path, plan={}, machine={}, clock=clock) as writer:
        _begin(writer, records)
        writer.add_cell(records.cell(2))
        writer.add_rows(1, "token", records.tokens(4))
    with SessionWriter.open(path, clock=clock) as writer:
        writer.add_rows(1, "token", records.tokens(2))
        writer.start_run(records.run(2, 2))
        writer.flush()
        with SessionReader.open(path) as reader:
            assert [run.status for run in reader.runs()] == [RunStatus.PARTIAL, RunStatus.RUNNING]
            assert [cell.status for cell in reader.cells()] == [CellStatus.PARTIAL, CellStatus.PENDING]
            assert len(reader.run_data(1).tokens) == 6
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"not a database" * 99, b"SQLite format 3\0" + b"\xff" * 4096])
def test_only_sessions_are_gone_on_with(path, content):
    path.write_bytes(content)
    with pytest.raises(BadFile):
        SessionWriter.open(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_newer_session_is_not_written(path, session_file):
    path.write_bytes(session_file.read_bytes())
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 6}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(BadFile, match=r"format 9, this Inferometer knows 3"):
        SessionWriter.open(path)
    assert path.read_bytes() == before


def test_plan_and_machine_are_json_for_others(session_file):
    connection = sqlite3.connect(session_file)
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    connection.close()
    assert json.loads(meta["plan"]) == {"title": "known"}
    assert set(meta) == {"title", "notes", "created_utc", "app_version", "plan", "machine", "percentile_method"}
