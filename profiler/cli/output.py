"""What commands print: one JSON document or a table on standard output, everything else on standard error."""

import json
import math
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def print_json(document: dict[str, Any]) -> None:
    """One document; numbers that are not finite become null, since JSON has no word for them."""
    json.dump(_finite(document), sys.stdout, ensure_ascii=False, indent=1, allow_nan=False)
    sys.stdout.write("\n")


def standard_output() -> Console:
    """For tables; as wide as its content where it is not a terminal."""
    console = Console(highlight=False, emoji=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, emoji=False, markup=False, width=200)


def standard_error() -> Console:
    """For progress and remarks."""
    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table; each column is (title, is a figure); figures stand at the right."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for title, is_figure in columns:
        result.add_column(title, justify="right" if is_figure else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(printable(value)) for value in row))
    return result


def printable(text: str) -> str:
    """Text from a file without what would steer a terminal: control characters become �."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
