import os
import random
import sqlite3
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from profiler.errors import BadFile, EnvironmentFault
from profiler.records.metric import METRICS
from profiler.records.run_record import CellStatus, RunStatus
from profiler.session.reader import RequestCounts, SessionReader, TokenCounts
from profiler.session.writer import SessionWriter


def _read_all(path):
    """Everything that a reader offers."""
    with SessionReader.open(path) as reader:
        reader.meta(), reader.tags(), reader.plan(), reader.machine(), reader.models(), reader.events()
        for cell in reader.cells():
            reader.cell_figures(cell.cell_id), reader.request_counts(cell.cell_id), reader.token_counts(cell.cell_id)
            reader.cell_class_figures(cell.cell_id)
        for run in reader.runs():
            reader.run_data(run.run_id), reader.run_figures(run.run_id), reader.run_class_figures(run.run_id)


@pytest.fixture
def altered(tmp_path, session_file):
    """A copy of the known session, changed by SQL as a stranger could."""

    def build(*statements):
        path = tmp_path / "altered.inferometer"
        path.write_bytes(session_file.read_bytes())
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)
        connection.close()
        return path

    return build


@contextmanager
def _as_ordinary_user():
    """Permissions bind, also when the tests run as root."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def public_folder():
    """A folder that any user can be given access to; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder
        folder.chmod(0o700)


def test_counts_hold_what_ran_in_valid_runs(session_file):
    with SessionReader.open(session_file) as reader:
        assert reader.request_counts(1) == RequestCounts(completed=3, failed=1, refused=1, timed_out=0, unfinished=0)
        assert reader.token_counts(1) == TokenCounts(prompt=48, cached=12, output=24)
        assert reader.request_counts(2) == RequestCounts(0, 0, 0, 0, 0)
        assert reader.request_counts(3) == RequestCounts(completed=3, failed=0, refused=0, timed_out=1, unfinished=0)
        assert reader.token_counts(2) == TokenCounts(0, 0, 0)


def test_figures_of_the_known_session(session_file):
    with SessionReader.open(session_file) as reader:
        figures, intervals = reader.cell_figures(1)
        assert figures["ttft_ms"]["p95"] == 42.5
        assert set(figures) == {metric.name for metric in METRICS}
        assert intervals == {"output_tok_s": (99.5, 106.5), "ttft_ms.p95": (40, 45)}
        assert reader.run_figures(4)["rss_peak_bytes"] == 150_000_000


def test_figures_and_requests_of_classes(session_file, records):
    with SessionReader.open(session_file) as reader:
        assert reader.cell_class_figures(3) == {
            "chat": records.figures(ttft_ms=5.5, output_tok_s=60.0),
            "paste": records.figures(ttft_ms=77.5),
        }
        assert list(reader.run_class_figures(5)) == ["chat", "paste"]
        assert reader.run_class_figures(5)["paste"]["ttft_ms"]["p95"] == 77.0
        assert reader.cell_figures(3)[0] == records.figures(ttft_ms=33.5)
        assert reader.cell_class_figures(1) == reader.run_class_figures(1) == {}
        assert reader.requests(5)["class"].tolist() == [0, 1, 0, 1]
        assert set(reader.requests(1)["class"]) == {0}


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF" + b"\xff" * 500, b"not a database" * 99, b"SQLite format 3\0" + b"\xff" * 4096],
    ids=["empty", "another format", "text", "only the magic"],
)
def test_other_files_are_told(tmp_path, content):
    path = tmp_path / "x.inferometer"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"is not an Inferometer session|is damaged"):
        SessionReader.open(path)


def test_another_programs_database_is_told(tmp_path):
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE cell (cell_id)")
    connection.close()
    with pytest.raises(BadFile, match="is not an Inferometer session"):
        SessionReader.open(path)


def test_nothing_and_a_folder_are_told(tmp_path):
    with pytest.raises(EnvironmentFault, match="does not exist"):
        SessionReader.open(tmp_path / "none.inferometer")
    with pytest.raises(BadFile, match="is a folder"):
        SessionReader.open(tmp_path)


def test_odd_names_are_no_trouble(tmp_path, session_file):
    path = tmp_path / "50 % of #1?mode=rw&ünï.inferometer"
    path.write_bytes(session_file.read_bytes())
    _read_all(path)


def test_reading_changes_nothing(tmp_path, session_file):
    path = tmp_path / "a.inferometer"
    path.write_bytes(session_file.read_bytes())
    _read_all(path)
    assert path.read_bytes() == session_file.read_bytes()
    assert list(tmp_path.iterdir()) == [path]
    with SessionReader.open(path) as reader, pytest.raises(sqlite3.OperationalError):
        reader._connection.execute("DELETE FROM meta")


def test_a_newer_file_is_read_as_far_as_it_is_known(altered):
    path = altered(
        "PRAGMA user_version = 4",
        "ALTER TABLE cell ADD COLUMN draft_model TEXT",
        "CREATE TABLE quality (model_id INTEGER)",
        "UPDATE run SET specification = json_set(specification, '$.load.draft_tokens', 4)",
        "INSERT INTO figure VALUES (1, NULL, '', 'from_the_future', 'value', 1)",
    )
    with SessionReader.open(path) as reader:
        assert "session format 4, this Inferometer knows 3" in reader.notice
        assert len(reader.cells()) == 3
        assert len(reader.runs()) == 5
        assert reader.cell_figures(1)[0]["output_tok_s"] == 103.0


def test_a_newer_file_without_what_we_know_is_told(altered):
    with pytest.raises(BadFile, match="session format 4, this Inferometer knows 3 and cannot read it"):
        SessionReader.open(altered("PRAGMA user_version = 4", "ALTER TABLE run RENAME COLUMN status TO state"))


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DROP TABLE event", "event"),
        ("ALTER TABLE chunk DROP COLUMN codec", "codec"),
        ("UPDATE meta SET value = '[1]' WHERE key = 'plan'", "meta"),
        ("UPDATE meta SET value = '{' WHERE key = 'machine'", "meta"),
        ("UPDATE meta SET value = x'00ff' WHERE key = 'title'", "meta"),
        ("UPDATE model SET parameters = 'many'", "model"),
        ("UPDATE model SET bits_per_weight = 9e999", "model"),
        ("UPDATE cell SET status = 'sleeping'", "cell"),
        ("UPDATE cell SET configuration = '{\"threads\": []}'", "cell"),
        ("UPDATE cell SET kv_bytes_per_token = NULL WHERE cell_id = 1", "cell"),
        ("UPDATE run SET specification = '{}'", "run"),
        ("UPDATE run SET specification = replace(specification, '\"paste\"', '\"chat\"')", "run"),
        ("UPDATE request SET class = 'lost' WHERE run_id = 5", "request"),
        ("UPDATE request SET class = x'00' WHERE run_id = 5", "request"),
        ("UPDATE request SET turn = 70000", "request"),
        ("UPDATE figure SET class = x'00' WHERE class = 'chat'", "figure"),
        ("UPDATE run SET facts = replace(facts, '3', '\"3\"')", "run"),
        ("UPDATE request SET due_ns = 'soon'", "request"),
        ("UPDATE request SET prompt_tokens = 9e999", "request"),
        ("UPDATE request SET status = 'lost'", "request"),
        ("UPDATE figure SET value = 9e999", "figure"),
        ("UPDATE figure SET value = 'fast'", "figure"),
        ("UPDATE event SET data = 'x'", "event"),
        ("UPDATE event SET utc = 5.5", None),
        ("UPDATE chunk SET data = zeroblob(30000000)", "chunk"),
        ("UPDATE chunk SET codec = 'pickle'", "chunk"),
        ("UPDATE chunk SET rows = 60000", "chunk"),
        ("UPDATE chunk SET rows = -1", "chunk"),
        ("UPDATE chunk SET unpacked_bytes = 1 << 60", "chunk"),
        ("UPDATE chunk SET kind = 'step', sequence = 9 WHERE kind = 'token'", "chunk"),
    ],
)
def test_strange_contents_are_told(altered, statement, complaint):
    path = altered(statement)
    if complaint is None:
        _read_all(path)  # SQLite keeps a number given to a TEXT column as text
        return
    with pytest.raises(BadFile, match=f"{path.name} is damaged: .*{complaint}"):
        _read_all(path)


@pytest.mark.parametrize(
    "replacement",
    [
        "CREATE VIEW event AS SELECT * FROM old_event",
        "CREATE VIRTUAL TABLE event USING fts5(event_id, utc, kind, sentence, cell_id, run_id, data)",
    ],
)
def test_a_table_that_is_none_is_refused(altered, replacement):
    """A view or a virtual table could run code of the file's choice on reading."""
    with pytest.raises(BadFile, match="event"):
        SessionReader.open(altered("ALTER TABLE event RENAME TO old_event", replacement))


def test_text_that_is_no_text_is_read_all_the_same(altered):
    path = altered("UPDATE meta SET value = CAST(x'41ff42' AS TEXT) WHERE key = 'title'")
    with SessionReader.open(path) as reader:
        assert reader.title() == "A\ufffdB"


def test_a_truncated_file_is_told(tmp_path, session_file):
    content = session_file.read_bytes()
    path = tmp_path / "short.inferometer"
    for share in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(BadFile):
            _read_all(path)


def test_a_damaged_page_is_told(tmp_path, session_file):
    content = bytearray(session_file.read_bytes())
    page_size = int.from_bytes(content[16:18])
    path = tmp_path / "damaged.inferometer"
    told = 0
    for page in range(1, len(content) // page_size):
        damaged = bytearray(content)
        damaged[page * page_size : (page + 1) * page_size] = b"\xa5" * page_size
        path.write_bytes(damaged)
        try:
            _read_all(path)
        except BadFile:
            told += 1
    assert told > len(content) // page_size // 2  # the others are pages of indexes and unused columns


def test_flipped_bytes_never_surprise(tmp_path, session_file):
    content = session_file.read_bytes()
    path = tmp_path / "flipped.inferometer"
    rng = random.Random(1)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 8))):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with suppress(BadFile):
            _read_all(path)


def test_a_read_only_folder_is_no_trouble(public_folder, records):
    """After a clean end; and after an end with a reader in the way, which leaves the file expecting a log beside it."""
    clean, disturbed = public_folder / "clean.inferometer", public_folder / "disturbed.inferometer"
    with SessionWriter.create(clean, plan={}, machine={}) as writer:
        writer.add_model(records.model)
    writer = SessionWriter.create(disturbed, plan={}, machine={})
    writer.add_model(records.model)
    with SessionReader.open(disturbed):
        writer.close()
    for leftover in ("-wal", "-shm"):
        disturbed.with_name(disturbed.name + leftover).unlink(missing_ok=True)
    public_folder.chmod(0o555)
    with _as_ordinary_user():
        for path in (clean, disturbed):
            with SessionReader.open(path) as reader:
                assert reader.models() == [records.model]
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            SessionWriter.open(clean)
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            SessionWriter.create(public_folder / "new.inferometer", plan={}, machine={})


def test_a_dead_writers_file_in_a_read_only_folder_is_not_shown_without_its_newest_rows(public_folder, tmp_path, records):
    path = tmp_path / "a.inferometer"
    copy = public_folder / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.flush()
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
    public_folder.chmod(0o555)
    with _as_ordinary_user(), pytest.raises(EnvironmentFault, match=r"copy it and a\.inferometer-wal to another folder"):
        SessionReader.open(copy)
    public_folder.chmod(0o777)
    with SessionReader.open(copy) as reader:
        assert reader.models() == [records.model]


def test_a_file_that_may_not_be_read_is_told(public_folder, session_file):
    path = public_folder / "private.inferometer"
    path.write_bytes(session_file.read_bytes())
    path.chmod(0)
    public_folder.chmod(0o755)
    with _as_ordinary_user(), pytest.raises(EnvironmentFault, match=r"private\.inferometer"):
        SessionReader.open(path)


def test_a_locked_file_is_told(tmp_path, session_file, monkeypatch):
    path = tmp_path / "a.inferometer"
    path.write_bytes(session_file.read_bytes())
    monkeypatch.setattr("profiler.session.connection._READER_TIMEOUT_S", 0.0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(EnvironmentFault, match="locked by another program"):
        SessionReader.open(path)
    other.close()


def test_a_run_left_by_a_dead_writer_is_partial(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
        writer.add_cell(records.cell(2))
        writer.start_run(records.run(1, 1))
    with SessionReader.open(path) as reader:
        assert [(run.status, run.reason) for run in reader.runs()] == [
            (RunStatus.PARTIAL, "The program that wrote this session ended before the run did.")
        ]
        assert [cell.status for cell in reader.cells()] == [CellStatus.PARTIAL, CellStatus.PENDING]


def test_raw_rows_chunk_by_chunk(session_file, records):
    with SessionReader.open(session_file) as reader:
        assert np.array_equal(np.concatenate(list(reader.row_chunks(4, "token"))), records.tokens(16))
        assert [len(part.times_ns) for part in reader.sample_chunks(4)] == [2]
