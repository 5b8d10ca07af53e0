"""The command `repair`."""

from pathlib import Path
from typing import Annotated

import typer

from profiler.cli.output import Json, print_json, printable, standard_output, table
from profiler.session.salvage import Salvage, salvage

_MOST_SHOWN = 10


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A damaged session; it is read only.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT", help="The new file. [default: FILE's name with -repaired]", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Save what can be read of a damaged session into a new file; the old one is not touched."""
    found = salvage(file, output or file.with_name(f"{file.stem}-repaired{file.suffix}"))
    if json:
        print_json(document(found))
        return 0
    console = standard_output()
    if found.problems:
        console.print("What SQLite's check found:")
        for problem in found.problems[:_MOST_SHOWN]:
            console.print(printable(f"  {problem}"))
        if len(found.problems) > _MOST_SHOWN:
            console.print(f"  and {len(found.problems) - _MOST_SHOWN} more")
    rows = [
        [each.table, str(each.saved), str(each.refused), "whole" if each.is_whole else "read in part"] for each in found.tables
    ]
    console.print(table([("Table", False), ("Saved", True), ("No rows of a session", True), ("", False)], rows))
    console.print(printable(found.sentence))
    return 0


def document(found: Salvage) -> dict[str, object]:
    """What was saved and what was lost, as plain values."""
    return {
        "source": str(found.source),
        "target": str(found.target),
        "is_whole": found.is_whole,
        "problems": list(found.problems),
        "tables": [
            {"table": each.table, "saved": each.saved, "refused": each.refused, "is_whole": each.is_whole}
            for each in found.tables
        ],
        "chunks_lost": found.chunks_lost,
        "missing_chunks": found.missing_chunks,
        "runs_hurt": list(found.runs_hurt),
        "sentence": found.sentence,
    }
