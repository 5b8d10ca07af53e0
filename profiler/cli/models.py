"""The command `models`."""

from pathlib import Path
from typing import Annotated

import typer

from profiler.cli.output import Json, print_json, printable, standard_error, standard_output, table
from profiler.models.library import scan


def command(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR…", help="Folders to search beside the usual ones.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List the GGUF files on this computer: in the caches of the tools that keep some, and in the folders given."""
    found = scan(folders or [])
    if json:
        models = [{"path": str(model.path), "name": model.name, "source": model.source} for model in found.files]
        unreadable = [{"path": str(path), "reason": reason} for path, reason in found.unreadable]
        print_json({"models": models, "unreadable": unreadable})
        return
    rows = [(model.name, model.source, str(model.path)) for model in found.files]
    standard_output().print(table([("name", False), ("source", False), ("path", False)], rows))
    for path, reason in found.unreadable:
        standard_error().print(printable(f"▲ {path}: {reason}"))
