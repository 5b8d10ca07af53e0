"""A session file comes into being: made whole under another name, then put in its place."""

import os
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from profiler.errors import EnvironmentFault
from profiler.session import schema
from profiler.session.faults import sorted_faults


def make_file(path: Path, meta: dict[str, str]) -> None:
    """Make the session file with its tables under another name, then put it in its place whole; raises EnvironmentFault."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with sorted_faults(path):
            connection = sqlite3.connect(unfinished, isolation_level=None)
            try:
                connection.execute("BEGIN")
                schema.create(connection)
                connection.executemany(insertion("meta", ("key", "value")), meta.items())
                connection.execute("COMMIT")
            finally:
                connection.close()
        for leftover in ("-wal", "-shm", "-journal"):  # of a file that was here before: SQLite would replay them into ours
            path.with_name(path.name + leftover).unlink(missing_ok=True)
        os.replace(unfinished, path)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be made ({error.strerror}); choose another name or folder.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def insertion(table: str, columns: Iterable[str]) -> str:
    """The statement that inserts a row of these columns."""
    names = list(columns)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
