"""What is known of models' quality, kept in the cache folder by the content of model, base and text."""

import dataclasses
import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from profiler.paths import cache_folder, write_in_one_move
from profiler.records.quality import QualityRecord

_SHOWN_DIGITS = 16
_KINDS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float,),
    str | None: (str, type(None)),
    int | None: (int, type(None)),
    float | None: (float, type(None)),
}


_Kept = TypeVar("_Kept", "QualityKey", QualityRecord)


@dataclass(frozen=True, slots=True)
class QualityKey:
    """What a measurement depends on.

    Attributes:
        tokens: the budget that was given, None for the whole text.
        library_version: of llama-cpp-python.
    """

    model_sha256: str
    base_sha256: str | None
    text_sha256: str
    ctx_size: int
    tokens: int | None
    library_version: str


def quality_folder() -> Path:
    """Where the records are kept, one a file."""
    return cache_folder() / "quality"


def keep(key: QualityKey, record: QualityRecord) -> None:
    """Remember a record; a disk that is full or read-only is no fault, since it can be measured again."""
    measured_utc = datetime.now(UTC).isoformat()
    entry = {"key": dataclasses.asdict(key), "measured_utc": measured_utc, "record": dataclasses.asdict(record)}
    with suppress(OSError):
        write_in_one_move(_file(key), json.dumps(entry, indent=1))


def known(key: QualityKey) -> QualityRecord | None:
    """The record that was kept under exactly this key."""
    entry = _read(_file(key))
    return entry[2] if entry is not None and entry[0] == key else None


def latest(model_sha256: str) -> QualityRecord | None:
    """For a list of models: the newest record against a base, else the newest at all; None when nothing is known."""
    found = _entries(model_sha256)
    return max(found, key=lambda entry: (entry[2].base_sha256 is not None, entry[1]))[2] if found else None


def most_tokens(model_sha256: str, base_sha256: str | None, text_sha256: str) -> QualityRecord | None:
    """The record of this text against this base (or without any) that scored the most tokens, the newest of several."""
    fitting = [
        entry for entry in _entries(model_sha256) if entry[0].base_sha256 == base_sha256 and entry[0].text_sha256 == text_sha256
    ]
    return max(fitting, key=lambda entry: (entry[2].tokens, entry[1]))[2] if fitting else None


_Entry = tuple[QualityKey, str, QualityRecord]


def _entries(model_sha256: str) -> list[_Entry]:
    entries = []
    for path in quality_folder().glob(f"{model_sha256[:_SHOWN_DIGITS]}-*.json"):
        entry = _read(path)
        if entry is not None and entry[0].model_sha256 == model_sha256:
            entries.append(entry)
    return entries


def _file(key: QualityKey) -> Path:
    digest = hashlib.sha256(json.dumps(dataclasses.astuple(key)).encode()).hexdigest()
    return quality_folder() / f"{key.model_sha256[:_SHOWN_DIGITS]}-{digest[:_SHOWN_DIGITS]}.json"


def _read(path: Path) -> _Entry | None:
    """The entry, None when there is none or it is not one of ours: it can be made again."""
    try:
        entry = json.loads(path.read_text("utf-8"))
        return _typed(QualityKey, entry["key"]), str(entry["measured_utc"]), _typed(QualityRecord, entry["record"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _typed(kind: type[_Kept], document: Any) -> _Kept:
    """Raises TypeError when a field is missing, unknown or of another type."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        value = document[field.name]
        if type(value) not in _KINDS[field.type]:
            raise TypeError(f"{field.name} is of no known type")
        values[field.name] = value
    return kind(**values)
