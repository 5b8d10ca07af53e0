"""A session file copied: as it is, or without the names that say whose it is. Never page by page, which would take along what
was deleted.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from profiler.errors import EnvironmentFault
from profiler.session import migrations, schema
from profiler.session.anonymity import Anonymity
from profiler.session.connection import connect_for_reading, copy_brought_forward
from profiler.session.faults import sorted_faults
from profiler.session.new_file import insertion

_SQLITE_MAGIC = b"SQLite format 3\x00"
_APPLICATION_ID = slice(68, 72)
_HEADER_BYTES = 100


def is_session(path: Path) -> bool:
    """Whether a file is there that says of itself that it is a session; False where it cannot be read."""
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except OSError:
        return False
    return header.startswith(_SQLITE_MAGIC) and header[_APPLICATION_ID] == schema.APPLICATION_ID.to_bytes(4)


def copy_session(source: Path, target: Path) -> None:
    """Write what `source` holds at this moment to the new file `target`, compact, in the format version that it has.

    Raises:
        BadFile: the source is no session, or damaged.
        EnvironmentFault: it cannot be read, or the target not written.
    """
    with closing(connect_for_reading(source)) as connection:
        with sorted_faults(source):
            migrations.identify(connection, source)
            connection.execute("PRAGMA query_only = OFF").fetchall()  # the file itself is open for reading only
        with sorted_faults(target):
            connection.execute("VACUUM INTO ?", (str(target),))


def copy_without_names(source: Path, target: Path) -> None:
    """Write the session to the new file `target` row by row, as `Anonymity` leaves each; only tables that a session has.

    Raises:
        BadFile: the source is no session, or damaged.
        EnvironmentFault: it cannot be read or the target not written, or it is of a newer format, of which it is not known where
            names stand.
    """
    with _current(source) as connection:
        with sorted_faults(source):
            models = connection.execute("SELECT * FROM model ORDER BY model_id").fetchall()
            labels = connection.execute("SELECT model, min(model_id) AS model_id FROM cell GROUP BY model ORDER BY min(cell_id)")
            cell_models = [(row["model"], row["model_id"]) for row in labels]
            specifications = [row["specification"] for row in connection.execute("SELECT specification FROM run")]
            plan = connection.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()
        anonymity = Anonymity.of([dict(model) for model in models], cell_models, specifications, plan["value"] if plan else "{}")
        with sorted_faults(target), closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("BEGIN")
            schema.create(copy)
            for table in schema.TABLES:
                names = [column.name for column in table.columns]
                insert = insertion(table.name, names)
                # In the order of its rowid, or of its key where it has none.
                for row in connection.execute(f"SELECT {', '.join(names)} FROM {table.name}"):
                    kept = anonymity.row(table.name, dict(row))
                    if kept is not None:
                        copy.execute(insert, [kept[name] for name in names])
            copy.execute("COMMIT")


@contextmanager
def _current(path: Path) -> Iterator[sqlite3.Connection]:
    """The session for reading, in the newest format: from a copy in memory where the file has an earlier one."""
    connection = connect_for_reading(path)
    try:
        with sorted_faults(path):
            version = migrations.identify(connection, path)
            if version > schema.SCHEMA_VERSION:
                raise EnvironmentFault(
                    f"{path} has session format {version}, this Inferometer knows {schema.SCHEMA_VERSION} and cannot tell where "
                    "names stand in it; take them out with a newer Inferometer."
                )
            if version < schema.SCHEMA_VERSION:
                with closing(connection):
                    connection = copy_brought_forward(connection, path)
            else:
                migrations.check_shape(connection, path, version)
        connection.row_factory = sqlite3.Row
        yield connection
    finally:
        connection.close()
