"""Export as a folder of CSV files, one for each of `exchange.tables`."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from profiler.exchange.tables import NAMES, session_tables
from profiler.exchange.target import new_folder
from profiler.session.reader import SessionReader

FILES = tuple(f"{name}.csv" for name in NAMES)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_csv(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the folder `target` with FILES, a chunk of a run at a time, so that memory does not bound a session's size.

    classes.csv is not there where no load has several classes. Absent values are empty. Text that a spreadsheet would take for a
    formula gets an apostrophe in front.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or it holds other files.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    with new_folder(target, force=force, own_files=FILES) as folder:
        for table in session_tables(reader):
            records = (record for batch in table.batches() for record in zip(*batch, strict=True))
            _write(folder / f"{table.name}.csv", [column.name for column in table.columns], records)


def _write(path: Path, header: Sequence[str], records: Iterable[Sequence[Any]]) -> None:
    with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([inert(name) for name in header])
        writer.writerows([inert(value) for value in record] for record in records)


def inert(value: Any) -> Any:
    """`value`, with an apostrophe in front of text that a spreadsheet would run as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
