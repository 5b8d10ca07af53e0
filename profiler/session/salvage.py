"""Saves what can be read of a damaged session file into a new one: table by table, row by row.

The damaged file is opened as one that nobody changes, so that not a byte of it is touched; its write-ahead log, where one lies
beside it, is read from a copy. Only our own tables are read, by their names and columns, with our own statements: triggers and
views that someone planted are never looked at. A page that cannot be read ends a walk through a table; it is begun again from
the other end, and by halves between the two, so that a bad page costs the rows that lie on it.
"""

import heapq
import itertools
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from profiler.errors import BadFile, EnvironmentFault, UnusableArguments
from profiler.session import chunks, migrations, schema
from profiler.session.claim import is_claimed
from profiler.session.connection import MAX_VALUE_BYTES
from profiler.session.faults import sorted_faults
from profiler.session.new_file import insertion
from profiler.session.sweep_log import REPAIRED
from profiler.session.typed_values import typed

_MOST_PROBLEMS = 100
_LARGEST_ROWID = 2**63 - 1
_WIDEST = 1 << 24
"""A stretch of more numbers than that, neither end of which can be read, is not looked through."""

_HURT = "A part of its raw data was lost with a damaged file."
_PROBES = 4000
"""Looks at a table's gaps; what is not found by then is given up, so that endless damage does not take endless time."""


@dataclass(frozen=True, slots=True)
class TableSalvage:
    """What became of one table.

    Attributes:
        saved: rows that are in the new file.
        refused: rows that could be read and are no rows of a session.
        is_whole: every page of the table could be read.
    """

    table: str
    saved: int
    refused: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was saved of a file and what was lost.

    Attributes:
        problems: what SQLite's own check found, at most 100 lines; empty when it found nothing.
        tables: in the schema's order.
        chunks_lost: chunks of raw rows that were read and cannot be unpacked.
        runs_hurt: finished runs that lost raw rows; they are partial in the new file.
        missing_chunks: gaps in the runs' sequences of chunks: each is a stretch of tokens, steps or samples that is gone.
    """

    source: Path
    target: Path
    problems: tuple[str, ...]
    tables: tuple[TableSalvage, ...]
    chunks_lost: int = 0
    missing_chunks: int = 0
    runs_hurt: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost."""
        return (
            not self.chunks_lost and not self.missing_chunks and all(each.is_whole and not each.refused for each in self.tables)
        )

    @property
    def sentence(self) -> str:
        """What a person needs to know."""
        rows = sum(each.saved for each in self.tables)
        if self.is_whole:
            return f"Everything in {self.source} could be read; {self.target} holds all of its {rows} rows."
        hurt = [each.table for each in self.tables if not each.is_whole or each.refused]
        where = f"something is lost of {', '.join(hurt)}" if hurt else "no table has a gap"
        gone = self.chunks_lost + self.missing_chunks
        raw = f"; {gone} stretch{'es' if gone != 1 else ''} of raw data {'are' if gone != 1 else 'is'} gone" if gone else ""
        return f"{rows} rows of {self.source} are saved in {self.target}; {where}{raw}. The original is untouched."


@dataclass
class _Tally:
    saved: int = 0
    refused: int = 0
    is_whole: bool = True
    lost_chunks: int = 0
    seen: set[int] = field(default_factory=set)


def integrity_problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    """What `PRAGMA integrity_check` finds, at most 100 lines; empty when the file is sound."""
    try:
        found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})")]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return (str(error),)
    return () if found == ["ok"] else tuple(found)


def salvage(source: Path, target: Path) -> Salvage:
    """Write what can be read of `source` to the new file `target`.

    Raises:
        UnusableArguments: the target exists.
        BadFile: the source is no session, or its head is so damaged that nothing of it can be found.
        EnvironmentFault: the source cannot be read or is being written, or the target not written.
    """
    if target.exists():
        raise UnusableArguments(f"{target} exists already; choose another name with -o.")
    if not source.is_file():
        raise EnvironmentFault(f"{source} does not exist.")
    if is_claimed(source):
        raise EnvironmentFault(f"{source} is being written by another Inferometer; wait until that ends.")
    with _untouched(source) as damaged:
        problems = integrity_problems(damaged)
        try:
            with sorted_faults(target), closing(sqlite3.connect(target, isolation_level=None)) as copy:
                copy.execute("BEGIN")
                schema.create(copy)
                tables, lost = _save_tables(damaged, source, copy)
                missing, hurt = _lost(copy)
                result = Salvage(source, target, problems, tuple(tables), lost, missing, tuple(hurt))
                _tell(copy, result)
                copy.execute("COMMIT")
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return result


@contextmanager
def _untouched(source: Path) -> Iterator[sqlite3.Connection]:
    """The file for reading, never written: as it lies there, or from a copy together with its write-ahead log."""
    log = source.with_name(source.name + "-wal")
    with tempfile.TemporaryDirectory() as folder:
        path = source
        if log.exists() and log.stat().st_size:
            path = Path(folder) / "session"
            try:
                shutil.copyfile(source, path)
                shutil.copyfile(log, path.with_name("session-wal"))
            except OSError as error:
                raise EnvironmentFault(f"{source} cannot be copied to {folder} ({error.strerror}); free some space.") from error
        address = path.absolute().as_uri() + ("?immutable=1" if path is source else "?mode=rw")
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.text_factory = lambda data: data.decode(errors="replace")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            with sorted_faults(source):
                for setting in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "query_only = ON"):
                    connection.execute(f"PRAGMA {setting}").fetchall()
                _identify(connection, source)
            yield connection


def _identify(connection: sqlite3.Connection, source: Path) -> None:
    """Raise BadFile unless the file says that it is a session and its list of tables can be read."""
    version = migrations.identify(connection, source)
    if version > schema.SCHEMA_VERSION:
        raise BadFile(migrations.newer_version_sentence(source, version))
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()


def _save_tables(damaged: sqlite3.Connection, source: Path, copy: sqlite3.Connection) -> tuple[list[TableSalvage], int]:
    version = migrations.identify(damaged, source)
    saved, lost = [], 0
    if version < schema.SCHEMA_VERSION:
        raise BadFile(
            f"{source} is damaged and of an earlier session format, {version}; only files of format {schema.SCHEMA_VERSION} "
            "can be repaired. Open a copy of it if you have one."
        )
    real = {name for (name,) in damaged.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")}
    for table in schema.TABLES:
        tally = _Tally()
        if table.name in real:
            _save_table(damaged, table, copy, tally)
        else:
            tally.is_whole = False
        saved.append(TableSalvage(table.name, tally.saved, tally.refused, tally.is_whole))
        lost += tally.lost_chunks
    return saved, lost


def _save_table(damaged: sqlite3.Connection, table: schema.Table, copy: sqlite3.Connection, tally: _Tally) -> None:
    names = [column.name for column in table.columns]
    insert = insertion(table.name, names)
    if "WITHOUT ROWID" in table.options:
        rows = _keyed_rows(damaged, table.name, names, tally)
    else:
        insert = insertion(table.name, ["rowid", *names]) if not _has_rowid_key(table) else insert
        rows = _numbered_rows(damaged, table.name, names, tally, with_rowid=not _has_rowid_key(table))
    for row in rows:
        if table.name == "chunk" and not _is_sound_chunk(dict(zip(names, row[1:], strict=True))):
            tally.lost_chunks += 1
            continue
        try:
            copy.execute(insert, row)
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError):
            tally.refused += 1
        else:
            tally.saved += 1


def _has_rowid_key(table: schema.Table) -> bool:
    """Whether the rowid is one of the table's own columns."""
    return any(column.is_key and column.kind == "integer" for column in table.columns)


def _numbered_rows(
    damaged: sqlite3.Connection, table: str, names: Sequence[str], tally: _Tally, *, with_rowid: bool
) -> Iterator[tuple[Any, ...]]:
    """Rows by their rowid: upwards until a page cannot be read, downwards likewise, then what lies between, by halves."""
    stretches = [(_LARGEST_ROWID, 1, _LARGEST_ROWID)]  # (width, first, last): the narrowest is looked at first
    for _ in range(_PROBES):
        if not stretches:
            return
        _, low, high = heapq.heappop(stretches)
        found: list[int] = []
        for order in ("ASC", "DESC"):
            first, last = (low, high) if order == "ASC" else (max([low - 1, *found]) + 1, high)
            is_whole, end = True, first if order == "ASC" else last
            for row in _walk(damaged, table, names, (first, last), order):
                if row is None:
                    is_whole = tally.is_whole = False
                elif row[0] not in tally.seen:
                    tally.seen.add(row[0])
                    end = row[0]
                    yield row if with_rowid else row[1:]
            if is_whole:
                break
            if order == "ASC":
                found.append(end)
            else:
                _push_halves(stretches, max([low - 1, *found]) + 1, end - 1 if end != last else last)
    tally.is_whole = tally.is_whole and not stretches


def _walk(
    damaged: sqlite3.Connection, table: str, names: Sequence[str], between: tuple[int, int], order: str
) -> Iterator[tuple[Any, ...] | None]:
    """Rows with a rowid between the two, in that direction; None at last when a page could not be read."""
    columns = ", ".join(["rowid", *names])
    sql = f"SELECT {columns} FROM {table} NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid {order}"
    yield from _as_far_as_it_goes(damaged, sql, between)


def _as_far_as_it_goes(damaged: sqlite3.Connection, sql: str, values: tuple[Any, ...]) -> Iterator[tuple[Any, ...] | None]:
    try:
        with closing(damaged.cursor()) as cursor:
            yield from cursor.execute(sql, values)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        yield None


def _push_halves(stretches: list[tuple[int, int, int]], low: int, high: int) -> None:
    """Both halves of what neither end gave; a stretch that is endless is cut into ones that double, and the widest given up."""
    if low > high or (low == high and high != _LARGEST_ROWID):
        return
    if high - low >= _WIDEST:
        if high == _LARGEST_ROWID:
            bounds = [low + (1 << power) - 1 for power in range(_WIDEST.bit_length() + 1)]
            for first, last in itertools.pairwise(bounds):
                heapq.heappush(stretches, (last - first, first, last - 1))
        return
    middle = (low + high) // 2
    heapq.heappush(stretches, (middle - low + 1, low, middle))
    heapq.heappush(stretches, (high - middle, middle + 1, high))


def _keyed_rows(damaged: sqlite3.Connection, table: str, names: Sequence[str], tally: _Tally) -> Iterator[tuple[Any, ...]]:
    """Rows of table request, run by run, each upwards and downwards."""
    columns, key = ", ".join(names), names.index("request")
    for run_id in _numbers(damaged, "run", "run_id", tally):
        seen: set[object] = set()
        for order in ("ASC", "DESC"):
            is_whole = True
            sql = f"SELECT {columns} FROM {table} WHERE run_id = ? ORDER BY request {order}"
            for row in _as_far_as_it_goes(damaged, sql, (run_id,)):
                if row is None:
                    is_whole = tally.is_whole = False
                elif row[key] not in seen:
                    seen.add(row[key])
                    yield row
            if is_whole:
                break


def _numbers(damaged: sqlite3.Connection, table: str, key: str, tally: _Tally) -> list[int]:
    """The keys of a table as far as they can be read."""
    inner = _Tally()
    rows = _numbered_rows(damaged, table, [key], inner, with_rowid=True)
    found = sorted({row[0] for row in rows})
    tally.is_whole = tally.is_whole and inner.is_whole
    return found


def _is_sound_chunk(row: dict[str, Any]) -> bool:
    try:
        chunk = typed(chunks.Chunk, {name: row[name] for name in ("rows", "codec", "unpacked_bytes", "data")})
        if row["kind"] == "samples":
            chunks.chunk_samples(chunk)
        else:
            chunks.chunk_rows("token" if row["kind"] == "token" else "step", chunk)
    except (ValueError, KeyError, OverflowError):
        return False
    return row["kind"] in ("token", "step", "samples")


def _lost(copy: sqlite3.Connection) -> tuple[int, list[int]]:
    """Chunks that are missing, and the finished runs whose raw rows are not whole any more.

    A run's chunks are numbered without a gap, and it has as many tokens as its requests got.
    """
    gaps = copy.execute("SELECT run_id, max(sequence) + 1 - count(*) FROM chunk GROUP BY run_id, kind").fetchall()
    missing = sum(max(0, number) for _, number in gaps)
    hurt = {run_id for run_id, number in gaps if number > 0}
    tokens = "SELECT total(rows) FROM chunk WHERE chunk.run_id = run.run_id AND kind = 'token'"
    got = "SELECT total(output_tokens) FROM request WHERE request.run_id = run.run_id"
    hurt |= {run_id for (run_id,) in copy.execute(f"SELECT run_id FROM run WHERE ({tokens}) <> ({got})")}
    done = {run_id for (run_id,) in copy.execute("SELECT run_id FROM run WHERE status = 'done'")}
    return missing, sorted(hurt & done)


def _tell(copy: sqlite3.Connection, result: Salvage) -> None:
    """Runs that have lost something are no longer whole, and the file says what happened to it."""
    for run_id in result.runs_hurt:
        copy.execute("UPDATE run SET status = 'partial', reason = ? WHERE run_id = ?", (_HURT, run_id))
        copy.execute("DELETE FROM figure WHERE run_id = ?", (run_id,))
    if result.runs_hurt:
        marks = ", ".join("?" * len(result.runs_hurt))
        copy.execute(
            "UPDATE cell SET status = 'partial', reason = ? WHERE status = 'done' AND cell_id IN "
            f"(SELECT cell_id FROM run WHERE run_id IN ({marks}))",
            (_HURT, *result.runs_hurt),
        )
    event = {
        "utc": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "kind": REPAIRED,
        "sentence": result.sentence.replace(str(result.source), result.source.name).replace(str(result.target), "this file"),
        "data": json.dumps({"runs_hurt": list(result.runs_hurt), "is_whole": result.is_whole}),
    }
    copy.execute(insertion("event", event), tuple(event.values()))
