"""The rows of llama-bench's CSV and SQL. No SQL is executed: a line is read if it has the shape that llama-bench writes."""

import csv
import io
import re
from pathlib import Path
from typing import Any

from profiler.errors import BadFile

INSERTION = "INSERT INTO llama_bench ("
"""How a line of its SQL begins."""

_MOST_COLUMNS = 200
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_OTHER_LINE = re.compile(r"CREATE TABLE IF NOT EXISTS llama_bench \(|  [a-z_0-9]{1,60} (TEXT|INTEGER|REAL),?|\);|--.*|")


def csv_rows(text: str, path: Path) -> list[dict[str, Any]]:
    """The rows by the names in the first line; raises BadFile where a row has another number of values than that."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows: list[dict[str, Any]] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        if not 0 < len(names) <= _MOST_COLUMNS:
            raise BadFile(f"{path} has {len(names)} columns, which no results have; save llama-bench's output again with -o csv.")
        for values in reader:
            if not values:
                continue
            if len(values) != len(names):
                raise BadFile(
                    f"Line {reader.line_num} of {path} has {len(values)} values for {len(names)} columns; it may be cut off. "
                    "Remove that line, or save llama-bench's output again."
                )
            rows.append(dict(zip(names, values, strict=True)))
    except csv.Error as error:
        raise BadFile(f"Line {reader.line_num} of {path} is not readable as CSV ({error}); save the results again.") from error
    return rows


def sql_rows(text: str, path: Path) -> list[dict[str, Any]]:
    """The rows of the INSERT statements, which llama-bench writes one a line.

    Raises:
        BadFile: a line is anything else than what llama-bench writes.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(INSERTION):
            row = _inserted(line.rstrip())
            if row is None:
                raise BadFile(
                    f"Line {number} of {path} is no INSERT as llama-bench writes it, which is the only SQL that is read."
                )
            rows.append(row)
        elif not _OTHER_LINE.fullmatch(line.rstrip()):
            raise BadFile(
                f"Line {number} of {path} is not what llama-bench -o sql writes, and other SQL is never carried out; "
                "save llama-bench's own output, or export the table as CSV."
            )
    return rows


def _inserted(line: str) -> dict[str, Any] | None:
    """The row of an INSERT, None where the line has another shape.

    llama-bench quotes every value and doubles no quote, so that values are told apart by what stands between them.
    """
    names_text, opening, values_text = line.removeprefix(INSERTION).partition(") VALUES (")
    if not opening or not values_text.endswith("');") or not values_text.startswith("'"):
        return None
    names = names_text.split(", ")
    values = values_text[1:-3].split("', '")
    if len(names) != len(values) or len(names) > _MOST_COLUMNS or not all(map(_NAME.fullmatch, names)):
        return None
    return {name: value.replace("''", "'") for name, value in zip(names, values, strict=True)}
