"""Disks that are full or gone, locks, a clock that is set back: one sentence, and what was written stays."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress

import numpy as np
import pytest

from profiler.errors import EnvironmentFault
from profiler.records.run_record import CellRecord
from profiler.records.timing import TOKEN_DTYPE
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import run_of, sweep_cells

FILLER = """
import signal, sys
from pathlib import Path
import numpy as np
from profiler.errors import EnvironmentFault
from profiler.records.run_record import CellRecord
from profiler.records.timing import TOKEN_DTYPE
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import run_of, sweep_cells

if hasattr(signal, "SIGXFSZ"):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
random = np.random.default_rng(1)
cell = sweep_cells()[0]
writer = SessionWriter.create(Path(sys.argv[1]), plan={}, machine={})
writer.add_cell(CellRecord(1, None, cell.configuration))
writer.start_run(run_of(cell, 1))
kept = 0
try:
    for _ in range(500):
        tokens = np.zeros(2000, TOKEN_DTYPE)
        tokens["time_ns"] = random.integers(0, 2**60, 2000)
        writer.add_rows(1, "token", tokens)
        writer.flush()
        kept += 2000
except EnvironmentFault as fault:
    try:
        writer.flush()
    except EnvironmentFault as again:
        assert again.sentence == fault.sentence
    writer.close()
    print(kept, fault.sentence)
"""


def fill(path, **options):
    """The tokens that were committed and the sentence told, from a process that writes until it may not."""
    told = subprocess.run([sys.executable, "-c", FILLER, path], capture_output=True, text=True, timeout=60, **options)
    assert told.returncode == 0, told.stderr
    kept, _, sentence = told.stdout.strip().partition(" ")
    return int(kept), sentence


def tokens_in(path):
    with SessionReader.open(path) as reader:
        return len(reader.run_data(1).tokens)


def test_a_file_that_may_not_grow_keeps_what_was_committed(tmp_path):
    path = tmp_path / "limited.inferometer"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))  # noqa: E731
    kept, sentence = fill(path, preexec_fn=limit)
    assert str(path) in sentence
    assert "What was saved before stays" in sentence
    assert kept > 0
    assert tokens_in(path) == kept


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None, reason="mounts a small disk"
)
def test_a_full_disk_keeps_what_was_committed(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount")
    try:
        path = disk / "full.inferometer"
        kept, sentence = fill(path)
        assert "The disk is full" in sentence
        assert kept > 0
        assert tokens_in(path) == kept
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture
def writing(tmp_path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    cell = sweep_cells()[0]
    writer = SessionWriter.create(folder / "a.inferometer", plan={}, machine={})
    writer.add_cell(CellRecord(1, None, cell.configuration))
    writer.start_run(run_of(cell, 1))
    writer.flush()
    yield writer
    with suppress(EnvironmentFault):
        writer.close()


def add(writer):
    writer.add_rows(1, "token", np.zeros(10, TOKEN_DTYPE))
    writer.flush()


def test_a_folder_that_is_removed_ends_the_writing_with_a_sentence(writing):
    shutil.rmtree(writing.path.parent)
    with pytest.raises(EnvironmentFault, match=writing.path.name):
        add(writing)


def test_a_folder_that_may_not_be_written_is_told_before_anything_begins(tmp_path):
    with pytest.raises(EnvironmentFault, match="does not exist"):
        SessionWriter.create(tmp_path / "gone" / "a.inferometer", plan={}, machine={})


def test_a_file_that_another_program_locks_ends_the_writing_and_keeps_what_was_there(writing):
    add(writing)
    with closing(sqlite3.connect(writing.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentFault, match="locked by another program"):
            add(writing)
        other.execute("ROLLBACK")
    assert tokens_in(writing.path) == 10


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_IOERR"])
def test_what_the_system_says_becomes_one_sentence(name, tmp_path):
    """EDQUOT is SQLITE_FULL or a failed write, by the system call that meets it."""
    from profiler.session.faults import sorted_faults

    error = sqlite3.OperationalError("injected")
    error.sqlite_errorcode = getattr(sqlite3, name)
    with pytest.raises(EnvironmentFault, match=r"stays") as told, sorted_faults(tmp_path / "a.inferometer"):
        raise error
    assert "quota" in told.value.sentence


def test_a_clock_that_is_set_back_commits_at_once(tmp_path):
    clock = iter([10**12, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5])
    cell = sweep_cells()[0]
    with SessionWriter.create(tmp_path / "a.inferometer", plan={}, machine={}, clock=lambda: next(clock, 5)) as writer:
        writer.add_cell(CellRecord(1, None, cell.configuration))
        with SessionReader.open(writer.path) as reader:
            assert len(reader.cells()) == 1
