"""Asks where a session shall be exported to, and in which format."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from profiler.exchange.formats import FORMATS, Format


def filter_of(item: Format) -> str:
    """A format as a line of the save dialog."""
    kind = "" if item.target == "file" else ", a folder"
    return f"{item.label}{kind} (*{item.suffix})"


def ask_export(parent: QWidget, session: Path) -> tuple[Format, Path] | None:
    """The chosen format and target; None when the person thought better of it. The dialog asks before a file is replaced."""
    filters = {filter_of(item): item for item in FORMATS}
    name, chosen = QFileDialog.getSaveFileName(
        parent, "Export the session", str(session.with_suffix("")), ";;".join(filters), next(iter(filters))
    )
    if not name:
        return None
    item = filters.get(chosen, FORMATS[0])
    target = Path(name)
    if item.target == "file" and target.suffix != item.suffix:
        target = target.with_name(target.name + item.suffix)
    return item, target
