"""The command `import`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from profiler.cli.output import Json, print_json, printable, standard_error
from profiler.exchange.imports.import_file import FORMATS, import_file


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Results of another tool; which one says its content.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The session to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace OUT when it exists.")] = False,
    json: Json = False,
) -> None:
    """Read another tool's results into a session, marked with what they lack."""
    outcome = import_file(file, output, force=force)
    if json:
        document = dataclasses.asdict(outcome)
        print_json({**document, "session": str(outcome.session), "lacks": list(outcome.lacks)})
        return
    standard_error().print(printable(outcome.sentence))


command.__doc__ = f"{command.__doc__}\n\nReads: {'; '.join(FORMATS)}."
