"""A file of version 1, made as version 1 made it: read without a change to it, and brought forward when it is gone on with."""

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from profiler.clock import WallClockAnchor
from profiler.errors import BadFile, EnvironmentFault
from profiler.plan.cells import expand
from profiler.plan.plan import Plan
from profiler.records import packing
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.run_record import (
    CellRecord,
    CellStatus,
    EngineFacts,
    ModelRecord,
    RunRecord,
    RunStatus,
    SessionEvent,
    StepCosts,
)
from profiler.records.specification import ContextSettings, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.records.timing import ABSENT_NS, STEP_DTYPE, RequestStatus
from profiler.session import migrations, schema, version_2
from profiler.session.reader import RequestCounts, SessionReader, TokenCounts
from profiler.session.writer import SessionWriter

GOLDEN = Path(__file__).parent / "golden"

PLAN = {
    "title": "old",
    "need": {"slo": "ttft_ms.p95<=1000"},
    "models": {"paths": ["sample"], "quant": ["as-is"]},
    "load": {
        "arrival": "closed",
        "concurrency": [1, 2],
        "think_time": [0.5],
        "prompt_tokens": [16],
        "output_tokens": [8],
        "sampling": ["greedy"],
        "requests": 4,
    },
    "engine": {
        "batch_size": [512],
        "ubatch_size": [512],
        "flash_attn": ["auto"],
        "cache_type_k": ["f16"],
        "cache_type_v": ["f16"],
        "kv_unified": ["on"],
        "mmap": "off",
    },
    "trust": {"repetitions": 2, "seed": 1},
}
CONFIGURATION = {
    "model": "SmolLM2", "quant": "as-is", "arrival": "closed", "concurrency": 1, "slots": 1, "think_time": 0.5,
    "prompt_tokens": 16, "output_tokens": 8, "sampling": "greedy", "prefill_chunk": 512, "threads": 2, "threads_batch": 2,
    "batch_size": 512, "ubatch_size": 512, "ctx_size": 256, "n_gpu_layers": 0, "flash_attn": "auto", "cache_type_k": "f16",
    "cache_type_v": "f16", "kv_unified": "on",
}  # fmt: skip
MODEL = {"path": "/models/small.gguf", "n_gpu_layers": 0, "mmap": False}
CONTEXT = {
    "slots": 2, "ctx_size": 256, "batch_size": 512, "ubatch_size": 512, "threads": 2, "threads_batch": 2,
    "flash_attn": "auto", "cache_type_k": "f16", "cache_type_v": "f16", "kv_unified": True,
}  # fmt: skip
LOAD = {
    "arrival": "closed", "users": 2, "think_time_s": 0.5, "prompt_tokens": 16, "output_tokens": 8, "requests": 4,
    "requests_per_user": None, "duration_s": None, "prefill_chunk": 512, "sampling": "greedy", "seed": 1_000_004,
}  # fmt: skip
OFFLINE = {"arrival": "offline", "users": 0, "think_time_s": 0.0, "requests": None, "duration_s": 2.5, "sampling": "none"}
FACTS = {
    "load_s": 0.25, "reused": False, "origin_ns": 5000, "n_ctx": 512, "n_ctx_seq": 256, "n_batch": 512, "n_ubatch": 512,
    "n_seq_max": 2, "kv_cells": 512, "vocabulary": 49_152, "buffers": {"CPU buffer": 7}, "devices": ["CPU"], "warmup_steps": 3,
}  # fmt: skip
AXES_SINCE = {
    "rate": None, "burstiness": None, "shared_prefix": 0.0, "prefixes": None, "turns": 1, "prefix_cache": "off",
    "batching": "continuous", "static_batch_size": None, "static_wait_ms": None, "priority": "decode", "depth": 0,
    "op_offload": "on", "kv_offload": "on", "repack": "on", "no_host": "off",
    "split_mode": "layer", "tensor_split": None, "main_gpu": 0,
}  # fmt: skip

COSTS = (100, 20, 3, 4)
REQUESTS = [  # run, request, user, due, sent, prefill start, first token, end, prompt, cached, output, status
    (1, 0, 0, 0, 1, 2, 50, 90, 16, 0, 8, "completed"),
    (1, 1, 1, 0, 1, 3, 60, 95, 16, 0, 8, "completed"),
    (1, 2, 0, 70, 71, None, None, 80, 16, 0, 0, "failed"),
    (1, 3, 1, 75, None, None, None, None, 16, 0, 0, "unfinished"),
    (2, 0, -1, 0, 0, 5, 55, 99, 16, 0, 8, "completed"),
]
FIGURES = [  # cell, run, metric, statistic, value
    (1, 1, "ttft_ms", "p95", 12.5),
    (1, 1, "ttft_ms", "n", 2),
    (1, 1, "output_tok_s", "value", 99.0),
    (1, None, "ttft_ms", "p95", 12.5),
    (1, None, "rss_peak_bytes", "value", 150_000_000),
    (1, None, "ttft_ms", "p95_ci_low", 11.0),
    (1, None, "ttft_ms", "p95_ci_high", 14.0),
]
TOKENS = {
    "request": np.array([0, 1, 0, 1]),
    "step": np.array([0, 0, 1, 1]),
    "time_ns": np.array([50, 50, 60, 60]),
    "token": np.array([7, 8, 9, -1]),
}
STEPS = {
    name: np.arange(3) + 10 * number
    for number, name in enumerate(STEP_DTYPE.names[:14])  # all but those that came with version 2
}


def _insert(connection, table, rows):
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _cell_row(cell_id, status, reason, changes, costs=COSTS):
    configuration = CONFIGURATION | changes
    return (cell_id, 1, status, reason, json.dumps(configuration), *configuration.values(), *costs)


def _run_row(run_id, cell_id, status, load, *, is_valid=1, reason=""):
    specification = json.dumps({"model": MODEL, "context": CONTEXT, "load": LOAD | load})
    times = (5_000, "2026-01-02T03:04:05.678+00:00", "2026-01-02T03:04:09.000+00:00")
    flags, log = json.dumps(["short: x"]), json.dumps(["one", "two"])
    return (run_id, cell_id, 1, run_id, status, reason, is_valid, flags, *times, specification, json.dumps(FACTS), log)


def _chunk_row(run_id, kind, columns):
    packed = packing.pack({name: column.astype(np.int64) for name, column in columns.items()})
    rows = len(next(iter(columns.values())))
    return (run_id, kind, 0, rows, "zlib+columns1", len(packed), zlib.compress(packed))


@pytest.fixture
def path(tmp_path):
    """Cell 1 is done, cell 2 is offline and has a run of its own, cell 3 failed without one."""
    path = tmp_path / "old.inferometer"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("PRAGMA application_id = 1229866573")
        connection.execute("PRAGMA user_version = 1")
        for statement in (GOLDEN / "schema_1.sql").read_text(encoding="utf-8").split(";\n"):
            connection.execute(statement)
        meta = {"title": "Old ✓", "created_utc": "2026-01-02", "plan": json.dumps(PLAN), "machine": '{"cpu": {}}'}
        _insert(connection, "meta", meta.items())
        _insert(connection, "tag", [("driver", "560")])
        _insert(connection, "model", [(1, "SmolLM2", "/m.gguf", "ab", "llama", 134, "Q4_1", 98, 5.83, 8192, None, None)])
        offline = {"arrival": "offline", "concurrency": 2, "slots": 2, "think_time": 0.0}
        cells = [
            _cell_row(1, "done", "", {}),
            _cell_row(2, "partial", "", offline),
            _cell_row(3, "failed", "No.", {"concurrency": 2, "slots": 2}, (None,) * 4),
        ]
        _insert(connection, "cell", cells)
        _insert(connection, "run", [_run_row(1, 1, "done", {}), _run_row(2, 2, "partial", OFFLINE, is_valid=0, reason="Stop.")])
        _insert(connection, "request", REQUESTS)
        samples = {"times_ns": np.array([0, 250])}
        chunks = [_chunk_row(1, "token", TOKENS), _chunk_row(1, "step", STEPS), _chunk_row(2, "samples", samples)]
        _insert(connection, "chunk", chunks)
        _insert(connection, "figure", FIGURES)
        _insert(connection, "event", [(1, "2026-01-02", "flag", "Short.", 1, 1, '{"a": 1}')])
        connection.execute("COMMIT")
    return path


def _figures(**known):
    return {metric.name: known.get(metric.name) for metric in METRICS}


def _distribution(**known):
    return dict.fromkeys(STATISTICS) | known


def _specification(load):
    return RunSpecification(ModelSettings(**MODEL), ContextSettings(**CONTEXT), load)


CLOSED_CLASS = RequestClass("", "closed", 2, 0.5, "16", "8", requests=4)
OFFLINE_CLASS = RequestClass("", "offline", 0, 0.0, "16", "8", duration_s=2.5)
ANCHOR = WallClockAnchor(5_000, "2026-01-02T03:04:05.678+00:00")
SINCE = AXES_SINCE | {"mmap": "off"}


def _assert_all_is_there(reader):
    assert (reader.title(), reader.plan(), reader.machine(), reader.tags()) == ("Old ✓", PLAN, {"cpu": {}}, {"driver": "560"})
    assert reader.models() == [ModelRecord(1, "SmolLM2", "/m.gguf", "ab", "llama", 134, "Q4_1", 98, 5.83, 8192)]
    offline = {"arrival": "offline", "concurrency": 2, "slots": 2, "think_time": None}
    assert reader.cells() == [
        CellRecord(1, 1, CONFIGURATION | SINCE, CellStatus.DONE, "", StepCosts(*COSTS)),
        CellRecord(2, 1, CONFIGURATION | SINCE | offline, CellStatus.PARTIAL, "", StepCosts(*COSTS)),
        CellRecord(3, 1, CONFIGURATION | SINCE | {"concurrency": 2, "slots": 2}, CellStatus.FAILED, "No.", None),
    ]
    facts, rest = EngineFacts(**FACTS), (("short: x",), ("one", "two"))
    closed = _specification(LoadSettings((CLOSED_CLASS,), prefill_chunk=512, sampling="greedy", seed=1_000_004))
    of_offline = _specification(LoadSettings((OFFLINE_CLASS,), prefill_chunk=512, sampling="none", seed=1_000_004))
    assert reader.runs() == [
        RunRecord(1, 1, 1, 1, closed, RunStatus.DONE, "", ANCHOR, facts, *rest, is_valid=True),
        RunRecord(2, 2, 1, 2, of_offline, RunStatus.PARTIAL, "Stop.", ANCHOR, facts, *rest, is_valid=False),
    ]
    assert reader.events() == [SessionEvent("2026-01-02", "flag", "Short.", 1, 1, {"a": 1})]
    first = _figures(ttft_ms=_distribution(p95=12.5, n=2), output_tok_s=99.0)
    assert [reader.run_figures(run_id) for run_id in (1, 2)] == [first, None]
    cell = _figures(ttft_ms=_distribution(p95=12.5), rss_peak_bytes=150_000_000)
    assert reader.cell_figures(1) == (cell, {"ttft_ms.p95": (11.0, 14.0)})
    assert reader.run_class_figures(1) == reader.cell_class_figures(1) == {}
    assert reader.request_counts(1) == RequestCounts(completed=2, failed=1, refused=0, timed_out=0, unfinished=1)
    assert reader.token_counts(1) == TokenCounts(32, 0, 16)
    for run_id in (1, 2):
        found = reader.requests(run_id)
        expected = [row[1:] for row in REQUESTS if row[0] == run_id]
        assert set(found["class"]) == {0}
        assert set(found["turn"]) == {1}
        for number, name in enumerate(("request", "user", "due_ns", "sent_ns", "prefill_start_ns", "first_token_ns", "end_ns")):
            assert found[name].tolist() == [ABSENT_NS if row[number] is None else row[number] for row in expected]
        assert found["output_tokens"].tolist() == [row[9] for row in expected]
        assert [RequestStatus(status).name.lower() for status in found["status"]] == [row[10] for row in expected]
    data = reader.run_data(1)
    assert all(data.tokens[name].tolist() == column.tolist() for name, column in TOKENS.items())
    assert all(data.steps[name].tolist() == column.tolist() for name, column in STEPS.items())
    assert data.steps["cached_tokens"].tolist() == data.steps["evictions"].tolist() == [0, 0, 0]
    assert reader.run_data(2).samples.times_ns.tolist() == [0, 250]


def _version(path):
    return int.from_bytes(path.read_bytes()[60:64])


def _dump(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        names = [name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in [*names, "sqlite_master"]}


def _altered(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)
    return path


def test_reading_shows_all_and_changes_nothing(path):
    before = path.read_bytes()
    with SessionReader.open(path) as reader:
        assert reader.notice == ""
        _assert_all_is_there(reader)
        with pytest.raises(sqlite3.OperationalError):
            reader._connection.execute("DELETE FROM meta")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_going_on_brings_it_forward(path, records):
    with SessionWriter.open(path) as writer:
        writer.start_run(records.run(3, 3, specification=records.mix))
        writer.add_requests(3, records.requests(RequestStatus.COMPLETED, RequestStatus.COMPLETED, classes=2))
        with pytest.raises(sqlite3.IntegrityError):
            writer.start_run(records.run(4, 99))  # references are enforced again
    assert _version(path) == schema.SCHEMA_VERSION
    assert list(path.parent.iterdir()) == [path]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        found = connection.execute("SELECT run_id, concurrency, ttft_ms_p95, output_tok_s FROM run_metrics ORDER BY run_id")
        assert found.fetchall() == [(1, 1, 12.5, 99.0), (2, 2, None, None), (3, 2, None, None)]
        axes = connection.execute(f"SELECT {', '.join(SINCE)} FROM cell_metrics WHERE cell_id = 1").fetchone()
        assert dict(zip(SINCE, axes, strict=True)) == SINCE
        assert connection.execute("SELECT think_time FROM cell ORDER BY cell_id").fetchall() == [(0.5,), (None,), (0.5,)]
        connection.execute("DELETE FROM request WHERE run_id = 3")
        connection.execute("DELETE FROM run WHERE run_id = 3")
        connection.execute("UPDATE cell SET status = 'failed' WHERE cell_id = 3")
        connection.commit()
    with SessionReader.open(path) as reader:
        _assert_all_is_there(reader)


def test_its_tables_are_those_of_a_new_file(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrations.upgrade(connection, (version_2.from_1_to_2,))
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        found = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
        ).fetchall()
    golden = (GOLDEN / "schema_2.sql").read_text(encoding="utf-8").split(";\n")
    assert {sql for (sql,) in found} == {sql for sql in golden if sql and not sql.startswith("CREATE VIEW")}


def test_a_cell_has_the_configuration_that_its_plan_gives_today(path):
    """So that a new sweep of the same plan can be laid beside it, cell by cell."""
    with SessionReader.open(path) as reader:
        cells = [reader.cells()[number].configuration for number in (0, 2)]
    assert cells == expand(Plan.from_document(PLAN), ["SmolLM2"], 2)


def test_a_specification_is_whole(path):
    """No default of a later version fills anything in."""
    with SessionWriter.open(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        ((text,),) = connection.execute("SELECT specification FROM run WHERE run_id = 1")
    specification = RunSpecification.from_json(json.loads(text))
    assert specification.load.classes == (CLOSED_CLASS,)
    assert json.loads(text) == json.loads(json.dumps(specification.to_json()))


def test_mmap_is_what_ran_else_what_was_planned(path):
    _altered(path, "UPDATE run SET specification = replace(specification, '\"mmap\": false', '\"mmap\": true') WHERE cell_id = 1")
    with SessionReader.open(path) as reader:
        assert [cell.configuration["mmap"] for cell in reader.cells()] == ["on", "off", "off"]
    _altered(path, "DELETE FROM meta WHERE key = 'plan'")
    with SessionReader.open(path) as reader:
        assert [cell.configuration["mmap"] for cell in reader.cells()] == ["on", "off", None]


class Interrupting:
    """A progress handler that lets SQLite do so many portions of its work, then stops it."""

    def __init__(self, portions):
        self.left = portions

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_an_interruption_at_any_moment_leaves_it_as_it_was(path):
    """Up to the moment when it is done; the first portions are a few, the last are thousands."""
    interruptions, portions = 0, 1
    while True:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            before = "\n".join(connection.iterdump())
            connection.set_progress_handler(Interrupting(portions), 5)
            try:
                migrations.upgrade(connection)
                break
            except sqlite3.OperationalError:
                interruptions += 1
            connection.set_progress_handler(None, 0)
            assert not connection.in_transaction
            assert connection.execute("PRAGMA user_version").fetchone() == (1,)
            assert "\n".join(connection.iterdump()) == before
        portions = portions * 5 // 4 + 1
    assert interruptions > 10
    with SessionReader.open(path) as reader:
        _assert_all_is_there(reader)


def test_a_killed_process_leaves_it_as_it_was(path, tmp_path):
    """What lies on the disk just before the commit, as a dead process would leave it."""
    left = tmp_path / "left"
    left.mkdir()

    def kill(connection):
        version_2.from_1_to_2(connection)
        connection.execute("PRAGMA cache_size = 1").fetchall()  # what does not fit goes to the log
        connection.execute("PRAGMA cache_spill = 1").fetchall()
        for suffix in ("", "-wal"):
            (left / (path.name + suffix)).write_bytes(path.with_name(path.name + suffix).read_bytes())

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA cache_size = 1").fetchall()
        migrations.upgrade(connection, (kill,))
    assert (left / (path.name + "-wal")).stat().st_size > 10_000, "the unfinished transaction is in there"
    with SessionReader.open(left / path.name) as reader:
        _assert_all_is_there(reader)
    assert _version(left / path.name) == 1


def test_a_live_writers_newest_rows_are_read_too(path):
    """An Inferometer of version 1 is still writing: its last commits are in the log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("UPDATE meta SET value = 'newest' WHERE key = 'title'")
        with SessionReader.open(path) as reader:
            assert reader.title() == "newest"
            assert len(reader.runs()) == 2


def test_a_large_file_is_not_copied(path, monkeypatch):
    monkeypatch.setattr("profiler.session.connection.MAX_COPIED_BYTES", 50_000)
    with pytest.raises(EnvironmentFault, match="earlier session format and larger than"):
        SessionReader.open(path)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE request",
        "ALTER TABLE run RENAME COLUMN specification TO spec",
        "ALTER TABLE cell RENAME COLUMN kv_unified TO unified",
        "DROP TABLE event",
        "UPDATE run SET specification = '{'",
        "UPDATE run SET specification = '[]'",
        "UPDATE run SET specification = '{\"load\": 5}'",
        "UPDATE run SET specification = CAST(x'ff' AS TEXT)",
        "UPDATE run SET specification = replace(specification, '0.5', 'NaN')",
        "UPDATE run SET specification = printf('%.*c', 200000, '[')",
        "UPDATE cell SET configuration = '5'",
        "UPDATE cell SET status = x'00'",
        "ALTER TABLE chunk RENAME COLUMN codec TO packing",
        "UPDATE cell SET concurrency = 'many'",
        "UPDATE request SET due_ns = 'soon'",
        "UPDATE figure SET value = 'fast'",
        "UPDATE meta SET value = '[' WHERE key = 'plan'",
        "CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM chunk; END",
    ],
)
def test_damage_is_told_and_left_alone(path, statement):
    _altered(path, statement)
    before = path.read_bytes()
    with pytest.raises(BadFile, match=r"damaged|triggers"):
        SessionReader.open(path)
    assert path.read_bytes() == before
    dump = _dump(path)
    with pytest.raises(BadFile, match=r"damaged|triggers"):
        SessionWriter.open(path)
    assert _version(path) == 1
    assert _dump(path) == dump


@pytest.mark.parametrize("kind", ["TABLE run_metrics (x)", "TABLE before (x)", "INDEX before ON run (status)"])
def test_names_of_a_strangers_own(path, kind):
    """What lies in the way of a view is told; a name that the way forward uses for itself is no trouble."""
    _altered(path, "DROP VIEW run_metrics", f"CREATE {kind}")
    if "run_metrics" in kind:
        with pytest.raises(BadFile, match="damaged"):
            SessionReader.open(path)
    else:
        with SessionReader.open(path) as reader:
            _assert_all_is_there(reader)


def test_flipped_bytes_never_surprise(path, tmp_path):
    content = path.read_bytes()
    random = np.random.default_rng(1)
    other = tmp_path / "flipped.inferometer"
    for _ in range(60):
        damaged = bytearray(content)
        for position in random.integers(0, len(damaged), random.choice((1, 8))):
            damaged[position] ^= 1 << random.integers(0, 8)
        other.write_bytes(damaged)
        try:
            with SessionReader.open(other) as reader:
                reader.cells(), reader.runs(), reader.run_data(1)
        except BadFile:
            pass
