"""The library of runs: every session file in the watched folders, told in a row each, from an index that can be made again.

A file whose size and times are those that the index knows is not opened, so that thousands are listed at once. The index is a
cache: missing, damaged or of another version it counts as empty, and the next scan fills it. A session under way changes with
every second and is read anew by each scan.
"""

import contextlib
import dataclasses
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from profiler import paths
from profiler.analysis.figure_name import figure_value
from profiler.errors import EnvironmentFault, Interrupted
from profiler.exchange.comparison import SUFFIX
from profiler.exchange.findings.session_view import machine_words
from profiler.hardware.session_spread import machine_key
from profiler.records.run_record import CellRecord, CellStatus
from profiler.session.claim import is_claimed
from profiler.session.labels import read_labels
from profiler.session.reader import SessionReader
from profiler.session.sweep_log import is_unfinished

INDEX_NAME = "run_library.json"
_INDEX_VERSION = 1
_LOCK_SUFFIX, _LOG_SUFFIX = f"{SUFFIX}-lock", f"{SUFFIX}-wal"


class RunState(StrEnum):
    """How far a session's sweep came."""

    FINISHED = "finished"
    UNFINISHED = "broken off"
    UNDER_WAY = "under way"
    EMPTY = "nothing measured"
    UNREADABLE = "cannot be read"


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """One session.

    Attributes:
        title: the user's words; `name` falls back to the file's name.
        created_utc: ISO 8601, empty where it is not known.
        machine: processor, cores and memory in a line; `machine_key` is the same for sessions of one machine.
        models: their names with the quantizations, each once ("SmolLM2 Q8_0").
        cells, measured: configurations, and those of them that were measured to the end.
        best_output_tok_s: the highest of its cells; None where none was measured.
        tags: name → value.
        problem: why it cannot be read, in a sentence; else empty.
    """

    path: Path
    title: str = ""
    created_utc: str = ""
    machine: str = ""
    machine_key: str = ""
    models: tuple[str, ...] = ()
    cells: int = 0
    measured: int = 0
    best_output_tok_s: float | None = None
    notes: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    state: RunState = RunState.FINISHED
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called in lists."""
        return self.title or self.path.stem


@dataclass(frozen=True, slots=True)
class Listing:
    """What a scan found.

    Attributes:
        rows: the newest first.
        opened: how many files were opened, since the index did not know them as they are.
        missing_folders: watched folders that are not there or may not be read.
    """

    rows: tuple[LibraryRow, ...]
    opened: int
    missing_folders: tuple[Path, ...]


Stamp = tuple[int, int, int, int]
"""Size and time of change of the file and of what SQLite keeps beside it (0, 0 where nothing is there)."""


class RunLibrary:
    """The rows of the watched folders. Used by one thread at a time.

    Args:
        index_file: another one than the cache folder's, for tests.
    """

    def __init__(self, index_file: Path | None = None) -> None:
        self._index_file = index_file or paths.cache_folder() / INDEX_NAME
        self._known = dict(_read_index(self._index_file))

    def scan(
        self,
        folders: Sequence[Path],
        cancel: threading.Event | None = None,
        found: Callable[[LibraryRow, int, int], None] | None = None,
    ) -> Listing:
        """List every session in these folders and those below them; the index is brought up to date.

        Args:
            folders: the watched ones.
            cancel: ends it when set; what was read until then is kept in the index.
            found: hears of each row, its number from 1, and how many there are.

        Raises:
            Interrupted: `cancel` was set.
        """
        stamps: dict[Path, Stamp] = {}
        locked: set[Path] = set()
        missing = [folder for folder in folders if not _look_through(folder, stamps, locked, cancel)]
        rows: list[LibraryRow] = []
        gone: list[Path] = []
        opened = 0
        try:
            for number, (path, stamp) in enumerate(stamps.items(), 1):
                _stop_if(cancel)
                known = self._known.get(path)
                if path not in locked and known is not None and known[0] == stamp:
                    row = known[1]
                else:
                    row = read_row(path)
                    opened += 1
                    if row.state is RunState.UNDER_WAY:
                        self._known.pop(path, None)
                    else:
                        self._known[path] = (stamp, row)
                rows.append(row)
                if found is not None:
                    found(row, number, len(stamps))
            watched = [folder.absolute() for folder in folders if folder not in missing]
            gone = [path for path in self._known if path not in stamps and any(path.is_relative_to(each) for each in watched)]
            for path in gone:
                del self._known[path]
        finally:
            if opened or gone:
                self._save()
        rows.sort(key=lambda row: row.created_utc, reverse=True)
        return Listing(tuple(rows), opened, tuple(missing))

    def _save(self) -> None:
        """Keep the index; one that cannot be written costs only time, at the next start."""
        documents = [[str(path), list(stamp), _document(row)] for path, (stamp, row) in self._known.items()]
        with contextlib.suppress(OSError):
            paths.write_in_one_move(self._index_file, json.dumps({"version": _INDEX_VERSION, "rows": documents}))


def read_row(path: Path) -> LibraryRow:
    """What a session file says of itself; one that cannot be read is a row, too, which says why."""
    try:
        with SessionReader.open(path) as reader:
            return _row(path, reader)
    except EnvironmentFault as fault:  # a BadFile is one
        return LibraryRow(path, state=RunState.UNREADABLE, problem=fault.sentence)


def _row(path: Path, reader: SessionReader) -> LibraryRow:
    labels, machine, cells = read_labels(reader), reader.machine(), reader.cells()
    outputs = [output for cell in cells if (output := _output_tok_s(reader, cell)) is not None]
    models = [" ".join(filter(None, (model.name, _apart(model.name, model.quantization)))) for model in reader.models()]
    return LibraryRow(
        path,
        labels.title,
        reader.created_utc(),
        machine_words(machine),
        machine_key(machine) if machine else "",
        tuple(dict.fromkeys(models)),
        len(cells),
        sum(cell.status is CellStatus.DONE for cell in cells),
        max(outputs, default=None),
        labels.notes,
        labels.tags,
        _state(path, reader, cells),
    )


def _apart(name: str, quantization: str) -> str:
    """The quantization, unless the name tells it."""
    return "" if quantization.casefold() in name.casefold() else quantization


def _output_tok_s(reader: SessionReader, cell: CellRecord) -> float | None:
    figures, _ = reader.cell_figures(cell.cell_id)
    return None if figures is None else figure_value(figures, "output_tok_s")


def _state(path: Path, reader: SessionReader, cells: Sequence[CellRecord]) -> RunState:
    if is_claimed(path):
        return RunState.UNDER_WAY
    if is_unfinished(reader.events(), len(reader.runs())):
        return RunState.UNFINISHED
    return RunState.FINISHED if any(cell.status is CellStatus.DONE for cell in cells) else RunState.EMPTY


def _look_through(folder: Path, stamps: dict[Path, Stamp], locked: set[Path], cancel: threading.Event | None) -> bool:
    """Gather the session files below a folder with their stamps; False when the folder itself cannot be read."""
    logs: dict[str, tuple[int, int]] = {}
    for is_first, entries in _walk(folder.absolute()):
        _stop_if(cancel)
        if entries is None:
            if is_first:
                return False
            continue
        logs.clear()
        here: list[tuple[Path, int, int]] = []
        for entry in entries:
            with contextlib.suppress(OSError):  # gone meanwhile
                if entry.name.endswith(SUFFIX) and entry.is_file():
                    stat = entry.stat()
                    here.append((Path(entry.path), stat.st_size, stat.st_mtime_ns))
                elif entry.name.endswith(_LOG_SUFFIX):
                    stat = entry.stat()
                    logs[entry.path.removesuffix("-wal")] = (stat.st_size, stat.st_mtime_ns)
                elif entry.name.endswith(_LOCK_SUFFIX):
                    locked.add(Path(entry.path.removesuffix("-lock")))
        for path, size, changed_ns in sorted(here):
            stamps[path] = (size, changed_ns, *logs.get(str(path), (0, 0)))
    return True


def _walk(top: Path) -> Iterator[tuple[bool, list[os.DirEntry[str]] | None]]:
    """Each folder's entries, hidden folders and links to folders left out; None where they cannot be read."""
    waiting, is_first = [str(top)], True
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as scanned:
                entries = list(scanned)
        except OSError:
            yield is_first, None
        else:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                        waiting.append(entry.path)
            yield is_first, entries
        is_first = False


def _stop_if(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Interrupted("The search for sessions was stopped.")


def _document(row: LibraryRow) -> dict[str, Any]:
    document = {item.name: getattr(row, item.name) for item in dataclasses.fields(row) if item.name != "path"}
    return document | {"tags": dict(row.tags)}


def _read_index(file: Path) -> Iterable[tuple[Path, tuple[Stamp, LibraryRow]]]:
    """What the index knows; nothing where it is missing, damaged or of another version."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["version"] != _INDEX_VERSION:
            return []
        return [(Path(name), (_stamp(stamp), _known_row(Path(name), fields))) for name, stamp, fields in document["rows"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []


def _stamp(values: Sequence[int]) -> Stamp:
    size, changed_ns, log_size, log_changed_ns = values
    return int(size), int(changed_ns), int(log_size), int(log_changed_ns)


def _known_row(path: Path, fields: Mapping[str, Any]) -> LibraryRow:
    """A row as it was kept. A kind that does not fit raises ValueError or TypeError: then nothing of the index is believed."""
    texts = {name: fields[name] for name in ("title", "created_utc", "machine", "machine_key", "notes", "problem")}
    models, tags, best = fields["models"], fields["tags"], fields["best_output_tok_s"]
    if not all(isinstance(text, str) for text in (*texts.values(), *models, *tags, *tags.values())):
        raise TypeError("a text is none")
    return LibraryRow(
        path,
        models=tuple(models),
        cells=int(fields["cells"]),
        measured=int(fields["measured"]),
        best_output_tok_s=None if best is None else float(best),
        tags=dict(tags),
        state=RunState(fields["state"]),
        **texts,
    )
