"""The commands, gathered under one name."""

from typing import Annotated

import typer

import profiler
from profiler.cli import (
    breakdown,
    compare,
    export,
    import_,
    inspect,
    machine,
    models,
    quality,
    quantize,
    repair,
    resume,
    run,
    show,
)

application = typer.Typer(
    name="inferometer",
    help="Measure local language models on this machine. Without a command the window opens, with the FILEs given.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inferometer {profiler.__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version and end.")
    ] = False,
) -> None:
    """Options before any command."""


# One line each, short enough for a terminal of 80 columns: the command's own help tells the rest.
for module, line in (
    (run, "Sweep axes over models and keep all of it in a session."),
    (show, "Show what a session holds, figures for each cell."),
    (compare, "Compare sessions; fail on a regression."),
    (export, "Write a session in another format."),
    (import_, "Read another tool's results into a session."),
    (inspect, "Tell what a model needs and how fast it will run."),
    (models, "List the GGUF files on this computer."),
    (machine, "Tell what this machine is and what it can do at most."),
    (quality, "Measure how well models predict a text."),
    (quantize, "Make other quantizations of a model."),
    (breakdown, "Tell where the time of a step goes."),
    (resume, "Finish an interrupted sweep."),
    (repair, "Save what can be read of a damaged session."),
):
    application.command(module.__name__.rpartition(".")[2].rstrip("_"), short_help=line)(module.command)
