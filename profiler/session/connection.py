"""How a session file is opened: for its one writer, and for readers that must not change or trust it."""

import sqlite3
from pathlib import Path

from profiler.errors import BadFile, EnvironmentFault
from profiler.session import migrations
from profiler.session.faults import primary_code, sorted_faults

_WRITER_TIMEOUT_S = 2.0
"""How long a reader may hold up the writer, which is only in its way when the writer closes the file."""

_READER_TIMEOUT_S = 5.0

_FOR_WRITING = ("foreign_keys = ON", "trusted_schema = OFF", "journal_mode = WAL", "synchronous = FULL")
_QUERY_ONLY = "query_only = ON"
_FOR_READING = ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0")

MAX_COPIED_BYTES = 512 << 20
"""A larger file of an earlier version is not copied into memory."""

MAX_VALUE_BYTES = 64 << 20
"""No text or chunk is larger; SQLite refuses to allocate for one that claims to be."""


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
            return _distrustful(_connection(f"{address}?mode=ro", (*_FOR_READING, _QUERY_ONLY), _READER_TIMEOUT_S))
        except sqlite3.OperationalError as error:
            if primary_code(error) == sqlite3.SQLITE_ERROR:
                raise BadFile(f"{path} is damaged, or of a kind that SQLite {sqlite3.sqlite_version} does not know.") from error
            if primary_code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if not log.exists() or log.stat().st_size == 0:
                return _distrustful(_connection(f"{address}?immutable=1", (*_FOR_READING, _QUERY_ONLY), _READER_TIMEOUT_S))
    raise EnvironmentFault(
        f"{path} was not closed by its writer, and its folder is read-only; "
        f"copy it and {log.name} to another folder and open it there."
    )


def copy_brought_forward(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """A connection to a copy in memory that is of the newest version, since reading must not change a file of an earlier one.

    The copy is of this moment: what a writer adds later is not in it.

    Raises:
        BadFile: the file is damaged.
        EnvironmentFault: it is larger than MAX_COPIED_BYTES.
    """
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    if pages * page_bytes > MAX_COPIED_BYTES:
        raise EnvironmentFault(
            f"{path} is of an earlier session format and larger than {MAX_COPIED_BYTES >> 20} MB, "
            "the most that is brought forward for reading; open it with the Inferometer that made it."
        )
    copy = _distrustful(_connection("file::memory:", (*_FOR_READING, "temp_store = MEMORY"), 0))
    try:
        connection.backup(copy)
        migrations.bring_forward(copy, path)
        copy.execute(f"PRAGMA {_QUERY_ONLY}").fetchall()
    except BaseException:
        copy.close()
        raise
    return copy


def _distrustful(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, reading text that is no UTF-8 all the same, and no values of absurd size."""
    connection.text_factory = lambda data: data.decode(errors="replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    return connection


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
