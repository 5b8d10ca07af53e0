"""SQLite's errors, sorted by whose fault they are: the environment's become a sentence, all others are bugs and pass."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from profiler.errors import BadFile, EnvironmentFault

_PRIMARY_CODE_MASK = 0xFF
"""An extended result code keeps its primary code in the lowest byte."""

_ENVIRONMENT = {
    sqlite3.SQLITE_FULL: (
        "The disk is full or its quota used up, so {path} cannot grow; free some space. What was saved before stays in the file."
    ),
    sqlite3.SQLITE_IOERR: (
        "Reading or writing {path} failed; check the disk, its quota and its connection. What was saved before stays."
    ),
    sqlite3.SQLITE_READONLY: "{path} may not be written; choose another folder or change its permissions.",
    sqlite3.SQLITE_PERM: "{path} may not be opened; change its permissions.",
    sqlite3.SQLITE_CANTOPEN: "{path} cannot be opened; check that its folder is there and that you may use both.",
    sqlite3.SQLITE_BUSY: "{path} is locked by another program; close that program and try again.",
    sqlite3.SQLITE_LOCKED: "{path} is locked by another program; close that program and try again.",
    sqlite3.SQLITE_NOLFS: "{path} is larger than its disk's format allows; move it to another disk.",
}

_BAD_FILE = {
    sqlite3.SQLITE_CORRUPT: "{path} is damaged; a part of it cannot be read. {remedy}",
    sqlite3.SQLITE_NOTADB: "{path} is not an Inferometer session.",
    sqlite3.SQLITE_FORMAT: "{path} is not an Inferometer session.",
    sqlite3.SQLITE_TOOBIG: "{path} is damaged: one of its values is larger than a session's can be. {remedy}",
}


def repair_remedy(path: Path) -> str:
    """What to do with a damaged file."""
    return f"'inferometer repair {path.name}' saves what can be read into a new file."


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code, None when Python's own layer raised it."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE_MASK


@contextmanager
def sorted_faults(path: Path) -> Iterator[None]:
    """Raise EnvironmentFault or BadFile with a sentence about `path` for what is no bug of ours; other errors pass."""
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if code in _ENVIRONMENT:
            raise EnvironmentFault(_ENVIRONMENT[code].format(path=path)) from error
        if code in _BAD_FILE:
            raise BadFile(_BAD_FILE[code].format(path=path, remedy=repair_remedy(path))) from error
        raise
    except UnicodeDecodeError as error:  # SQLite's message quotes a damaged name
        raise BadFile(_BAD_FILE[sqlite3.SQLITE_CORRUPT].format(path=path, remedy=repair_remedy(path))) from error
