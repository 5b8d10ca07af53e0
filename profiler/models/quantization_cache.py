"""The cache of quantizations that were made: where they lie, which are complete, how much room they take, and deleting them.

A folder holds what one version of the library made from one source (with one importance matrix); beside each model lies a note,
written last, so that a file without one is not complete.
"""

import json
import os
import re
import threading
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.paths import cache_folder

_PART_NAME = re.compile(r"\.(?P<process>\d+)\.[0-9a-f]{8}\.part$")

_held: Counter[Path] = Counter()
_held_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class CachedModel:
    """A complete model of the cache.

    Attributes:
        fallback_tensors: tensors that got another type than asked, since their rows do not divide into its blocks.
        source_name: name of the file that it was made from; None in a note of an older version, like the next two.
        imatrix_name: name of the importance matrix that it was made with, None without one.
        made_utc: ISO 8601.
        last_used_utc: when it was last made, found or swept.
        is_in_use: a sweep of this process holds it.
    """

    path: Path
    type: str
    file_bytes: int
    sha256: str
    fallback_tensors: int
    source_name: str | None
    imatrix_name: str | None
    made_utc: str | None
    last_used_utc: str
    is_in_use: bool


def quantizations_folder() -> Path:
    """Where made models are kept."""
    return cache_folder() / "models"


def entries() -> tuple[CachedModel, ...]:
    """Every complete model, the latest used first."""
    found = [model for note in _files(".json") if (model := _read(note)) is not None]
    return tuple(sorted(found, key=lambda model: model.last_used_utc, reverse=True))


def total_bytes() -> int:
    """What the cache takes on the disk, unfinished files included."""
    return sum(_size(path) for path in _files(""))


def delete(path: Path) -> int:
    """Delete one model; returns the bytes freed.

    Raises:
        UnusableArguments: it is none of the cache.
        EnvironmentFault: it is in use here, or cannot be deleted.
    """
    if path.suffix != ".gguf" or path not in _files(".gguf"):
        raise UnusableArguments(f"{path} is no model of the cache; choose one that it lists.")
    with _held_lock:
        if _held[path]:
            raise EnvironmentFault(f"{path.name} is being measured; delete it when the sweep has ended.")
        return _remove(path)


def delete_all() -> int:
    """Delete every model that is not in use here, and what interrupted work left; returns the bytes freed."""
    with _held_lock:
        freed = sum(_remove(path) for path in _files(".gguf") if not _held[path])
        freed += sum(_remove(path) for path in _files(".part") if not _is_being_written(path))
        freed += sum(_remove(note) for note in _files(".json") if not note.with_suffix(".gguf").exists())
    with suppress(OSError):
        for folder in quantizations_folder().iterdir():
            with suppress(OSError):
                folder.rmdir()  # refused while something is left in it
    return freed


def hold(path: Path) -> None:
    """Keep a file from being deleted by this process until `release` was called as often."""
    with _held_lock:
        _held[path] += 1


def release(path: Path) -> None:
    """Undo one `hold`; for a file that is not held, nothing."""
    with _held_lock:
        if _held[path] > 1:
            _held[path] -= 1
        else:
            del _held[path]


def folder_of(source_sha256: str, library_version: str, imatrix_key: str | None = None) -> Path:
    """Where quantizations of this content lie; another version of the library may write other bytes."""
    name = f"{source_sha256[:16]}-{library_version}"
    return quantizations_folder() / (name if imatrix_key is None else f"{name}-{imatrix_key[:16]}")


def find(folder: Path, type_name: str) -> CachedModel | None:
    """The complete model of a type, whatever the source was called when it was made; it counts as used now."""
    with suppress(OSError):
        for note in sorted(folder.glob(f"*.{type_name}.json")):
            model = _read(note)
            if model is not None and model.type == type_name:
                with suppress(OSError):
                    os.utime(note)
                return model
    return None


def part_path(target: Path) -> Path:
    """A name for the unfinished `target` that no other work uses, and that tells whose it is."""
    return target.with_name(f"{target.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.part")


def write_note(target: Path, note: dict[str, Any]) -> None:
    """Declare `target` complete; raises OSError."""
    document = {**note, "made_utc": datetime.now(UTC).isoformat(timespec="seconds")}
    temporary = part_path(target)
    try:
        temporary.write_text(json.dumps(document), "utf-8")
        temporary.replace(target.with_suffix(".json"))
    finally:
        temporary.unlink(missing_ok=True)


def _read(note: Path) -> CachedModel | None:
    """The model that a note declares complete; None when it or the note is not as it should be."""
    target = note.with_suffix(".gguf")
    try:
        document = json.loads(note.read_text("utf-8"))
        used = datetime.fromtimestamp(note.stat().st_mtime, UTC)
        model = CachedModel(
            target,
            str(document["type"]),
            int(document["file_bytes"]),
            str(document["sha256"]),
            int(document["fallback_tensors"]),
            document.get("source_name"),
            document.get("imatrix_name"),
            document.get("made_utc"),
            used.isoformat(timespec="milliseconds"),
            _held[target] > 0,
        )
        return model if target.stat().st_size == model.file_bytes else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _files(suffix: str) -> list[Path]:
    """The cache's files of that suffix, all with an empty one; none while there is no cache."""
    try:
        return [path for path in sorted(quantizations_folder().glob("*/*")) if path.name.endswith(suffix) and path.is_file()]
    except OSError:
        return []


def _remove(path: Path) -> int:
    """Delete a file, its note first, so that one left half-deleted is not taken for complete."""
    note = path.with_suffix(".json")
    freed = _size(path)
    try:
        if path.suffix == ".gguf" and note.exists():
            freed += _size(note)
            note.unlink()
        path.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"{path} could not be deleted: {error.strerror or error}.") from None
    return freed


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone meanwhile: it takes nothing


def _is_being_written(path: Path) -> bool:
    match = _PART_NAME.search(path.name)
    return match is not None and psutil.pid_exists(int(match["process"]))
