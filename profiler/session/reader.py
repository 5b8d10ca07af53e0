"""Reads a session file, also while it is written or after its writer died. The file is untrusted: nothing in it is executed."""

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile, EnvironmentFault
from profiler.records.run_record import (
    CellRecord,
    CellStatus,
    ClassFigures,
    Figures,
    ModelRecord,
    RunRecord,
    RunStatus,
    SessionEvent,
)
from profiler.records.timing import COLUMN_DTYPES, RunData, Samples, no_rows
from profiler.session import chunks, migrations, rows, schema
from profiler.session.claim import is_claimed
from profiler.session.connection import connect_for_reading, copy_brought_forward
from profiler.session.faults import repair_remedy, sorted_faults
from profiler.session.typed_values import from_json, typed

Record = TypeVar("Record")


@dataclasses.dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests of a cell's valid runs, each counted once: `failed` were broken off by an error."""

    completed: int
    failed: int
    refused: int
    timed_out: int
    unfinished: int


@dataclasses.dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of a cell's valid runs: prompt tokens of requests that got a first token, those of them that were cached, output."""

    prompt: int
    cached: int
    output: int


class SessionReader:
    """A session file, read-only; a context manager for one thread. Made by `open`.

    A file of an earlier version is read from a copy in memory that was brought forward: it shows the moment of opening.

    Every method raises BadFile or EnvironmentFault with a sentence when the file cannot be read.

    Attributes:
        path: the file.
        notice: a sentence for the user when the file is from a newer version and perhaps not read whole, else empty.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.notice = ""
        self._connection = connection
        self._connection.row_factory = sqlite3.Row

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a session file for reading.

        Raises:
            BadFile: it is no session file, it is damaged, or too new to be read at all.
            EnvironmentFault: it is not there or may not be read.
        """
        if path.is_dir():
            raise BadFile(f"{path} is a folder, not an Inferometer session.")
        if not path.exists():
            raise EnvironmentFault(f"{path} does not exist.")
        connection = connect_for_reading(path)
        try:
            with sorted_faults(path):
                version = migrations.identify(connection, path)
                if version < schema.SCHEMA_VERSION:
                    with closing(connection):
                        connection = copy_brought_forward(connection, path)
                else:
                    migrations.check_shape(connection, path, version)
        except BaseException:
            connection.close()
            raise
        reader = cls(path, connection)
        if version > schema.SCHEMA_VERSION:
            reader.notice = migrations.newer_version_sentence(path, version)
        return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._connection.close()

    def meta(self) -> dict[str, str]:
        """All facts of the whole session by key."""
        return self._pairs("meta", "key")

    def tags(self) -> dict[str, str]:
        """The user's labels."""
        return self._pairs("tag", "name")

    def title(self) -> str:
        """The user's words for this session."""
        return self.meta().get("title", "")

    def created_utc(self) -> str:
        """When it was made, ISO 8601."""
        return self.meta().get("created_utc", "")

    def plan(self) -> dict[str, Any]:
        """The document of the plan."""
        return self._meta_document("plan")

    def machine(self) -> dict[str, Any]:
        """The document of the machine's fingerprint."""
        return self._meta_document("machine")

    def models(self) -> list[ModelRecord]:
        """All models in the order they were added."""
        return self._records("model", rows.model_record)

    def cells(self) -> list[CellRecord]:
        """All cells in their order; one that its writer left in the middle of a run is partial."""
        cells = self._records("cell", rows.cell_record)
        if is_claimed(self.path):
            return cells
        begun = {run.cell_id for run in self.runs()}
        return [
            dataclasses.replace(cell, status=CellStatus.PARTIAL)
            if cell.status is CellStatus.PENDING and cell.cell_id in begun
            else cell
            for cell in cells
        ]

    def runs(self, cell_id: int | None = None) -> list[RunRecord]:
        """All runs, or a cell's, in their order; one that was under way when its writer died is partial."""
        runs = self._records("run", rows.run_record)
        if cell_id is not None:
            runs = [run for run in runs if run.cell_id == cell_id]
        if is_claimed(self.path):
            return runs
        return [
            dataclasses.replace(run, status=RunStatus.PARTIAL, reason=rows.INTERRUPTED)
            if run.status is RunStatus.RUNNING
            else run
            for run in runs
        ]

    def run_seconds(self) -> dict[int, float]:
        """How long each run took by the wall clock, by its number; those are missing of which that is not known."""
        found = self._query("SELECT run_id, start_utc, end_utc FROM run", ())
        with self._sound("run"):
            taken = {typed(int, number): _seconds_between(start, end) for number, start, end in found}
        return {number: seconds for number, seconds in taken.items() if seconds is not None}

    def events(self) -> list[SessionEvent]:
        """What happened, in its order."""
        return self._records("event", rows.event_record)

    def run_figures(self, run_id: int) -> Figures | None:
        """A run's figures, every metric by name; None when it has none."""
        return self._figures("run_id = ?", run_id)[0]

    def run_class_figures(self, run_id: int) -> ClassFigures:
        """The figures of each class of a run's requests; empty for a load of one class."""
        return self._class_figures("run_id = ?", run_id)

    def cell_figures(self, cell_id: int) -> tuple[Figures | None, rows.Intervals]:
        """A cell's figures over its valid runs, None when it has none, and their 95 % intervals."""
        return self._figures("cell_id = ? AND run_id IS NULL", cell_id)

    def cell_class_figures(self, cell_id: int) -> ClassFigures:
        """The figures of each class of requests over a cell's valid runs; empty for a load of one class."""
        return self._class_figures("cell_id = ? AND run_id IS NULL", cell_id)

    def request_counts(self, cell_id: int) -> RequestCounts:
        """How the requests of a cell's valid runs ended."""
        found = self._query(f"SELECT request.status, count(*) {_REQUESTS_OF_VALID_RUNS} GROUP BY request.status", (cell_id,))
        none = {field.name: 0 for field in dataclasses.fields(RequestCounts)}
        with self._sound("request"):
            counts = {typed(str, status): count for status, count in found}
            if counts.keys() - none:
                raise ValueError(f"a request's status is {min(counts.keys() - none)[:40]!r}")
        return RequestCounts(**none | counts)

    def token_counts(self, cell_id: int) -> TokenCounts:
        """Tokens that a cell's valid runs read and wrote."""
        sums = (
            "total(CASE WHEN first_token_ns IS NOT NULL THEN prompt_tokens END), "
            "total(CASE WHEN first_token_ns IS NOT NULL THEN cached_tokens END), total(output_tokens)"
        )
        (row,) = self._query(f"SELECT {sums} {_REQUESTS_OF_VALID_RUNS}", (cell_id,))
        with self._sound("request"):
            return TokenCounts(*(int(total) for total in row))

    def run_data(self, run_id: int) -> RunData:
        """All raw data of a run; arrays are empty where it has none."""
        samples = chunks.joined_samples(list(self.sample_chunks(run_id)))
        return RunData(self.requests(run_id), self._joined(run_id, "token"), self._joined(run_id, "step"), samples)

    def requests(self, run_id: int) -> NDArray[Any]:
        """A run's requests in the order of their numbers, as rows of REQUEST_DTYPE."""
        columns = ", ".join(rows.REQUEST_COLUMNS)
        found = self._query(f"SELECT {columns} FROM request WHERE run_id = ? ORDER BY request", (run_id,))
        with self._sound("request"):
            return rows.request_array([tuple(row) for row in found], self._class_names(run_id))

    def row_chunks(self, run_id: int, kind: Literal["token", "step"]) -> Iterator[NDArray[Any]]:
        """A run's tokens or steps in the order of their time, chunk by chunk, so that a long run need not fit in memory."""
        for chunk in self._chunks(run_id, kind):
            with self._sound("chunk"):
                rows_of_chunk = chunks.chunk_rows(kind, chunk)
            yield rows_of_chunk

    def sample_chunks(self, run_id: int) -> Iterator[Samples]:
        """A run's telemetry in the order of its time, chunk by chunk; channels may differ between them."""
        for chunk in self._chunks(run_id, "samples"):
            with self._sound("chunk"):
                samples = chunks.chunk_samples(chunk)
            yield samples

    def _class_names(self, run_id: int) -> tuple[str, ...]:
        return next((rows.class_names(run.specification) for run in self._records("run", rows.run_record, run_id)), ())

    def _joined(self, run_id: int, kind: Literal["token", "step"]) -> NDArray[Any]:
        return np.concatenate([no_rows(COLUMN_DTYPES[kind]), *self.row_chunks(run_id, kind)])

    def _chunks(self, run_id: int, kind: chunks.ChunkKind) -> Iterator[chunks.Chunk]:
        identity = (run_id, kind)
        numbers = self._query("SELECT sequence FROM chunk WHERE run_id = ? AND kind = ? ORDER BY sequence", identity)
        for (number,) in numbers:
            found = self._query(
                "SELECT rows, codec, unpacked_bytes, data FROM chunk WHERE run_id = ? AND kind = ? AND sequence = ?",
                (*identity, number),
            )
            with self._sound("chunk"):
                chunk = typed(chunks.Chunk, dict(found[0]))
            yield chunk

    def _figures(self, condition: str, identity: int) -> tuple[Figures | None, rows.Intervals]:
        found = self._query(
            f"SELECT metric, statistic, value FROM figure WHERE {condition} AND class = ?", (identity, schema.ALL_CLASSES)
        )
        with self._sound("figure"):
            return rows.figures_and_intervals(tuple(row) for row in found)

    def _class_figures(self, condition: str, identity: int) -> ClassFigures:
        sql = f"SELECT class, metric, statistic, value FROM figure WHERE {condition} AND class <> ? ORDER BY rowid"
        found = self._query(sql, (identity, schema.ALL_CLASSES))
        with self._sound("figure"):
            return rows.class_figures(tuple(row) for row in found)

    def _pairs(self, table: str, key: str) -> dict[str, str]:
        with self._sound(table):
            return {typed(str, name): typed(str, value) for name, value in self._query(f"SELECT {key}, value FROM {table}", ())}

    def _meta_document(self, key: str) -> dict[str, Any]:
        with self._sound("meta"):
            return dict(typed(dict, from_json(self.meta().get(key, "{}"))))

    def _records(self, table: str, record: Callable[[Mapping[str, object]], Record], identity: int | None = None) -> list[Record]:
        """All records of a table, or the one of that number."""
        condition = "" if identity is None else f"WHERE {table}_id = ?"
        found = self._query(f"SELECT * FROM {table} {condition} ORDER BY {table}_id", () if identity is None else (identity,))
        with self._sound(table):
            return [record(dict(row)) for row in found]

    def _query(self, sql: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with sorted_faults(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _sound(self, table: str) -> Iterator[None]:
        """What does not fit our records becomes a sentence about the file."""
        try:
            yield
        except (ValueError, OverflowError) as error:
            reason = str(error).rstrip(".")
            raise BadFile(
                f"{self.path} is damaged: a row of its table {table} cannot be read ({reason}). {repair_remedy(self.path)}"
            ) from error


def _seconds_between(start_utc: object, end_utc: object) -> float | None:
    """None where an instant is missing or unreadable, or the clock was set back between them."""
    try:
        seconds = (datetime.fromisoformat(str(end_utc)) - datetime.fromisoformat(str(start_utc))).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds >= 0 else None


_REQUESTS_OF_VALID_RUNS = (
    "FROM request JOIN run ON run.run_id = request.run_id WHERE run.cell_id = ? AND run.status = 'done' AND run.is_valid = 1"
)
