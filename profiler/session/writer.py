"""Writes a session file while a sweep runs: what is committed survives a killed process, a crash and a full disk.

One commit a second; a run's tokens, steps and samples are gathered in between and written as chunks. `tick` is to be called
several times a second, also while nothing arrives. A writer belongs to one thread.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from profiler import __version__
from profiler.clock import now_ns
from profiler.errors import BadFile, EnvironmentFault, UnusableArguments
from profiler.records.run_record import CellRecord, ClassFigures, Figures, ModelRecord, RunRecord, RunStatus, SessionEvent
from profiler.records.timing import COLUMN_DTYPES, REQUEST_DTYPE, Samples
from profiler.session import chunks, migrations, rows, schema
from profiler.session.claim import Claim
from profiler.session.connection import connect_for_reading, connect_for_writing
from profiler.session.faults import sorted_faults
from profiler.session.new_file import insertion, make_file

COMMIT_PERIOD_NS = 1_000_000_000
PERCENTILE_METHOD = "nearest rank on raw values"


class SessionWriter:
    """The one writer of a session file; a context manager. Made by `create` or `open`.

    Every method raises EnvironmentFault with a sentence when the disk or the file stands in the way. What was committed stays,
    and nothing more is written: each further call raises the same, but for `close`.
    """

    def __init__(self, path: Path, claim: Claim, connection: sqlite3.Connection, clock: Callable[[], int]) -> None:
        self.path = path
        self._claim = claim
        self._connection = connection
        self._clock = clock
        self._committed_ns = clock()
        self._pending_rows: defaultdict[tuple[int, Literal["token", "step"]], list[NDArray[Any]]] = defaultdict(list)
        self._pending_samples: defaultdict[int, list[Samples]] = defaultdict(list)
        self._sequences: dict[tuple[int, str], int] = {}
        self._class_names: dict[int, tuple[str, ...]] = {}
        self._fault: EnvironmentFault | None = None
        self._is_open = True
        self._identity = _identity(path)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        plan: dict[str, Any],
        machine: dict[str, Any],
        title: str = "",
        force: bool = False,
        clock: Callable[[], int] = now_ns,
    ) -> Self:
        """Make a new session file and open it for writing.

        Args:
            path: where; its folder exists.
            plan: the document of a `plan.Plan`.
            machine: the document of a `records.fingerprint.Fingerprint`.
            title: the user's words for this session.
            force: replace an existing file.
            clock: monotonic nanoseconds, for the commit period.

        Raises:
            UnusableArguments: the file exists and `force` is not set.
            EnvironmentFault: it cannot be written there, or another process is writing it.
        """
        if path.is_dir():
            raise UnusableArguments(f"{path} is a folder; name a file in it.")
        claim = Claim.take(path)
        try:
            if path.exists() and not force:
                raise UnusableArguments(f"{path} exists; choose another name, or use --force to replace it.")
            meta = {
                "title": title,
                "notes": "",
                "created_utc": _utc_now(),
                "app_version": __version__,
                "plan": json.dumps(plan, allow_nan=False),
                "machine": json.dumps(machine, allow_nan=False),
                "percentile_method": PERCENTILE_METHOD,
            }
            make_file(path, meta)
            connection = connect_for_writing(path)
        except BaseException:
            claim.release()
            raise
        return cls(path, claim, connection, clock)

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], int] = now_ns) -> Self:
        """Open an existing session file to go on writing it; runs that were under way when its writer died become partial.

        Raises:
            BadFile: it is no session file, damaged, or from a newer version.
            EnvironmentFault: it cannot be written, or another process is writing it.
        """
        if not path.is_file():
            raise EnvironmentFault(f"{path} does not exist.")
        claim = Claim.take(path)
        try:
            _refuse_unwritable(path)
            connection = connect_for_writing(path)
        except BaseException:
            claim.release()
            raise
        writer = cls(path, claim, connection, clock)
        try:
            writer._go_on()
        except BaseException:
            writer._let_go()
            raise
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def add_model(self, model: ModelRecord) -> None:
        """Keep a model of the session."""
        self._insert("model", rows.model_row(model))

    def update_model(self, model: ModelRecord) -> None:
        """Replace what is known of a model: its quality comes when it was measured."""
        self._update("model", "model_id", rows.model_row(model))

    def add_cell(self, cell: CellRecord) -> None:
        """Keep a cell of the sweep."""
        self._insert("cell", rows.cell_row(cell))

    def update_cell(self, cell: CellRecord) -> None:
        """Replace what is known of a cell: its status, reason, costs."""
        self._update("cell", "cell_id", rows.cell_row(cell))

    def start_run(self, run: RunRecord) -> None:
        """Keep a run that begins; raises ValueError when two of its classes of requests share a name."""
        names = rows.class_names(run.specification)
        self._insert("run", rows.run_row(run))
        self._class_names[run.run_id] = names

    def update_run(self, run: RunRecord) -> None:
        """Replace what is known of a run: anchor, facts, status, flags, reason, log. Its end is dated when it is told first."""
        self._update("run", "run_id", rows.run_row(run))
        if run.status is not RunStatus.RUNNING:
            self._execute("UPDATE run SET end_utc = ? WHERE run_id = ? AND end_utc IS NULL", (_utc_now(), run.run_id))

    def add_requests(self, run_id: int, requests: NDArray[Any]) -> None:
        """Keep requests that ended (or that never will), each once: rows of REQUEST_DTYPE, of a run that this writer started."""
        if requests.dtype != REQUEST_DTYPE:
            raise ValueError(f"not rows of requests: {requests.dtype}")
        if run_id not in self._class_names:
            raise ValueError(f"run {run_id} was not started")
        new_rows = rows.request_rows(requests, self._class_names[run_id])
        self._execute_many(insertion("request", ("run_id", *rows.REQUEST_COLUMNS)), ((run_id, *row) for row in new_rows))
        self.tick()

    def add_rows(self, run_id: int, kind: Literal["token", "step"], new_rows: NDArray[Any]) -> None:
        """Keep tokens or steps of a run in the order of their time: rows of TOKEN_DTYPE or STEP_DTYPE."""
        if new_rows.dtype != COLUMN_DTYPES[kind]:
            raise ValueError(f"not rows of kind {kind}: {new_rows.dtype}")
        if len(new_rows):
            pending = self._pending_rows[run_id, kind]
            pending.append(new_rows.copy())
            if sum(map(len, pending)) >= chunks.MAX_ROWS:
                self._write_chunks()
        self.tick()

    def add_samples(self, run_id: int, samples: Samples) -> None:
        """Keep telemetry of a run; times are since its origin."""
        if len(samples.times_ns):
            self._pending_samples[run_id].append(samples)
        self.tick()

    def set_run_figures(self, run_id: int, figures: Figures, classes: ClassFigures | None = None) -> None:
        """Replace a run's figures, and those of each class of its requests where it has several."""
        with sorted_faults(self.path):
            found = self._connection.execute("SELECT cell_id FROM run WHERE run_id = ?", (run_id,)).fetchone()
        if found is None:
            raise ValueError(f"there is no run {run_id}")
        self._set_figures(found[0], run_id, figures, {}, classes or {})

    def set_cell_figures(
        self, cell_id: int, figures: Figures, intervals: rows.Intervals, classes: ClassFigures | None = None
    ) -> None:
        """Replace a cell's figures over its valid runs, their intervals, and the figures of each class of its requests."""
        self._set_figures(cell_id, None, figures, intervals, classes or {})

    def add_event(self, event: SessionEvent) -> None:
        """Keep something that happened."""
        self._insert("event", rows.event_row(event))

    def set_meta(self, key: str, value: str) -> None:
        """Set a fact of the whole session."""
        self._set("meta", "key", key, value)

    def set_tag(self, name: str, value: str) -> None:
        """Set a label of the user's."""
        self._set("tag", "name", name, value)

    def remove_tag(self, name: str) -> None:
        """Take a label of the user's away; nothing happens where there is none of that name."""
        self._execute("DELETE FROM tag WHERE name = ?", (name,))
        self.tick()

    def tick(self) -> None:
        """Commit when a second has passed since the last commit."""
        passed_ns = self._clock() - self._committed_ns
        if passed_ns >= COMMIT_PERIOD_NS or passed_ns < 0:  # a clock that was set back would else put off the next commit
            self.flush()

    def flush(self) -> None:
        """Write what is gathered and commit now."""
        self._write_chunks()
        if self._connection.in_transaction:
            self._execute("COMMIT", ())
            self._refuse_removed()
        self._committed_ns = self._clock()

    def close(self) -> None:
        """Commit, gather everything into the one file and give it free; a second call does nothing.

        Raises:
            EnvironmentFault: the last second could not be saved. The file is closed all the same.
        """
        if not self._is_open:
            return
        try:
            if self._fault is None:
                self.flush()
        finally:
            self._become_one_file()
            self._let_go()

    def _refuse_removed(self) -> None:
        """A file that was removed or replaced takes in whatever is written, and nobody ever reads it."""
        if self._fault is None and self._identity != _identity(self.path):
            self._fault = EnvironmentFault(
                f"{self.path} was moved or removed while it was being written, so nothing more can be saved in it; "
                "if its disk was taken out, connect it again: what was saved before is there."
            )
            raise self._fault

    def _go_on(self) -> None:
        with sorted_faults(self.path):
            migrations.bring_forward(self._connection, self.path)
            found = self._connection.execute("SELECT run_id, kind, max(sequence) FROM chunk GROUP BY run_id, kind")
            self._sequences = {(run_id, kind): sequence + 1 for run_id, kind, sequence in found}
        self._execute("UPDATE run SET status = 'partial', reason = ? WHERE status = 'running'", (rows.INTERRUPTED,))
        self._execute("UPDATE cell SET status = 'partial' WHERE status = 'pending' AND cell_id IN (SELECT cell_id FROM run)", ())
        self.flush()

    def _let_go(self) -> None:
        self._is_open = False
        self._connection.close()
        self._claim.release()

    def _become_one_file(self) -> None:
        """Leave no file beside the session; a reader or a full disk can prevent it, then SQLite goes on with two."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite3.OperationalError:
            return

    def _write_chunks(self) -> None:
        """Write what is gathered as chunks; it stays gathered when that fails."""
        for (run_id, kind), parts in list(self._pending_rows.items()):
            self._insert_chunks(run_id, kind, chunks.row_chunks(np.concatenate(parts)))
            del self._pending_rows[run_id, kind]
        for run_id, samples in list(self._pending_samples.items()):
            self._insert_chunks(run_id, "samples", chunks.sample_chunks(chunks.joined_samples(samples)))
            del self._pending_samples[run_id]

    def _insert_chunks(self, run_id: int, kind: chunks.ChunkKind, new_chunks: Iterable[chunks.Chunk]) -> None:
        columns = ("run_id", "kind", "sequence", "rows", "codec", "unpacked_bytes", "data")
        first = self._sequences.get((run_id, kind), 0)
        new_rows = [
            (run_id, kind, sequence, chunk.rows, chunk.codec, chunk.unpacked_bytes, chunk.data)
            for sequence, chunk in enumerate(new_chunks, start=first)
        ]
        self._execute_many(insertion("chunk", columns), new_rows)
        self._sequences[run_id, kind] = first + len(new_rows)

    def _set_figures(
        self, cell_id: int, run_id: int | None, figures: Figures, intervals: rows.Intervals, classes: ClassFigures
    ) -> None:
        if schema.ALL_CLASSES in classes:
            raise ValueError("the figures of a class need its name")
        new_rows = [(cell_id, run_id, schema.ALL_CLASSES, *row) for row in rows.figure_rows(figures, intervals)]
        for name, of_class in classes.items():
            new_rows += [(cell_id, run_id, name, *row) for row in rows.figure_rows(of_class, {})]
        self._execute("DELETE FROM figure WHERE cell_id = ? AND run_id IS ?", (cell_id, run_id))
        self._execute_many(insertion("figure", ("cell_id", "run_id", "class", "metric", "statistic", "value")), new_rows)
        self.tick()

    def _insert(self, table: str, row: rows.Row) -> None:
        self._execute(insertion(table, row), tuple(row.values()))
        self.tick()

    def _update(self, table: str, key: str, row: rows.Row) -> None:
        assignments = ", ".join(f"{column} = ?" for column in row)
        if self._execute(f"UPDATE {table} SET {assignments} WHERE {key} = ?", (*row.values(), row[key])) != 1:
            raise ValueError(f"there is no {table} {row[key]}")
        self.tick()

    def _set(self, table: str, key_column: str, key: str, value: str) -> None:
        self._execute(f"INSERT OR REPLACE INTO {table} ({key_column}, value) VALUES (?, ?)", (key, value))
        self.tick()

    def _execute(self, sql: str, values: tuple[Any, ...]) -> int:
        """Execute within the open transaction; returns the number of rows changed."""
        with self._transaction():
            return self._connection.execute(sql, values).rowcount

    def _execute_many(self, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
        with self._transaction():
            self._connection.executemany(sql, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """The transaction of this second, begun when it is not yet; `flush` commits it."""
        if self._fault is not None:
            raise self._fault
        try:
            with sorted_faults(self.path):
                if not self._connection.in_transaction:
                    self._connection.execute("BEGIN IMMEDIATE")
                yield
        except EnvironmentFault as fault:
            # SQLite may have rolled back on its own; rows written on top of what is lost would not belong together.
            self._fault = fault
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _refuse_unwritable(path: Path) -> None:
    """Raise BadFile unless this is a session of a known version. It looks without writing: opening for writing changes a file."""
    with sorted_faults(path), closing(connect_for_reading(path)) as connection:
        version = migrations.identify(connection, path)
    if version > schema.SCHEMA_VERSION:
        raise BadFile(migrations.newer_version_sentence(path, version))


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
