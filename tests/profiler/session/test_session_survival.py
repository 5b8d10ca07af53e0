"""What is left of a session whose writer is killed in the middle of it."""

import subprocess
import sys

import pytest

from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter

WRITER = """
import sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from profiler.records.run_record import CellRecord, RunRecord
from profiler.records.specification import ContextSettings, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.records.timing import TOKEN_DTYPE
from profiler.session.writer import SessionWriter

specification = RunSpecification(
    ModelSettings("a.gguf", 0, True),
    ContextSettings(2, 256, 512, 512, 2, 2, "auto", "f16", "f16", True),
    LoadSettings((RequestClass(users=2, requests=4),)),
)
writer = SessionWriter.create(Path(sys.argv[1]), plan={}, machine={})
writer.add_cell(CellRecord(1, None, {"concurrency": 2}))
writer.start_run(RunRecord(1, 1, 1, 1, specification))
tokens = np.zeros(100, TOKEN_DTYPE)
for commit in range(3):
    writer.add_rows(1, "token", tokens)
    writer.flush()
    print(commit, flush=True)
writer.add_rows(1, "token", tokens)
sys.stdin.read()
"""


@pytest.fixture
def killed(tmp_path):
    """A session whose writer was killed (kill -9) after three commits of a hundred tokens, with a hundred more not committed."""
    path = tmp_path / "killed.inferometer"
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for _ in range(3):
            assert process.stdout.readline()
        with SessionReader.open(path) as reader:
            assert [run.status for run in reader.runs()] == [RunStatus.RUNNING]
        process.kill()
    assert path.with_name(path.name + "-wal").stat().st_size > 0
    return path


def test_all_that_was_committed_is_read(killed):
    with SessionReader.open(killed) as reader:
        assert len(reader.run_data(1).tokens) == 300
        assert [run.status for run in reader.runs()] == [RunStatus.PARTIAL]
        assert [cell.status for cell in reader.cells()] == [CellStatus.PARTIAL]


def test_reading_it_changes_nothing(killed):
    """A connection that may write would move the log into the file, under the feet of whoever goes on with the session."""
    log = killed.with_name(killed.name + "-wal")
    before = killed.read_bytes(), log.read_bytes()
    with SessionReader.open(killed) as reader:
        reader.run_data(1)
    assert (killed.read_bytes(), log.read_bytes()) == before


def test_it_can_be_gone_on_with(killed):
    with SessionWriter.open(killed):
        pass
    assert [entry.name for entry in killed.parent.iterdir()] == [killed.name]
    with SessionReader.open(killed) as reader:
        assert len(reader.run_data(1).tokens) == 300
        assert [run.status for run in reader.runs()] == [RunStatus.PARTIAL]
