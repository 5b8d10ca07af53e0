"""A damaged session saved into a new one: what is on sound pages is there, the rest is told, the original is as it was."""

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from profiler.errors import BadFile, UnusableArguments
from profiler.records.run_record import CellRecord, CellStatus, RunStatus, SessionEvent
from profiler.records.timing import TOKEN_DTYPE
from profiler.session import schema
from profiler.session.reader import SessionReader
from profiler.session.salvage import salvage
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import run_of, sweep_cells

PAGE_BYTES = 4096
EVENTS = 400


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "sound.inferometer"
    random = np.random.default_rng(3)
    cell = sweep_cells()[0]
    with SessionWriter.create(path, plan={}, machine={}, title="kept") as writer:
        writer.add_cell(CellRecord(1, None, cell.configuration, CellStatus.DONE))
        writer.start_run(run_of(cell, 1))
        for number in range(EVENTS):
            writer.add_event(SessionEvent("2026-01-01T00:00:00+00:00", "flag", f"sentence {number} " + "x" * 80))
        for _ in range(20):
            tokens = np.zeros(500, TOKEN_DTYPE)
            tokens["time_ns"] = random.integers(0, 2**60, 500)
            writer.add_rows(1, "token", tokens)
            writer.flush()
    return path


@pytest.fixture
def damaged(sound, tmp_path):
    path = tmp_path / "damaged.inferometer"
    shutil.copyfile(sound, path)
    return path


def pages_of(path, table):
    """The leaves of a table, by SQLite's own telling (or by the page's own bytes where it tells nothing)."""
    data = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    start = (root - 1) * PAGE_BYTES
    assert data[start] == 5  # an interior page of a table
    count = int.from_bytes(data[start + 3 : start + 5])
    cells = [int.from_bytes(data[start + 12 + 2 * n : start + 14 + 2 * n]) for n in range(count)]
    return [int.from_bytes(data[start + cell : start + cell + 4]) for cell in cells] + [
        int.from_bytes(data[start + 8 : start + 12])
    ]


def spoil(path, page):
    with path.open("r+b") as stream:
        stream.seek((page - 1) * PAGE_BYTES)
        stream.write(b"\xa5" * PAGE_BYTES)


def counts(path):
    with closing(sqlite3.connect(path)) as connection:
        return {table.name: connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] for table in schema.TABLES}


def test_a_sound_file_is_saved_whole(damaged, tmp_path):
    before = damaged.read_bytes()
    found = salvage(damaged, tmp_path / "new.inferometer")
    assert found.is_whole
    assert found.problems == ()
    wanted = counts(damaged)
    wanted["event"] += 1
    assert counts(tmp_path / "new.inferometer") == wanted
    assert damaged.read_bytes() == before
    with SessionReader.open(damaged) as old, SessionReader.open(tmp_path / "new.inferometer") as new:
        assert old.meta() == new.meta()
        assert np.array_equal(old.run_data(1).tokens, new.run_data(1).tokens)


@pytest.mark.parametrize("which", [[0], [2], [-1], [1, 4], [0, -1]])
def test_a_spoiled_page_costs_its_own_rows_only(which, damaged, tmp_path):
    leaves = pages_of(damaged, "event")
    with closing(sqlite3.connect(damaged)) as connection:
        total = connection.execute("SELECT count(*) FROM event").fetchone()[0]
    for number in which:
        spoil(damaged, leaves[number])
    before = damaged.read_bytes()
    found = salvage(damaged, tmp_path / "new.inferometer")
    assert damaged.read_bytes() == before
    assert found.problems
    assert not found.is_whole
    (event,) = [each for each in found.tables if each.table == "event"]
    assert not event.is_whole
    most_on_a_page = PAGE_BYTES // 80
    assert total - len(which) * most_on_a_page <= event.saved < total
    with closing(sqlite3.connect(tmp_path / "new.inferometer")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_run_that_lost_raw_rows_is_partial_and_has_no_figures(damaged, tmp_path):
    with closing(sqlite3.connect(damaged)) as connection:
        connection.execute("UPDATE run SET status = 'done'")
        connection.execute("INSERT INTO figure VALUES (1, 1, '', 'output_tok_s', 'value', 5.0)")
        connection.execute("UPDATE chunk SET data = x'00' WHERE sequence = 7")
        connection.commit()
    found = salvage(damaged, tmp_path / "new.inferometer")
    assert (found.chunks_lost, found.runs_hurt) == (1, (1,))
    with SessionReader.open(tmp_path / "new.inferometer") as reader:
        assert [run.status for run in reader.runs()] == [RunStatus.PARTIAL]
        assert reader.run_figures(1) is None
        assert [cell.status for cell in reader.cells()] == [CellStatus.PARTIAL]
        assert len(reader.run_data(1).tokens) == 19 * 500
        assert reader.events()[-1].kind == "repaired"


def test_planted_triggers_and_views_do_not_come_along(damaged, tmp_path):
    with closing(sqlite3.connect(damaged)) as connection:
        connection.execute("CREATE TRIGGER planted AFTER INSERT ON event BEGIN DELETE FROM run; END")
        connection.execute("CREATE TABLE more (a)")
        connection.commit()
    salvage(damaged, tmp_path / "new.inferometer")
    with closing(sqlite3.connect(tmp_path / "new.inferometer")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not names & {"planted", "more"}


def test_a_target_that_exists_and_a_file_of_another_kind_are_refused(damaged, tmp_path):
    with pytest.raises(UnusableArguments, match="exists"):
        salvage(damaged, damaged)
    other = tmp_path / "other"
    other.write_bytes(b"no session" * 1000)
    with pytest.raises(BadFile, match="not an Inferometer session"):
        salvage(other, tmp_path / "new.inferometer")
    assert not (tmp_path / "new.inferometer").exists()


def test_opening_a_damaged_file_names_the_command(damaged):
    for leaf in pages_of(damaged, "event"):
        spoil(damaged, leaf)
    with pytest.raises(BadFile, match=r"inferometer repair damaged\.inferometer"), SessionReader.open(damaged) as reader:
        reader.events()
