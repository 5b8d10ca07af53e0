"""Which of our kinds a file is, by its name's ending or, failing that, by its first bytes."""

from enum import Enum
from pathlib import Path


class FileKind(Enum):
    """What the window can open."""

    SESSION = "session"
    MODEL = "model"
    PLAN = "plan"
    RESULTS = "results"  # of another tool: imported, then opened


_BY_SUFFIX = {".inferometer": FileKind.SESSION, ".gguf": FileKind.MODEL, ".toml": FileKind.PLAN}
_BY_SUFFIX |= dict.fromkeys((".json", ".jsonl", ".csv", ".sql"), FileKind.RESULTS)
_BY_MAGIC = {b"GGUF": FileKind.MODEL, b"SQLite format 3\x00": FileKind.SESSION}


def file_kind(path: Path) -> FileKind | None:
    """The kind, None when it is none of ours or cannot be read."""
    known = _BY_SUFFIX.get(path.suffix.lower())
    if known is not None:
        return known
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    return next((kind for magic, kind in _BY_MAGIC.items() if head.startswith(magic)), None)
