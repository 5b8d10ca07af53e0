"""Finds the models on this computer: GGUF files in given folders, and where other programs keep theirs. Read-only."""

import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from profiler.errors import EnvironmentFault, Interrupted
from profiler.modelfile.description import PART_NAME
from profiler.modelfile.header import read_beginning
from profiler.models import ollama
from profiler.models.places import Layout, Place, known_places
from profiler.models.sample import sample_model_path

MAX_DEPTH = 8
"""Folders below a place; the deepest known layout (Hugging Face with sub-folders) needs five."""

SAMPLE_SOURCE = "sample"


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A file that can be loaded as a model.

    Attributes:
        path: as it was found. Links are followed to tell files apart but not put in its place: the name lies on the link, and the
            parts of a split model find each other by name.
        name: the file's stem; where a program has a better one, that ("llama3:8b").
        source: "Hugging Face", "LM Studio", "Ollama", "llama.cpp", "Jan", "GPT4All", "sample", or the given folder.
    """

    path: Path
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found, and the files and folders that it could not read, each with the reason."""

    files: tuple[FoundModel, ...]
    unreadable: tuple[tuple[Path, str], ...]


def scan(
    folders: Sequence[Path] = (),
    on_found: Callable[[FoundModel], None] | None = None,
    cancel: threading.Event | None = None,
    *,
    with_known_places: bool = True,
) -> ScanResult:
    """Look for models in `folders`, then where other programs keep theirs, then for the sample.

    A file reachable on several ways is listed once, as first found. Later parts of split models, projectors, adapters and
    vocabularies are left out. A given folder that is not there is reported, a program that is not there is not.

    Args:
        folders: the user's own, looked through down to `MAX_DEPTH`.
        on_found: gets each model at once, on this thread.
        cancel: set by another thread to stop.
        with_known_places: whether to look beyond `folders`.

    Raises:
        Interrupted: `cancel` was set; what `on_found` got until then stands.
    """
    search = _Search(on_found, cancel)
    for folder in folders:
        search.look_into(Place(str(folder), Path(os.path.abspath(folder))))
    if with_known_places:
        for place in known_places(sys.platform, os.environ, Path(os.path.expanduser("~"))):
            if search.is_there(place):
                search.look_into(place)
        search.look_for_sample()
    return search.result()


class _Search:
    """One scan: what it found and what it has seen so far."""

    def __init__(self, on_found: Callable[[FoundModel], None] | None, cancel: threading.Event | None) -> None:
        self._on_found = on_found
        self._cancel = cancel
        self._found: list[FoundModel] = []
        self._unreadable: dict[Path, str] = {}
        self._seen_files: set[tuple[int, int]] = set()

    def result(self) -> ScanResult:
        """All that was found, in the order of finding."""
        return ScanResult(tuple(self._found), tuple(self._unreadable.items()))

    def is_there(self, place: Place) -> bool:
        """Whether there is such a place; if that cannot be told, no, and the reason is reported."""
        try:
            os.stat(place.root)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            self._report(place.root, error)
            return False
        return True

    def look_into(self, place: Place) -> None:
        """Search one place."""
        for path in self._files(place.root):
            if place.layout is Layout.OLLAMA:
                self._consider_manifest(path, place)
            elif path.suffix.lower() == ".gguf":
                self._consider(path, _name(path, place.layout), place.source)

    def look_for_sample(self) -> None:
        """Add the sample model if it is installed."""
        try:
            path = sample_model_path()
        except EnvironmentFault:
            return
        self._consider(path, _name(path, Layout.FOLDERS), SAMPLE_SOURCE)

    def _consider_manifest(self, manifest: Path, place: Place) -> None:
        name = ollama.manifest_name(manifest, place.root)
        if name is None:
            return
        try:
            blobs = ollama.model_blobs(manifest, place.folder / "blobs")
        except OSError as error:
            self._report(manifest, error)
            return
        for blob in blobs:
            self._consider(blob, name, place.source)

    def _consider(self, path: Path, name: str, source: str) -> None:
        """List the file unless it was seen before or is no model that can be loaded."""
        part = PART_NAME.match(path.name)
        if (part and int(part["part"]) != 1) or "mmproj" in path.name.lower():
            return
        try:
            status = os.stat(path)
            identity = (status.st_dev, status.st_ino)
            if identity in self._seen_files or not stat.S_ISREG(status.st_mode):
                return
            self._seen_files.add(identity)
            beginning = read_beginning(path)
        except OSError as error:
            self._report(path, error)
            return
        except EnvironmentFault as fault:
            self._unreadable[path] = fault.sentence
            return
        kind = beginning.metadata.get("general.type", "model")
        is_projector = beginning.metadata.get("general.architecture") == "clip"
        has_weights = beginning.tensor_count > 0 or part is not None
        if kind == "model" and not is_projector and has_weights:
            found = FoundModel(path, name, source)
            self._found.append(found)
            if self._on_found:
                self._on_found(found)

    def _files(self, folder: Path) -> Iterator[Path]:
        """All that lies below `folder` and is no folder, in order of names; links to folders are followed, each folder once."""
        seen: set[tuple[int, int]] = set()
        pending = [(folder, 0)]
        while pending:
            self._stop_if_asked()
            current, depth = pending.pop()
            try:
                status = os.stat(current)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(current) as entries:
                    children = sorted(((entry.name, _is_folder(entry)) for entry in entries), reverse=True)
            except OSError as error:
                self._report(current, error)
                continue
            if depth < MAX_DEPTH:
                pending += [(current / name, depth + 1) for name, is_folder in children if is_folder]
            for name, is_folder in reversed(children):
                if not is_folder:
                    self._stop_if_asked()
                    yield current / name

    def _stop_if_asked(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise Interrupted("the search for models was stopped")

    def _report(self, path: Path, error: OSError) -> None:
        self._unreadable[path] = f"{path} cannot be read ({error.strerror or error}); check the path and its permissions"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _name(path: Path, layout: Layout) -> str:
    """The file's stem without its part number, or the folder's name where that is what names a model."""
    if layout is Layout.NAMED_FOLDERS and path.stem == "model":
        return path.parent.name
    part = PART_NAME.match(path.name)
    return part["prefix"] if part else path.stem
