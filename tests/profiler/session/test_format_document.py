"""FORMAT.md tells others how to read a session: its examples run, and it names every table, column and kind."""

import re
import sqlite3
from importlib.resources import files

import pytest

from profiler.records.timing import STEP_DTYPE, TOKEN_DTYPE
from profiler.session import chunks, schema
from profiler.session.reader import SessionReader

DOCUMENT = (files("profiler.session") / "FORMAT.md").read_text(encoding="utf-8")


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("query", _blocks("sql"))
def test_queries_find_something(session_file, query):
    connection = sqlite3.connect(session_file)
    found = connection.execute(query).fetchall()
    connection.close()
    assert found
    assert None not in found[0]


def test_chunks_are_read_as_told(session_file, tmp_path, monkeypatch):
    (program,) = _blocks("python")
    (tmp_path / "NAME.inferometer").write_bytes(session_file.read_bytes())
    monkeypatch.chdir(tmp_path)
    variables = {}
    exec(program, variables)
    with SessionReader.open(session_file) as reader:
        assert variables["times_ns"].tolist() == reader.run_data(1).tokens["time_ns"].tolist()


def test_every_table_and_column_is_named():
    axis_columns = {column.name for table in schema.TABLES for column in table.columns if column in schema._AXIS_COLUMNS}
    for table in schema.TABLES:
        (line,) = re.findall(rf"^\| `{table.name}` .*$", DOCUMENT, re.MULTILINE)
        for column in table.columns:
            assert column.name in axis_columns or f"`{column.name}`" in line, f"{table.name}.{column.name}"
    for name in (*(TOKEN_DTYPE.names or ()), *(STEP_DTYPE.names or ())):
        assert f"`{name}`" in DOCUMENT


def test_numbers_are_those_of_the_code():
    assert f"application_id` is {schema.APPLICATION_ID}" in DOCUMENT
    assert f"format version {schema.SCHEMA_VERSION}." in DOCUMENT
    assert chunks.CODEC in DOCUMENT
    assert chunks.MAX_ROWS == 65_536
    assert chunks.MAX_UNPACKED_BYTES == 16 << 20
