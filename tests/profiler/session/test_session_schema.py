import sqlite3
from pathlib import Path

import pytest

from profiler.records.axis import AXES
from profiler.records.metric import LATENCIES, SINGLES, STATISTICS
from profiler.session import migrations, schema

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(connection)
    yield connection
    connection.close()


def _columns(connection, name):
    return [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]


def test_statements_are_those_of_the_version():
    """A file that is already on someone's disk has these tables: whoever changes them raises the version and adds a migration."""
    golden = GOLDEN / f"schema_{schema.SCHEMA_VERSION}.sql"
    statements = ";\n".join(schema.statements()) + ";\n"
    assert statements == golden.read_text(encoding="utf-8"), (
        f"new version, new migration; before a release, rewrite {golden.name}"
    )
    assert len(migrations.MIGRATIONS) + 1 == schema.SCHEMA_VERSION


def test_all_tables_and_views_of_the_design(database):
    names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    assert names == {table.name for table in schema.TABLES} | {"run_metrics", "cell_metrics"}
    assert {table.name for table in schema.TABLES} == {
        "meta",
        "tag",
        "model",
        "cell",
        "run",
        "request",
        "chunk",
        "figure",
        "event",
    }


@pytest.mark.parametrize(("view", "identity"), [("run_metrics", ["cell_id", "run_id"]), ("cell_metrics", ["cell_id"])])
def test_views_have_a_column_for_each_axis_and_figure(database, view, identity):
    columns = _columns(database, view)
    assert len(columns) == len(set(columns))
    assert set(columns) >= {*identity, *(axis.name for axis in AXES), *SINGLES}
    assert set(columns) >= {f"{latency}_{statistic}" for latency in LATENCIES for statistic in STATISTICS}


@pytest.mark.parametrize(
    "row",
    [
        ("INSERT INTO meta VALUES (?, ?)", ("title", None)),
        ("INSERT INTO meta VALUES (?, ?)", ("title", b"bytes")),
        ("INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?)", (1, None, "", "ttft_ms", "p95", "fast")),
        ("INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?)", (1, None, "", "ttft_ms", "p95", float("nan"))),
        ("INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?)", (1, None, None, "ttft_ms", "p95", 1.0)),
        (
            "INSERT INTO cell (cell_id, status, reason, configuration, prompt_tokens) VALUES (?, ?, ?, ?, ?)",
            (1, "done", "", "{}", 1.5),
        ),
        ("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)", (1, "token", 0, 1.5, "zlib+columns1", 1, b"")),
    ],
)
def test_columns_refuse_other_types(database, row):
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(*row)


def test_a_cell_has_each_figure_once(database):
    for identity in ((None, ""), (1, ""), (None, "chat"), (1, "chat")):
        database.execute("INSERT INTO figure VALUES (1, ?, ?, 'ttft_ms', 'p95', 5)", identity)
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("INSERT INTO figure VALUES (1, ?, ?, 'ttft_ms', 'p95', 6)", identity)


def test_numbers_keep_their_kind(database):
    database.executemany("INSERT INTO figure VALUES (1, NULL, '', ?, 'value', ?)", [("rss_peak_bytes", 5), ("output_tok_s", 5.0)])
    kinds = dict(database.execute("SELECT metric, typeof(value) FROM figure"))
    assert kinds == {"rss_peak_bytes": "integer", "output_tok_s": "real"}


def test_lengths_are_numbers_or_text_as_they_were_given(database):
    columns = "cell_id, status, reason, configuration, prompt_tokens, output_tokens"
    database.execute(f"INSERT INTO cell ({columns}) VALUES (1, 'done', '', '{{}}', 128, 'uniform:64:256')")
    database.execute(f"INSERT INTO cell ({columns}) VALUES (2, 'done', '', '{{}}', NULL, '128')")
    found = database.execute("SELECT prompt_tokens, output_tokens FROM cell_metrics ORDER BY cell_id").fetchall()
    assert found == [(128, "uniform:64:256"), (None, "128")]


def test_view_values_of_known_figures(session_file):
    connection = sqlite3.connect(session_file)
    runs = connection.execute(
        "SELECT run_id, cell_id, concurrency, think_time, quant, ttft_ms_p95, ttft_ms_p50, ttft_ms_n, output_tok_s, energy_j, "
        "is_valid FROM run_metrics ORDER BY run_id"
    ).fetchall()
    cells = connection.execute(
        "SELECT cell_id, status, concurrency, ttft_ms_p95, output_tok_s, kld_mean FROM cell_metrics"
    ).fetchall()
    connection.close()
    assert runs == [
        (1, 1, 1, 0.5, "as-is", 10.5, None, 4, 101.0, None, 1),
        (2, 1, 1, 0.5, "as-is", 21.0, None, 4, 102.0, None, 0),
        (3, 2, 2, 0.5, "as-is", None, None, None, None, None, 1),
        (4, 1, 1, 0.5, "as-is", 42.0, None, 4, 104.0, None, 1),
        (5, 3, 3, 0.5, "as-is", 33.0, None, 4, None, None, 1),
    ]
    assert cells == [
        (1, "done", 1, 42.5, 103.0, None),
        (2, "failed", 2, None, None, None),
        (3, "done", 3, 33.5, None, None),  # of all requests, though its classes have larger ones
    ]


def test_a_file_is_known_by_its_content(session_file):
    head = session_file.read_bytes()[:100]
    assert head[:16] == b"SQLite format 3\0"
    assert head[68:72] == b"INFM"
    assert int.from_bytes(head[60:64]) == schema.SCHEMA_VERSION
