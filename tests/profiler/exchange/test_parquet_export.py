import csv
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pytest

from profiler.errors import BadFile, EnvironmentFault, UnusableArguments
from profiler.exchange import parquet_export
from profiler.exchange.csv_export import export_csv
from profiler.exchange.parquet_export import FILES, export_parquet
from profiler.exchange.tables import session_tables
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")


def exported(path, target):
    with SessionReader.open(path) as reader:
        export_parquet(reader, target)
    return {file.stem: parquet.read_table(file) for file in target.iterdir()}


@pytest.fixture
def tables(tmp_path, session_file):
    return exported(session_file, tmp_path / "x")


def test_the_same_tables_and_columns_as_csv_with_the_same_values(tables, tmp_path, session_file):
    with SessionReader.open(session_file) as reader:
        export_csv(reader, tmp_path / "csv")
    assert {f"{name}.parquet" for name in tables} == set(FILES)
    assert {file.stem for file in (tmp_path / "csv").iterdir()} == set(tables)
    for name, table in tables.items():
        with (tmp_path / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            header, *records = csv.reader(stream)
        assert table.column_names == header
        assert table.num_rows == len(records) > 0
        for column, texts in zip(table.columns, zip(*records, strict=True), strict=True):
            for value, text in zip(column.to_pylist(), texts, strict=True):
                if value is None or isinstance(value, str | bool):
                    assert ("" if value is None else str(value)) == text
                else:
                    assert value == float(text), "to the last digit: a float in CSV is its shortest exact form"


def test_types_units_and_definitions(tables):
    requests = tables["requests"]
    assert [str(field.type) for field in requests.schema][:4] == ["int64", "int64", "int64", "string"]
    assert requests["first_token_ns"].to_pylist()[2] is None
    assert requests.schema.field("due_ns").metadata == {b"unit": b"ns", b"definition": b"when the schedule says that it arrives"}
    assert requests.schema.metadata[b"definition"].startswith(b"One request of a run.")
    assert requests.schema.metadata[b"title"] == b"Known"
    cells = tables["cells"].schema
    assert str(cells.field("prompt_tokens").type) == "string", "a length may be a distribution"
    assert cells.field("kv_occupancy (%)").metadata[b"unit"] == b"%"
    assert (str(cells.field("ttft_ms_n").type), str(cells.field("ttft_ms_p95").type)) == ("int64", "double")
    assert cells.field("ttft_ms_p95_ci_low").metadata[b"definition"] == b"lower end of the 95 % interval of ttft_ms_p95"
    assert all(field.metadata[b"definition"] for table in tables.values() for field in table.schema)


def test_runs_tell_which_rows_count(tables):
    runs = tables["runs"].to_pydict()
    assert (runs["run_id"], runs["is_valid"]) == ([1, 2, 3, 4, 5], [True, False, True, True, True])
    assert runs["status"] == ["done", "done", "failed", "done", "done"]
    assert runs["flags"][1] == "foreign load: 40 % of the CPU | short: the window is short"
    assert runs["ttft_ms_p95"] == [10.5, 21.0, None, 42.0, 33.0]
    assert runs["start_utc"][2] is None


def test_rows_are_grouped_whatever_the_chunks(tmp_path, records, monkeypatch):
    monkeypatch.setattr(parquet_export, "_ROWS_OF_A_GROUP", 10)
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        writer.start_run(records.run(1, 1))
        for _ in range(7):
            writer.add_rows(1, "token", records.tokens(4))
    with SessionReader.open(path) as reader:
        chunks = [len(part) for part in reader.row_chunks(1, "token")]
    exported(path, tmp_path / "x")
    groups = parquet.ParquetFile(tmp_path / "x" / "tokens.parquet").metadata
    rows = [groups.row_group(place).num_rows for place in range(groups.num_row_groups)]
    assert sum(rows) == sum(chunks) == 28
    assert all(count >= 10 for count in rows[:-1])


def test_without_pyarrow_a_sentence_names_the_extra(tmp_path, session_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (
        SessionReader.open(session_file) as reader,
        pytest.raises(EnvironmentFault, match=r"extra parquet .*inferometer\[parquet\]"),
    ):
        export_parquet(reader, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_planted_value_of_another_kind_is_told(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('UPDATE cell SET configuration = replace(configuration, \'"threads": 2\', \'"threads": "two"\')')
        connection.commit()
    with SessionReader.open(path) as reader, pytest.raises(BadFile, match="its cells"):
        export_parquet(reader, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_half_characters_do_not_stop_it(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        cell = records.cell(1)
        writer.add_cell(cell)
        writer.start_run(records.run(1, 1, flags=("odd: \ud800",)))
        writer.add_samples(1, records.samples(1.0, np.nan))
    assert exported(path, tmp_path / "x")["runs"]["flags"].to_pylist() == ["odd: \\ud800"]


def test_an_existing_folder_needs_force(tmp_path, session_file):
    with SessionReader.open(session_file) as reader:
        export_parquet(reader, tmp_path / "x")
        with pytest.raises(UnusableArguments, match="--force"):
            export_parquet(reader, tmp_path / "x")
        export_parquet(reader, tmp_path / "x", force=True)


def test_every_column_has_words(session_file):
    with SessionReader.open(session_file) as reader:
        tables = session_tables(reader)
    for table in tables:
        assert table.definition.endswith(".")
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        assert all(column.definition for column in table.columns)
