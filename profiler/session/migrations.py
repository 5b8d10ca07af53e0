"""Session files of other versions: older ones are brought forward step by step, newer ones are read as far as they are known."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from profiler.errors import BadFile
from profiler.session.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: tuple[Migration, ...] = ()
"""`MIGRATIONS[i]` takes a file from version i + 1 to i + 2; none is ever changed once released."""


def identify(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open database; raises BadFile when it is no session file."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID or version < 1:
        raise BadFile(f"{path} is not an Inferometer session.")
    return int(version)


def upgrade(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring an older file to the newest version, each step with its version number in one transaction.

    The connection is in autocommit mode (isolation_level None). A step that fails leaves the file at the version before it.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, migration in enumerate(migrations[version - 1 :], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            migration(connection)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def newer_version_sentence(path: Path, version: int) -> str:
    """What a person needs to know of a file from a newer Inferometer."""
    return (
        f"{path} has session format {version}, this Inferometer knows {SCHEMA_VERSION}: "
        "what is known of it can be read, nothing can be written; a newer Inferometer shows the rest."
    )


def check_shape(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raise BadFile unless every table that is read is a real table (no view, nothing virtual) with the columns that are read."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")}
    for table in TABLES:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")} if table.name in tables else set()
        missing = [column.name for column in table.columns if column.name not in columns]
        if missing and version > SCHEMA_VERSION:
            raise BadFile(
                f"{path} has session format {version}, this Inferometer knows {SCHEMA_VERSION} and cannot read it; "
                "open it with a newer Inferometer."
            )
        if missing:
            raise BadFile(f"{path} is damaged: its table {table.name} lacks {', '.join(missing)}.")
