"""The formats that a session can be exported to, for the command line and the window's dialog alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from profiler.exchange.csv_export import export_csv
from profiler.exchange.json_export import export_json
from profiler.session.reader import SessionReader


class Export(Protocol):
    """Writes a session to a target; raises UnusableArguments or EnvironmentFault with a sentence."""

    def __call__(self, reader: SessionReader, target: Path, *, force: bool = False) -> None:
        """Write `target`, whole or not at all; an existing one only with `force`."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: the value of `--to`.
        label: words for a dialog.
        target: what it writes.
        suffix: of the target's suggested name, with its dot; empty for a folder.
        contents: what is in it, in a sentence.
    """

    name: str
    label: str
    target: Literal["file", "folder"]
    suffix: str
    contents: str
    export: Export


FORMATS: tuple[Format, ...] = (
    Format(
        "csv",
        "CSV tables",
        "folder",
        "",
        "A folder of tables for spreadsheets: cells with their figures (by class too), every request, token, step and sample.",
        export_csv,
    ),
    Format(
        "json",
        "JSON document",
        "file",
        ".json",
        "One document: the summary that `show --json` prints, the events, and every run with all its raw data.",
        export_json,
    ),
)

BY_NAME = {item.name: item for item in FORMATS}
