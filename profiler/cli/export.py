"""The command `export`."""

from pathlib import Path
from typing import Annotated

import typer

from profiler.cli.output import printable, standard_error
from profiler.errors import UnusableArguments
from profiler.exchange.formats import BY_NAME, FORMATS, formats_with
from profiler.session.reader import SessionReader

_WITHOUT_NAMES = ", ".join(item.name for item in FORMATS if item.anonymous is not None)


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A session file.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"One of: {', '.join(BY_NAME)}.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file or folder to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace OUT when it exists.")] = False,
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help=f"Leave out model names, paths, notes and labels ({_WITHOUT_NAMES}).")
    ] = False,
) -> None:
    """Write a session in another format."""
    if to not in BY_NAME:
        raise UnusableArguments(f"There is no format '{to}'; there are {', '.join(BY_NAME)}.")
    rasterize = context.find_root().obj
    found = next(item for item in (FORMATS if rasterize is None else formats_with(rasterize)) if item.name == to)
    export = found.anonymous if anonymize else found.export
    if export is None:
        raise UnusableArguments(f"--anonymize goes with --to {_WITHOUT_NAMES}; export that first, then its copy to {to}.")
    with SessionReader.open(file) as reader:
        remarks = export(reader, output, force=force) or ()
    console = standard_error()
    for remark in remarks:
        console.print(printable(remark))
    console.print(f"Written: {output}")


command.__doc__ = f"{command.__doc__}\n\n" + "\n\n".join(f"{item.name}: {item.contents}" for item in FORMATS)
