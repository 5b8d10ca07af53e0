"""Asks where a session shall be exported to, and in which format."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.rasterizer import rasterize
from profiler.exchange.formats import Format, formats_with


def choices() -> tuple[Format, ...]:
    """All formats, those without names and paths as formats of their own."""
    found: list[Format] = []
    for item in formats_with(rasterize):
        found.append(item)
        if item.anonymous is not None:
            found.append(replace(item, label=f"{item.label} without names and paths", export=item.anonymous, anonymous=None))
    return tuple(found)


def filter_of(item: Format) -> str:
    """A format as a line of the save dialog."""
    kind = "" if item.target == "file" else ", a folder"
    return f"{item.label}{kind} (*{item.suffix})"


def ask_export(parent: QWidget, session: Path) -> tuple[Format, Path] | None:
    """The chosen format and target; None when the person thought better of it. The dialog asks before a file is replaced."""
    filters = {filter_of(item): item for item in choices()}
    name, chosen = QFileDialog.getSaveFileName(
        parent, "Export the session", str(session.with_suffix("")), ";;".join(filters), next(iter(filters))
    )
    if not name:
        return None
    item = filters.get(chosen, choices()[0])
    target = Path(name)
    if item.target == "file" and not target.name.endswith(item.suffix):
        target = target.with_name(target.name + item.suffix)
    return item, target
