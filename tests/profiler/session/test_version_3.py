"""A file of version 2, made as version 2 made it: brought forward, its models keep all they had."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from profiler.records.run_record import CellRecord, CellStatus, ModelRecord, StepCosts
from profiler.session import schema
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "old.inferometer"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in (GOLDEN / "schema_2.sql").read_text(encoding="utf-8").split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 2")
        connection.execute("INSERT INTO meta VALUES ('title', 'Old')")
        connection.execute(
            "INSERT INTO model VALUES (1, 'SmolLM2', '/m.gguf', 'ab', 'llama', 134, 'Q8_0', 98, 8.5, 8192, 'source.gguf', 7)"
        )
        connection.execute(
            "INSERT INTO cell (cell_id, model_id, status, reason, configuration, threads, weight_bytes_per_ubatch, "
            "output_bytes_per_ubatch, embedding_bytes_per_token, kv_bytes_per_token) "
            "VALUES (1, 1, 'done', '', '{\"threads\": 2}', 2, 100, 20, 3, 4)"
        )
        connection.execute(
            "INSERT INTO cell (cell_id, status, reason, configuration) VALUES (2, 'failed', 'why', '{\"threads\": 2}')"
        )
    return path


# Version 2 knew dense models only: there are no experts and no states, and nobody reckoned FLOPs.
COSTS = StepCosts(100, 20, 3, 4, 0, 0, 0, 0, None, None, None)
CELLS = [
    CellRecord(1, 1, {"threads": 2}, CellStatus.DONE, "", COSTS),
    CellRecord(2, None, {"threads": 2}, CellStatus.FAILED, "why", None),
]
MODEL = ModelRecord(1, "SmolLM2", "/m.gguf", "ab", "llama", 134, "Q8_0", 98, 8.5, 8192, "source.gguf", 7)


def test_it_is_read_without_a_change_to_it(old_file):
    before = old_file.read_bytes()
    with SessionReader.open(old_file) as reader:
        assert reader.models() == [MODEL]
        assert reader.cells() == CELLS
        assert reader.title() == "Old"
    assert old_file.read_bytes() == before


def test_it_is_brought_forward_when_it_is_gone_on_with(old_file):
    with SessionWriter.open(old_file):
        pass
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    golden = (GOLDEN / "schema_3.sql").read_text(encoding="utf-8").split(";\n")
    assert {sql for (sql,) in found} == {sql for sql in golden if sql}
    with SessionReader.open(old_file) as reader:
        assert reader.models() == [MODEL]
        assert reader.cells() == CELLS
