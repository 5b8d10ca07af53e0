"""A session of the library, and what the table tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from app.pages.results.session_words import date_words
from app.tables.column import Column, Raw
from app.widgets.sentence import Tone
from profiler.exchange.run_library import LibraryRow, RunState
from profiler.session.labels import tags_text
from profiler.units import significant

Grouping = Literal["none", "model", "machine"]

BASELINE_MARK = "◆"
_MARKS = {RunState.UNDER_WAY: "●", RunState.UNFINISHED: "▲", RunState.EMPTY: "▲", RunState.UNREADABLE: "✕"}
_TONES: dict[RunState, Tone] = {RunState.UNFINISHED: "caution", RunState.EMPTY: "caution", RunState.UNREADABLE: "broken"}
_NO_MODEL, _NO_MACHINE = "model not known", "machine not known"


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """A row of the table: a session, or the heading of a group.

    Attributes:
        group: what it belongs to; empty while nothing is grouped.
        row: None for a heading.
        count: sessions of a heading's group.
        is_baseline: it is the pinned one.
    """

    group: str
    row: LibraryRow | None
    count: int = 0
    is_baseline: bool = False


def library_entries(rows: Sequence[LibraryRow], grouping: Grouping, baseline: Path | None) -> list[LibraryEntry]:
    """The rows in their order, those of a group below its heading; groups by their names."""
    pinned = None if baseline is None else baseline.absolute()
    if grouping == "none":
        return [LibraryEntry("", row, is_baseline=row.path == pinned) for row in rows]
    names = _group_names(rows, grouping)
    groups: dict[str, list[LibraryRow]] = {}
    for row, name in zip(rows, names, strict=True):
        groups.setdefault(name, []).append(row)
    entries = []
    for name in sorted(groups, key=str.casefold):
        entries.append(LibraryEntry(name, None, len(groups[name])))
        entries += [LibraryEntry(name, row, is_baseline=row.path == pinned) for row in groups[name]]
    return entries


def _group_names(rows: Sequence[LibraryRow], grouping: Grouping) -> list[str]:
    """Machines of one description that are not one machine are told apart by a number."""
    if grouping == "model":
        return [", ".join(row.models) or _NO_MODEL for row in rows]
    keys: dict[str, dict[str, None]] = {}
    for row in rows:
        keys.setdefault(row.machine, {})[row.machine_key] = None
    names = {}
    for machine, of_machine in keys.items():
        for number, key in enumerate(of_machine, 1):
            name = machine or _NO_MACHINE
            names[machine, key] = name if len(of_machine) == 1 else f"{name} ({number})"
    return [names[row.machine, row.machine_key] for row in rows]


def _title_raw(entry: LibraryEntry) -> Raw:
    if entry.row is None:
        return f"{entry.group} · {entry.count} session{'' if entry.count == 1 else 's'}"
    return f"{BASELINE_MARK} {entry.row.name}" if entry.is_baseline else entry.row.name


def _title_tip(entry: LibraryEntry) -> str:
    if entry.row is None:
        return entry.group
    return "\n".join(filter(None, (str(entry.row.path), "The pinned baseline" if entry.is_baseline else "", entry.row.problem)))


def _date_text(raw: Raw) -> str:
    try:
        return date_words(datetime.fromisoformat(str(raw)).astimezone(), datetime.now().astimezone())
    except ValueError:
        return str(raw)


def _cells_raw(entry: LibraryEntry) -> Raw:
    return None if entry.row is None else entry.row.cells


def _cells_tip(entry: LibraryEntry) -> str:
    return "" if entry.row is None else f"{entry.row.measured} of {entry.row.cells} measured to the end"


def _output_text(raw: Raw) -> str:
    assert isinstance(raw, int | float)
    return significant(raw)


def _state_raw(entry: LibraryEntry) -> Raw:
    if entry.row is None:
        return None
    mark = _MARKS.get(entry.row.state)
    return entry.row.state.value if mark is None else f"{mark} {entry.row.state.value}"


def _state_tone(entry: LibraryEntry) -> Tone:
    return "plain" if entry.row is None else _TONES.get(entry.row.state, "muted")


def _notes_raw(entry: LibraryEntry) -> Raw:
    return None if entry.row is None else " ".join(entry.row.notes.split()) or None


LIBRARY_COLUMNS: tuple[Column[LibraryEntry], ...] = (
    Column(
        "Session",
        "Its title, else its file's name",
        _title_raw,
        tone=lambda entry: "muted" if entry.row is None else "plain",
        tip=_title_tip,
    ),
    Column(
        "Made",
        "When the sweep began",
        lambda entry: entry.row.created_utc or None if entry.row else None,
        _date_text,
    ),
    Column(
        "Models",
        "Names and quantizations",
        lambda entry: ", ".join(entry.row.models) or None if entry.row else None,
        tip=lambda entry: "\n".join(entry.row.models) if entry.row else "",
        can_fold=True,
    ),
    Column(
        "Tags",
        "Labels of your own",
        lambda entry: tags_text(entry.row.tags) or None if entry.row else None,
        can_fold=True,
    ),
    Column(
        "Best tok/s",
        "Output in total of the cell with most of it",
        lambda entry: entry.row.best_output_tok_s if entry.row else None,
        _output_text,
        is_figure=True,
    ),
    Column("State", "How far its sweep came", _state_raw, tone=_state_tone, tip=_title_tip),
    Column(
        "Machine",
        "Processor, cores, memory, graphics",
        lambda entry: entry.row.machine or None if entry.row else None,
        tip=lambda entry: entry.row.machine if entry.row else "",
        can_fold=True,
    ),
    Column("Cells", "Configurations", _cells_raw, is_figure=True, tip=_cells_tip, can_fold=True),
    Column(
        "Notes",
        "Words of your own",
        _notes_raw,
        tip=lambda entry: entry.row.notes if entry.row else "",
        can_fold=True,
    ),
)
