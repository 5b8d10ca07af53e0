"""The commands, gathered under one name."""

from typing import Annotated

import typer

import profiler
from profiler.cli import breakdown, compare, export, inspect, machine, models, quality, quantize, repair, resume, run, show

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


for module in (run, show, compare, export, inspect, models, machine, quality, quantize, breakdown, resume, repair):
    application.command(module.__name__.rpartition(".")[2])(module.command)
