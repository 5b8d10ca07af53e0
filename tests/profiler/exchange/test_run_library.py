"""The list of runs: what a row tells, which files are opened again, and what becomes of a spoilt index."""

import json
import threading

import pytest

from profiler.errors import Interrupted
from profiler.exchange import run_library
from profiler.exchange.run_library import RunLibrary, RunState, read_row
from profiler.records.run_record import SessionEvent
from profiler.session.labels import Labels, write_labels
from profiler.session.writer import SessionWriter
from tests.helpers.repeated_session import write_repeated
from tests.helpers.written_session import write_session


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "runs"
    (folder / "older").mkdir(parents=True)
    write_repeated(folder / "older" / "a.inferometer", users=(1, 2), repetitions=1)
    write_repeated(folder / "b.inferometer", users=(1,), repetitions=1)
    (folder / "notes.txt").write_text("not a session")
    return folder


@pytest.fixture
def index(tmp_path):
    return tmp_path / "cache" / "index.json"


@pytest.fixture
def opened(monkeypatch):
    """The files that are opened, as they are."""
    names = []
    monkeypatch.setattr(run_library, "read_row", lambda path: (names.append(path.name), read_row(path))[1])
    return names


def test_a_row_tells_what_the_file_holds(tmp_path):
    path = write_session(tmp_path / "chat.inferometer", measured=5)
    write_labels(path, Labels("Chat", "first try", {"fan": "60 %"}))
    row = read_row(path)
    assert (row.title, row.notes, row.tags) == ("Chat", "first try", {"fan": "60 %"})
    assert (row.cells, row.measured) == (6, 5)
    # A token every 18 u ms for each of u users: at most 1000 / 18 = 55.6 tok/s, less the first ones' wait.
    assert 20 < row.best_output_tok_s < 1000 / 18
    assert row.created_utc.startswith("20")
    assert row.machine
    assert row.machine_key
    assert row.problem == ""


def test_sessions_of_all_folders_are_listed_the_newest_first(folder, index):
    listing = RunLibrary(index).scan([folder, folder / "older", folder / "none"])
    assert [row.path.name for row in listing.rows] == ["b.inferometer", "a.inferometer"]
    assert listing.opened == 2
    assert listing.missing_folders == (folder / "none",)


def test_what_the_index_knows_is_not_opened_again(folder, index, opened):
    first = RunLibrary(index).scan([folder])
    assert sorted(opened) == ["a.inferometer", "b.inferometer"]
    opened.clear()
    again = RunLibrary(index).scan([folder])
    assert opened == []
    assert again.rows == first.rows
    assert again.opened == 0


def test_a_file_that_changed_is_read_again(folder, index, opened):
    RunLibrary(index).scan([folder])
    write_labels(folder / "b.inferometer", Labels("Renamed"))
    opened.clear()
    rows = RunLibrary(index).scan([folder]).rows
    assert opened == ["b.inferometer"]
    assert {row.name for row in rows} == {"a", "Renamed"}


def test_files_that_are_gone_leave_the_index_and_other_folders_stay(folder, index, opened):
    RunLibrary(index).scan([folder])
    (folder / "b.inferometer").unlink()
    assert [row.path.name for row in RunLibrary(index).scan([folder]).rows] == ["a.inferometer"]
    RunLibrary(index).scan([folder / "none"])
    kept = [name for name, _, _ in json.loads(index.read_text())["rows"]]
    assert kept == [str(folder / "older" / "a.inferometer")]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"version": 1', '"version": 0'),
        lambda text: text.replace('"finished"', '"perhaps"'),
        lambda text: text.replace('"models": [', '"models": [1, '),
        lambda text: "[]",
    ],
)
def test_a_spoilt_index_is_made_again(folder, index, opened, spoil):
    first = RunLibrary(index).scan([folder])
    index.write_text(spoil(index.read_text()))
    opened.clear()
    assert RunLibrary(index).scan([folder]).rows == first.rows
    assert len(opened) == 2
    opened.clear()
    RunLibrary(index).scan([folder])
    assert opened == []


def test_a_session_under_way_is_read_by_every_scan(folder, index, opened):
    with SessionWriter.open(folder / "b.inferometer") as writer:
        for title in ("now", "later"):
            writer.set_meta("title", title)
            writer.flush()
            (row,) = [row for row in RunLibrary(index).scan([folder]).rows if row.path.name == "b.inferometer"]
            assert (row.title, row.state) == (title, RunState.UNDER_WAY)
    (row,) = [row for row in RunLibrary(index).scan([folder]).rows if row.path.name == "b.inferometer"]
    assert row.state is RunState.FINISHED


def test_a_file_that_cannot_be_read_is_a_row_that_says_why(folder, index):
    (folder / "broken.inferometer").write_bytes(b"SQLite format 3\0" + b"\0" * 90)
    rows = {row.path.stem: row for row in RunLibrary(index).scan([folder]).rows}
    assert rows["broken"].state is RunState.UNREADABLE
    assert "broken.inferometer" in rows["broken"].problem
    assert len(rows) == 3


def test_a_cancelled_scan_keeps_what_it_read(folder, index, opened):
    cancel = threading.Event()
    with pytest.raises(Interrupted):
        RunLibrary(index).scan([folder], cancel, lambda row, number, count: cancel.set())
    first = list(opened)
    opened.clear()
    RunLibrary(index).scan([folder])
    assert len(first) == len(opened) == 1


def test_an_empty_and_a_broken_off_session(tmp_path, records):
    path = tmp_path / "empty.inferometer"
    with SessionWriter.create(path, plan={}, machine={}, title="") as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
    assert read_row(path).state is RunState.UNFINISHED
    assert read_row(path).name == "empty"
    assert read_row(path).best_output_tok_s is None
    with SessionWriter.open(path) as writer:
        writer.add_event(SessionEvent("2026-01-01T00:00:00+00:00", "end", "All runs have ended."))
    assert read_row(path).state is RunState.EMPTY
