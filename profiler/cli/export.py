"""The command `export`."""

from pathlib import Path
from typing import Annotated

import typer

from profiler.cli.output import standard_error
from profiler.errors import UnusableArguments
from profiler.exchange.formats import BY_NAME
from profiler.session.reader import SessionReader


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A session file.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"One of: {', '.join(BY_NAME)}.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file or folder to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace OUT when it exists.")] = False,
) -> None:
    """Write a session in another format: csv is a folder of tables, json one document."""
    if to not in BY_NAME:
        raise UnusableArguments(f"There is no format '{to}'; there are {', '.join(BY_NAME)}.")
    with SessionReader.open(file) as reader:
        BY_NAME[to].export(reader, output, force=force)
    standard_error().print(f"Written: {output}")
