"""Sessions to the computer's trash and back. On a worker thread; no widget is touched."""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFile

from profiler.errors import EnvironmentFault
from profiler.session.claim import Claim

_BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a file that its writer did not close; the last seconds of a sweep may be in it."""


@dataclass(frozen=True, slots=True)
class Trashed:
    """What was moved.

    Attributes:
        sessions: where they were.
        places: each file's place before, and its place in the trash.
    """

    sessions: tuple[Path, ...]
    places: tuple[tuple[Path, Path], ...]


def move_to_trash(sessions: Sequence[Path]) -> Trashed:
    """Move these to the trash, all or none.

    Raises:
        EnvironmentFault: a sweep is being written into one of them, or there is no trash for its disk; nothing was moved.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for session in sessions:
            claim = Claim.take(session)
            try:
                for path in (session, *(session.with_name(session.name + ending) for ending in _BESIDE)):
                    if path.exists():
                        moved.append((path, _moved(path)))
            finally:
                claim.release()
    except BaseException:
        with contextlib.suppress(EnvironmentFault):
            restore(Trashed(tuple(sessions), tuple(moved)))
        raise
    return Trashed(tuple(sessions), tuple(moved))


def restore(trashed: Trashed) -> None:
    """Bring them back to where they were.

    Raises:
        EnvironmentFault: one is no longer in the trash, or its place is taken.
    """
    for before, in_trash in trashed.places:
        if before.exists():
            raise EnvironmentFault(f"{before} cannot be brought back: there is another file now; it is in the trash.")
        try:
            before.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(in_trash, before)
        except OSError as error:
            raise EnvironmentFault(f"{before} cannot be brought back from the trash ({error.strerror}); look there.") from error
        with contextlib.suppress(OSError):  # the note that a freedesktop trash keeps of each file
            (in_trash.parent.parent / "info" / f"{in_trash.name}.trashinfo").unlink()


def _moved(path: Path) -> Path:
    file = QFile(str(path))
    if not file.moveToTrash():
        raise EnvironmentFault(f"{path} cannot be moved to the trash ({file.errorString()}); remove it in the file manager.")
    return Path(file.fileName())
