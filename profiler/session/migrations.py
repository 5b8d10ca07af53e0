"""Session files of other versions: older ones are brought forward step by step, newer ones are read as far as they are known."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from profiler.errors import BadFile
from profiler.session import version_2, version_3
from profiler.session.faults import primary_code
from profiler.session.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES, create_views, drop_views

Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: tuple[Migration, ...] = (version_2.from_1_to_2, version_3.from_2_to_3)
"""`MIGRATIONS[i]` takes a file's tables from version i + 1 to i + 2; none is ever changed once released."""

_COLUMNS: Mapping[int, Mapping[str, Sequence[str]]] = {
    1: version_2.COLUMNS_BEFORE,
    2: version_3.COLUMNS_BEFORE,
    SCHEMA_VERSION: {table.name: [column.name for column in table.columns] for table in TABLES},
}
"""What is read of a file of each version, by table."""


def identify(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open database; raises BadFile when it is no session file."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID or version < 1:
        raise BadFile(f"{path} is not an Inferometer session.")
    return int(version)


def bring_forward(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a session to the newest version, unless it is; see `upgrade`. Its contents are not trusted.

    Raises:
        BadFile: it is damaged; it is left as it was.
    """
    version = identify(connection, path)
    if version < SCHEMA_VERSION:
        check_shape(connection, path, version)
        if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger'").fetchone():
            raise BadFile(f"{path} has triggers, which no session has: they could change its rows on the way to a new version.")
        try:
            upgrade(connection)
        except (ValueError, sqlite3.IntegrityError, sqlite3.OperationalError) as error:
            if isinstance(error, sqlite3.OperationalError) and primary_code(error) != sqlite3.SQLITE_ERROR:
                raise  # the environment's; an SQLITE_ERROR is a schema that no version had, as a table in a view's name
            raise BadFile(f"{path} is damaged: it cannot be brought to session format {SCHEMA_VERSION} ({error}).") from error
    check_shape(connection, path, version=max(version, SCHEMA_VERSION))


def upgrade(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring an older file to the newest version in one transaction: all of it, or the file stays as it was.

    The views are dropped first, since they name the tables that are rebuilt, and made anew at the end, as the newest version has
    them: nothing is lost, a view holds no data.

    Args:
        connection: in autocommit mode (isolation_level None).
        migrations: a step for each version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    steps = migrations[version - 1 :]
    if not steps:
        return
    (enforces_references,) = connection.execute("PRAGMA foreign_keys").fetchone()
    # A table that others refer to is rebuilt; inside the transaction this would have no effect.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.execute("BEGIN IMMEDIATE")
        drop_views(connection)
        for step in steps:
            step(connection)
        create_views(connection)
        connection.execute(f"PRAGMA user_version = {version + len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back on its own, on a full disk for one
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute(f"PRAGMA foreign_keys = {enforces_references}")


def newer_version_sentence(path: Path, version: int) -> str:
    """What a person needs to know of a file from a newer Inferometer."""
    return (
        f"{path} has session format {version}, this Inferometer knows {SCHEMA_VERSION}: "
        "what is known of it can be read, nothing can be written; a newer Inferometer shows the rest."
    )


def check_shape(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raise BadFile unless every table that is read is a real table (no view, nothing virtual) with the columns that are read."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")}
    for table, wanted in _COLUMNS[min(version, SCHEMA_VERSION)].items():
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} if table in tables else set()
        missing = [column for column in wanted if column not in columns]
        if missing and version > SCHEMA_VERSION:
            raise BadFile(
                f"{path} has session format {version}, this Inferometer knows {SCHEMA_VERSION} and cannot read it; "
                "open it with a newer Inferometer."
            )
        if missing:
            raise BadFile(f"{path} is damaged: its table {table} lacks {', '.join(missing)}.")
