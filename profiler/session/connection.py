"""How a session file is opened: for its one writer, and for readers that must not change or trust it."""

import sqlite3
from pathlib import Path

from profiler.errors import BadFile, EnvironmentFault
from profiler.session.faults import primary_code, sorted_faults

_WRITER_TIMEOUT_S = 2.0
"""How long a reader may hold up the writer, which is only in its way when the writer closes the file."""

_READER_TIMEOUT_S = 5.0

_FOR_WRITING = ("foreign_keys = ON", "trusted_schema = OFF", "journal_mode = WAL", "synchronous = FULL")
_FOR_READING = ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "query_only = ON")


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, so that transactions begin and end where its user says; raises EnvironmentFault."""
    with sorted_faults(path):
        return _connection(f"{path.absolute().as_uri()}?mode=rw", _FOR_WRITING, _WRITER_TIMEOUT_S)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection; raises BadFile or EnvironmentFault.

    A file that was closed while someone read it still expects a write-ahead log beside it, and SQLite cannot make one in a
    folder that is read-only. When there is none to be read, such a file is whole and opens as one that nobody changes.
    """
    log = path.with_name(path.name + "-wal")
    address = path.absolute().as_uri()
    with sorted_faults(path):
        try:
            return _connection(f"{address}?mode=ro", _FOR_READING, _READER_TIMEOUT_S)
        except sqlite3.OperationalError as error:
            if primary_code(error) == sqlite3.SQLITE_ERROR:
                raise BadFile(f"{path} is damaged, or of a kind that SQLite {sqlite3.sqlite_version} does not know.") from error
            if primary_code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if not log.exists() or log.stat().st_size == 0:
                return _connection(f"{address}?immutable=1", _FOR_READING, _READER_TIMEOUT_S)
    raise EnvironmentFault(
        f"{path} was not closed by its writer, and its folder is read-only; "
        f"copy it and {log.name} to another folder and open it there."
    )


def _connection(address: str, settings: tuple[str, ...], timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None)
    try:
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # the first look at the file itself
    except BaseException:
        connection.close()
        raise
    return connection
