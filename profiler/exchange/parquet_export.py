"""Export as a folder of Parquet files: the tables and columns of `exchange.tables`, as CSV has them, with types.

Every column carries its `unit` and `definition` in the schema, every file what a row is and where it comes from. Instants are
int64 nanoseconds since their run's origin; what was not measured is null. pyarrow is loaded when it is needed: it is the extra
`parquet`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import profiler
from profiler.errors import BadFile, EnvironmentFault
from profiler.exchange.tables import NAMES, Batch, Column, Table, session_tables
from profiler.exchange.target import new_folder
from profiler.session.reader import SessionReader

FILES = tuple(f"{name}.parquet" for name in NAMES)

_ROWS_OF_A_GROUP = 1 << 17
"""Rows written together, at the least: readers are slow on many small groups."""


def export_parquet(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the folder `target` with FILES, a chunk of a run at a time.

    classes.parquet is not there where no load has several classes.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or it holds other files.
        EnvironmentFault: pyarrow is missing, the session cannot be read or the target not written.
    """
    arrow, parquet = _pyarrow()
    about = {"inferometer.version": profiler.__version__, "title": reader.title(), "created_utc": reader.created_utc()}
    with new_folder(target, force=force, own_files=FILES) as folder:
        for table in session_tables(reader):
            schema = _schema(arrow, table, about)
            with parquet.ParquetWriter(folder / f"{table.name}.parquet", schema, compression="zstd") as writer:
                try:
                    for group in _groups(arrow, table, schema):
                        writer.write_table(group)
                except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError) as error:
                    raise BadFile(
                        f"{reader.path} is damaged: a value of its {table.name} is of another kind ({error})."
                    ) from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise EnvironmentFault(
            "Parquet files need pyarrow, which is not installed: add Inferometer's extra parquet "
            "(pip install 'inferometer[parquet]'), or export csv, which has the same tables."
        ) from error
    return pyarrow, parquet


def _schema(arrow: Any, table: Table, about: dict[str, str]) -> Any:
    types = {"text": arrow.string(), "integer": arrow.int64(), "real": arrow.float64(), "boolean": arrow.bool_()}

    def field(column: Column) -> Any:
        return arrow.field(
            _text(column.name), types[column.kind], metadata={"unit": column.unit, "definition": column.definition}
        )

    told = {"definition": table.definition, **about}
    return arrow.schema([field(column) for column in table.columns], {name: _text(value) for name, value in told.items()})


def _groups(arrow: Any, table: Table, schema: Any) -> Iterator[Any]:
    """The table's rows in arrow tables of _ROWS_OF_A_GROUP or a little more."""
    batches: list[Any] = []
    for batch in table.batches():
        batches.append(_record_batch(arrow, batch, schema))
        if sum(each.num_rows for each in batches) >= _ROWS_OF_A_GROUP:
            yield arrow.Table.from_batches(batches, schema)
            batches = []
    if batches:
        yield arrow.Table.from_batches(batches, schema)


def _record_batch(arrow: Any, batch: Batch, schema: Any) -> Any:
    columns = []
    for values, field in zip(batch, schema, strict=True):
        plain = [value if value is None else _text(value) for value in values] if field.type == arrow.string() else values
        columns.append(arrow.array(plain, field.type))
    return arrow.record_batch(columns, schema=schema)


def _text(value: str) -> str:
    """The text without half characters, which UTF-8 cannot hold: as CSV writes them."""
    return value.encode("utf-8", "backslashreplace").decode()
