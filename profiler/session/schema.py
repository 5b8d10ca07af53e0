"""What a session file's tables and views are: the SQL that makes them, generated from the axes and the metrics.

STRICT tables would need SQLite 3.37, and Python 3.11 still runs on older ones (its minimum is 3.7.15, Enterprise Linux 9 has
3.34), so every column checks its own type. Anything that changes these statements is a new SCHEMA_VERSION with a migration.
"""

import dataclasses
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from profiler.records.axis import AXES
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.quality import QualityRecord
from profiler.records.run_record import StepCosts

APPLICATION_ID = int.from_bytes(b"INFM")
"""In the database's header, so that a file is known by its content."""

SCHEMA_VERSION = 3
"""In `PRAGMA user_version`."""

SINGLE = "value"
"""The statistic of a metric that is one number."""

ALL_CLASSES = ""
"""The class of a figure over all requests."""

_SQL_TYPES = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "blob": "BLOB"}
_TYPES_OF_MANY = {"number": ("integer", "real"), "length": ("integer", "text")}


@dataclass(frozen=True, slots=True)
class Column:
    """One column, its type held by a CHECK.

    Attributes:
        kind: "number" is an integer or a real and "length" an integer or a text, both kept as they were given.
        reference: the table whose primary key this is, empty if none.
    """

    name: str
    kind: Literal["text", "integer", "real", "number", "length", "blob"]
    is_nullable: bool = False
    is_key: bool = False
    reference: str = ""

    @property
    def sql(self) -> str:
        """The column's definition."""
        # No declared type for numbers and lengths: any affinity would turn 5.0 or "5" into 5, or the reverse.
        words = [self.name, _SQL_TYPES.get(self.kind, "")]
        if self.is_key:
            words.append("PRIMARY KEY")
        if not self.is_nullable:
            words.append("NOT NULL")
        allowed = list(_TYPES_OF_MANY.get(self.kind, (self.kind,)))
        if self.is_nullable:
            allowed.append("null")
        types = ", ".join(f"'{name}'" for name in allowed)
        words.append(f"CHECK (typeof({self.name}) IN ({types}))")
        if self.reference:
            words.append(f"REFERENCES {self.reference}")
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `constraints` are SQL behind its columns, `options` behind its closing bracket."""

    name: str
    columns: tuple[Column, ...]
    constraints: tuple[str, ...] = ()
    options: str = ""

    @property
    def sql(self) -> str:
        """The CREATE statement."""
        parts = [column.sql for column in self.columns] + list(self.constraints)
        return f"CREATE TABLE {self.name} (\n    " + ",\n    ".join(parts) + f"\n){self.options}"


_QUALITY_KINDS: dict[Any, Literal["text", "integer", "real"]] = {
    str: "text", str | None: "text", int: "integer", float: "real", float | None: "real",
}  # fmt: skip
_QUALITY_COLUMNS = tuple(
    Column(f"quality_{field.name}", _QUALITY_KINDS[field.type], is_nullable=True) for field in dataclasses.fields(QualityRecord)
)
_COST_COLUMNS = tuple(Column(field.name, "integer", is_nullable=True) for field in dataclasses.fields(StepCosts))
_AXIS_COLUMNS = tuple(Column(axis.name, axis.kind, is_nullable=True) for axis in AXES)

TABLES: tuple[Table, ...] = (
    Table("meta", (Column("key", "text", is_key=True), Column("value", "text"))),
    Table("tag", (Column("name", "text", is_key=True), Column("value", "text"))),
    Table(
        "model",
        (
            Column("model_id", "integer", is_key=True),
            Column("name", "text"),
            Column("path", "text"),
            Column("sha256", "text"),
            Column("architecture", "text"),
            Column("parameters", "integer"),
            Column("quantization", "text"),
            Column("file_bytes", "integer"),
            Column("bits_per_weight", "real"),
            Column("context_train", "integer", is_nullable=True),
            Column("source_name", "text", is_nullable=True),
            Column("fallback_tensors", "integer", is_nullable=True),
            Column("imatrix_name", "text", is_nullable=True),
            Column("type_mix", "text"),
            *_QUALITY_COLUMNS,
        ),
    ),
    Table(
        "cell",
        (
            Column("cell_id", "integer", is_key=True),
            Column("model_id", "integer", is_nullable=True, reference="model"),
            Column("status", "text"),
            Column("reason", "text"),
            Column("configuration", "text"),
            *_AXIS_COLUMNS,
            *_COST_COLUMNS,
        ),
    ),
    Table(
        "run",
        (
            Column("run_id", "integer", is_key=True),
            Column("cell_id", "integer", reference="cell"),
            Column("repetition", "integer"),
            Column("block", "integer"),
            Column("status", "text"),
            Column("reason", "text"),
            Column("is_valid", "integer"),
            Column("purpose", "text"),
            Column("flags", "text"),
            Column("start_monotonic_ns", "integer", is_nullable=True),
            Column("start_utc", "text", is_nullable=True),
            Column("end_utc", "text", is_nullable=True),
            Column("specification", "text"),
            Column("facts", "text", is_nullable=True),
            Column("log_tail", "text"),
        ),
    ),
    Table(
        "request",
        (
            Column("run_id", "integer", reference="run"),
            Column("request", "integer"),
            Column("class", "text"),
            Column("user", "integer"),
            Column("turn", "integer"),
            Column("due_ns", "integer", is_nullable=True),
            Column("sent_ns", "integer", is_nullable=True),
            Column("prefill_start_ns", "integer", is_nullable=True),
            Column("first_token_ns", "integer", is_nullable=True),
            Column("end_ns", "integer", is_nullable=True),
            Column("prompt_tokens", "integer"),
            Column("cached_tokens", "integer"),
            Column("output_tokens", "integer"),
            Column("status", "text"),
        ),
        ("PRIMARY KEY (run_id, request)",),
        " WITHOUT ROWID",
    ),
    Table(
        "chunk",
        (
            Column("run_id", "integer", reference="run"),
            Column("kind", "text"),
            Column("sequence", "integer"),
            Column("rows", "integer"),
            Column("codec", "text"),
            Column("unpacked_bytes", "integer"),
            Column("data", "blob"),
        ),
        ("UNIQUE (run_id, kind, sequence)",),
    ),
    Table(
        "figure",
        (
            Column("cell_id", "integer", reference="cell"),
            Column("run_id", "integer", is_nullable=True, reference="run"),
            Column("class", "text"),
            Column("metric", "text"),
            Column("statistic", "text"),
            Column("value", "number"),
        ),
    ),
    Table(
        "event",
        (
            Column("event_id", "integer", is_key=True),
            Column("utc", "text"),
            Column("kind", "text"),
            Column("sentence", "text"),
            Column("cell_id", "integer", is_nullable=True, reference="cell"),
            Column("run_id", "integer", is_nullable=True, reference="run"),
            Column("data", "text"),
        ),
    ),
)

_INDEXES = (
    "CREATE INDEX run_of_cell ON run (cell_id)",
    "CREATE INDEX figure_of_run ON figure (run_id)",
    # A cell's own figures have no run, and NULLs would all count as different.
    "CREATE UNIQUE INDEX figure_once ON figure (cell_id, ifnull(run_id, 0), class, metric, statistic)",
)


def metric_columns() -> list[tuple[str, str, str]]:
    """The figures' columns of both views as (column, metric, statistic): "ttft_ms_p95", and a single figure's bare name."""
    columns = []
    for metric in METRICS:
        if metric.is_distribution:
            columns += [(f"{metric.name}_{statistic}", metric.name, statistic) for statistic in STATISTICS]
        else:
            columns.append((metric.name, metric.name, SINGLE))
    return columns


def _view(name: str, identity: tuple[str, ...], source: str) -> str:
    """A view with a row for each group of `source`: identity columns, axes, then a column for each figure."""
    columns = [*identity, *(f"cell.{axis.name} AS {axis.name}" for axis in AXES)]
    columns += [
        f"max(CASE WHEN figure.metric = '{metric}' AND figure.statistic = '{statistic}' THEN figure.value END) AS {column}"
        for column, metric, statistic in metric_columns()
    ]
    return f"CREATE VIEW {name} AS SELECT\n    " + ",\n    ".join(columns) + f"\n{source}"


_VIEWS = {
    "run_metrics": _view(
        "run_metrics",
        ("run.cell_id AS cell_id", "run.run_id AS run_id", "run.status AS status", "run.is_valid AS is_valid"),
        "FROM run JOIN cell ON cell.cell_id = run.cell_id\n"
        f"LEFT JOIN figure ON figure.run_id = run.run_id AND figure.class = '{ALL_CLASSES}' GROUP BY run.run_id",
    ),
    "cell_metrics": _view(
        "cell_metrics",
        ("cell.cell_id AS cell_id", "cell.status AS status"),
        "FROM cell LEFT JOIN figure ON figure.cell_id = cell.cell_id AND figure.run_id IS NULL\n"
        f"AND figure.class = '{ALL_CLASSES}' GROUP BY cell.cell_id",
    ),
}


def statements() -> tuple[str, ...]:
    """All CREATE statements in their order."""
    return (*(table.sql for table in TABLES), *_INDEXES, *_VIEWS.values())


def create(connection: sqlite3.Connection) -> None:
    """Make an empty database a session file, within the caller's transaction."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    for statement in statements():
        connection.execute(statement)


def drop_views(connection: sqlite3.Connection) -> None:
    """Take the views away, which name columns of the tables under them, within the caller's transaction."""
    for name in _VIEWS:
        connection.execute(f"DROP VIEW IF EXISTS {name}")


def create_views(connection: sqlite3.Connection) -> None:
    """Make the views, within the caller's transaction."""
    for statement in _VIEWS.values():
        connection.execute(statement)
