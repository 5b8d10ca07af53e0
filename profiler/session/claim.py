"""Who may write a session file: one live process at a time. Readers are never held up, and a process's end frees its claim.

The claim is a lock of the operating system on a small file beside the session (`NAME.inferometer-lock`). It is not taken on
the session itself: closing any handle on a file drops the locks that SQLite holds on it.
"""

import os
import sys
import time
from pathlib import Path
from typing import Self

from profiler.errors import EnvironmentFault

_NOT_A_LINK = getattr(os, "O_NOFOLLOW", 0)  # one that somebody planted in a shared folder would make a file elsewhere
_ATTEMPTS = 5
_PAUSE_S = 0.02
"""A reader's `is_claimed` holds the lock for microseconds; a few attempts outlast it."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False  # held by another process, or a disk that knows no locks
        return True


class Claim:
    """The right to write one session file, until `release` or the end of the process."""

    def __init__(self, lock_file: Path, descriptor: int) -> None:
        self._lock_file = lock_file
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Claim the session file `path`, which need not exist yet.

        Raises:
            EnvironmentFault: another writer has it, or its folder cannot be written.
        """
        lock_file = _lock_file(path)
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S)
            try:
                descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | _NOT_A_LINK, 0o666)
            except OSError as error:
                raise EnvironmentFault(_cannot_write(path, error)) from error
            if _try_lock(descriptor) and _is_same_file(descriptor, lock_file):
                return cls(lock_file, descriptor)
            os.close(descriptor)
        raise EnvironmentFault(
            f"{path} is being written by another Inferometer (or its disk knows no locks); "
            "wait until that ends, or choose another file."
        )

    def release(self) -> None:
        """Give the claim back; a second call does nothing."""
        if self._descriptor is None:
            return
        if sys.platform == "win32":
            os.close(self._descriptor)  # an open file cannot be removed there
            _remove(self._lock_file)
        else:
            _remove(self._lock_file)
            os.close(self._descriptor)
        self._descriptor = None


def is_claimed(path: Path) -> bool:
    """Whether a live process writes the session file `path`."""
    try:
        descriptor = os.open(_lock_file(path), os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # another user's lock: its state cannot be asked, so the file's own word stands
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + "-lock")


def _is_same_file(descriptor: int, lock_file: Path) -> bool:
    """False when the lock file was removed, by the writer before us, between our opening and locking it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(lock_file))
    except FileNotFoundError:
        return False


def _remove(lock_file: Path) -> None:
    try:
        lock_file.unlink(missing_ok=True)
    except OSError:
        return  # a stale lock file is harmless


def _cannot_write(path: Path, error: OSError) -> str:
    folder = path.absolute().parent
    if not folder.is_dir():
        return f"{path} cannot be made: the folder {folder} does not exist."
    return f"{path} cannot be written ({error.strerror}); choose another folder or change its permissions."
