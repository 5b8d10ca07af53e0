"""SHA-256 of a model file, remembered for as long as the file stays as it is."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from profiler.errors import EnvironmentFault, Interrupted
from profiler.paths import cache_folder, write_in_one_move

MAX_REMEMBERED = 10_000

_CHUNK_BYTES = 4 * 2**20

_Identity = dict[str, int]


def sha256(
    path: Path,
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> str:
    """The file's SHA-256 in hexadecimal digits; at once when this file was hashed before and has not changed since.

    Args:
        path: the file.
        on_progress: gets the share done, 0 to 1, after every few megabytes.
        cancel: set by another thread to stop.

    Raises:
        EnvironmentFault: the file cannot be read, or changes while it is read.
        Interrupted: `cancel` was set.
    """
    path = Path(os.path.abspath(path))
    try:
        identity = _identity(os.stat(path))
        known = _remembered(path, identity)
        if known is None:
            known = _digest(path, identity, on_progress, cancel)
            _remember(path, identity, known)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read ({error.strerror or error}); check the path and its permissions") from None
    if on_progress:
        on_progress(1.0)
    return known


def sha256_of_parts(
    parts: Sequence[Path],
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> str:
    """The one hash of a model: its file's SHA-256; of a split model the SHA-256 over its parts' digests, in their order.

    Args:
        parts: the model's files, at least one.
        on_progress: gets the share done, each part counting alike.
        cancel: as in `sha256`.

    Raises:
        EnvironmentFault, Interrupted: as `sha256` does.
    """

    def share_of(done: int) -> Callable[[float], None] | None:
        return None if on_progress is None else lambda share: on_progress((done + share) / len(parts))

    digests = [sha256(part, share_of(done), cancel) for done, part in enumerate(parts)]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()


def _digest(path: Path, identity: _Identity, on_progress: Callable[[float], None] | None, cancel: threading.Event | None) -> str:
    digest = hashlib.sha256()
    buffer = bytearray(_CHUNK_BYTES)
    view = memoryview(buffer)
    done_bytes = 0
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            if cancel is not None and cancel.is_set():
                raise Interrupted(f"hashing {path} was stopped")
            digest.update(view[:count])
            done_bytes += count
            if done_bytes > identity["size"]:
                break  # a file still being written might never end
            if on_progress:
                on_progress(done_bytes / identity["size"])
        if _identity(os.fstat(file.fileno())) != identity:
            raise EnvironmentFault(f"{path} changed while it was read; wait until it is complete and try again")
    return digest.hexdigest()


def _identity(status: os.stat_result) -> _Identity:
    """What tells one state of a file from another without reading it."""
    return {"device": status.st_dev, "inode": status.st_ino, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _cache_file() -> Path:
    return cache_folder() / "content-hashes.json"


def _remembered(path: Path, identity: _Identity) -> str | None:
    entry = _load().get(str(path))
    if not isinstance(entry, dict) or {key: entry.get(key) for key in identity} != identity:
        return None
    known = entry.get("sha256")
    return known if isinstance(known, str) and len(known) == 64 else None


def _remember(path: Path, identity: _Identity, digest: str) -> None:
    """Add to the cache, the latest last. Two processes at once may lose an entry, never the file: then it is hashed again."""
    entries = _load()
    entries.pop(str(path), None)
    entries[str(path)] = {**identity, "sha256": digest}
    text = json.dumps(dict(list(entries.items())[-MAX_REMEMBERED:]), indent=1)
    # The digest is right whether or not it can be remembered, so a full or read-only disk is no fault here.
    with suppress(OSError):
        write_in_one_move(_cache_file(), text)


def _load() -> dict[str, Any]:
    """The cache's entries; none when there is no cache or it is unusable, since it can be made again."""
    try:
        entries = json.loads(_cache_file().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}
