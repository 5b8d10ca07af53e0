"""The command `resume`."""

from pathlib import Path
from typing import Annotated

import typer

from profiler.cli.output import Json, printable, standard_error
from profiler.cli.run import carry_out, print_session
from profiler.errors import UnusableArguments
from profiler.plan.cells import varying_axes
from profiler.session.reader import SessionReader
from profiler.sweep.resume import ChangedSince, NothingLeft, ResumedRunner


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A session that was broken off or stopped.")],
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Go on although the model file, the engine or the machine has changed."),
    ] = False,
    json: Json = False,
) -> int:
    """Finish an interrupted sweep: runs that had ended are kept, the others are measured."""
    with SessionReader.open(file) as reader:
        varying = [axis.name for axis in varying_axes([cell.configuration for cell in reader.cells()])]
    try:
        return carry_out(lambda hear: ResumedRunner(file, hear, accept_changes=accept_changes), file, varying, as_json=json)
    except NothingLeft as error:
        if not error.is_finished:
            raise
        standard_error().print(printable(error.sentence))
        print_session(file, as_json=json)
        return 0
    except ChangedSince as error:
        raise UnusableArguments(f"{error.sentence} To measure the rest all the same, give --accept-changes.") from error
