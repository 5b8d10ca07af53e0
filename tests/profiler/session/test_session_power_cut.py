"""A power cut at any moment: the database and its write-ahead log, cut at every frame's end and in the middle of some."""

import shutil

import numpy as np
import pytest

from profiler.records.run_record import CellRecord, RunStatus
from profiler.records.timing import TOKEN_DTYPE
from profiler.session.connection import connect_for_reading
from profiler.session.reader import SessionReader
from profiler.session.salvage import integrity_problems
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import run_of, sweep_cells

LOG_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
COMMITS = 12
TOKENS = 40


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A session and its log as they lie on the disk, and after each commit the length of the log and the tokens committed."""
    folder = tmp_path_factory.mktemp("written")
    path = folder / "live.inferometer"
    log = path.with_name(path.name + "-wal")
    cell = sweep_cells()[0]
    commits = []
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_cell(CellRecord(1, None, cell.configuration))
        writer.start_run(run_of(cell, 1))
        writer.flush()
        for number in range(COMMITS):
            tokens = np.zeros(TOKENS, TOKEN_DTYPE)
            tokens["time_ns"] = np.arange(TOKENS) + number * TOKENS
            writer.add_rows(1, "token", tokens)
            writer.flush()
            commits.append((log.stat().st_size, (number + 1) * TOKENS))
        copy = folder / "copy"
        copy.mkdir()
        shutil.copyfile(path, copy / path.name)
        shutil.copyfile(log, copy / log.name)
    return copy / path.name, copy / log.name, commits


def cuts(size):
    """Every frame's end, and within each a byte, a header and a half page behind its beginning; the log's own header too."""
    frame = FRAME_HEADER_BYTES + 4096
    yield from (0, 1, LOG_HEADER_BYTES - 1)
    for start in range(LOG_HEADER_BYTES, size + 1, frame):
        yield start
        yield from (start + part for part in (1, FRAME_HEADER_BYTES, frame // 2) if start + part < size)


def test_whatever_is_cut_off_the_file_opens_and_holds_every_commit_before_the_cut(written, tmp_path):
    path, log, commits = written
    whole = log.read_bytes()
    assert commits[-1][0] == len(whole)
    cut_file = tmp_path / path.name
    tried = 0
    for length in cuts(len(whole)):
        shutil.copyfile(path, cut_file)
        cut_file.with_name(log.name).write_bytes(whole[:length])
        cut_file.with_name(path.name + "-shm").unlink(missing_ok=True)
        expected = max((tokens for size, tokens in commits if size <= length), default=0)
        connection = connect_for_reading(cut_file)
        assert integrity_problems(connection) == ()
        connection.close()
        with SessionReader.open(cut_file) as reader:
            runs = reader.runs()
            if length < commits[0][0] and not runs:
                continue
            assert reader.run_data(1).tokens["time_ns"].tolist() == list(range(expected))
            assert [run.status for run in runs] == [RunStatus.PARTIAL]
            assert runs[0].reason
        tried += 1
    assert tried > 4 * COMMITS


def test_the_rest_is_written_into_a_cut_file(written, tmp_path):
    path, log, commits = written
    size, tokens = commits[4]
    cut_file = tmp_path / path.name
    shutil.copyfile(path, cut_file)
    cut_file.with_name(log.name).write_bytes(log.read_bytes()[: size + 100])
    with SessionWriter.open(cut_file) as writer:
        writer.start_run(run_of(sweep_cells()[0], 2, repetition=2))
    with SessionReader.open(cut_file) as reader:
        assert len(reader.run_data(1).tokens) == tokens
        assert [run.run_id for run in reader.runs()] == [1, 2]
