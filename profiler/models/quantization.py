"""Models made by llama.cpp's quantizer, kept in the cache folder by the content that they were made from."""

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault
from profiler.modelfile.content_hash import sha256, sha256_of_parts
from profiler.modelfile.description import describe
from profiler.paths import cache_folder
from profiler.records.message import Message, MessageKind
from profiler.records.outcome import OutcomeKind

_BYTES_PER_WEIGHT = {"F32": 4.0, "F16": 2.0, "BF16": 2.0}
_MOST_BYTES_PER_WEIGHT = 1.2  # Q8_0 takes 34 bytes for 32 weights; tensors that fall back may take more


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """A model file that was made.

    Attributes:
        type: the type that was asked for.
        fallback_tensors: tensors that got another type, since their rows do not divide into its blocks.
        was_cached: it was made before.
    """

    path: Path
    type: str
    file_bytes: int
    sha256: str
    fallback_tensors: int
    was_cached: bool


def quantizations_folder() -> Path:
    """Where made models are kept."""
    return cache_folder() / "models"


def make(
    source: Path,
    type_name: str,
    *,
    library_version: str,
    threads: int,
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> QuantizedModel:
    """The model of `source` as `type_name`, made now or found in the cache.

    Args:
        source: a GGUF file.
        type_name: llama.cpp's name of the type ("Q8_0").
        library_version: of llama-cpp-python; another version may write other bytes, so it is part of the cache's key.
        threads: for the quantizer.
        on_progress: hears the share done.
        cancel: ends the work when set.

    Raises:
        EnvironmentFault: refused by llama.cpp, cancelled, or no room on the disk; nothing half-made is left.
    """
    description = describe(source)
    source_hash = sha256_of_parts(description.parts, cancel=cancel)
    folder = quantizations_folder() / f"{source_hash[:16]}-{library_version}"
    target = folder / f"{source.stem}.{type_name}.gguf"
    known = _known(target)
    if known is not None:
        return known
    _check_room(source, description.parameters, type_name)
    temporary = target.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fallbacks = _quantize(source, temporary, type_name, threads, on_progress, cancel)
        model = QuantizedModel(target, type_name, temporary.stat().st_size, sha256(temporary), fallbacks, was_cached=False)
        temporary.replace(target)
        _note(target).write_text(
            json.dumps({"sha256": model.sha256, "file_bytes": model.file_bytes, "fallback_tensors": fallbacks, "type": type_name})
        )
    except OSError as error:
        raise EnvironmentFault(f"{type_name} could not be written to {folder}: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return model


def _note(target: Path) -> Path:
    return target.with_suffix(".json")


def _known(target: Path) -> QuantizedModel | None:
    """A finished model of the cache; its note is written last, so a file without one is not complete."""
    try:
        note = json.loads(_note(target).read_text())
        size = target.stat().st_size
        if size != note["file_bytes"]:
            return None
        return QuantizedModel(target, note["type"], size, note["sha256"], note["fallback_tensors"], was_cached=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check_room(source: Path, weights: int, type_name: str) -> None:
    needed = int(weights * _BYTES_PER_WEIGHT.get(type_name, _MOST_BYTES_PER_WEIGHT))
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentFault(
            f"{type_name} of {source.name} needs up to {needed / 1e9:.1f} GB in {folder}, where {free / 1e9:.1f} GB are free."
        )


def _quantize(
    source: Path,
    target: Path,
    type_name: str,
    threads: int,
    on_progress: Callable[[float], None] | None,
    cancel: threading.Event | None,
) -> int:
    arguments = {"source": str(source), "target": str(target), "type_name": type_name, "threads": threads}
    with EngineChild() as child:

        def hear(message: Message) -> None:
            if message.kind is MessageKind.PROGRESS and on_progress is not None:
                on_progress(float(message.document()["share"]))

        def watch() -> None:
            if cancel is not None and cancel.is_set():
                child.kill()  # the quantizer has no other way to be stopped; what it wrote is removed

        end = child.run_job("quantize", arguments, on_message=hear, on_idle=watch)
    if cancel is not None and cancel.is_set():
        raise EnvironmentFault(f"Making {type_name} was stopped.")
    if end.outcome.kind is not OutcomeKind.DONE:
        raise EnvironmentFault(f"{type_name} could not be made from {source.name}. {end.outcome.sentence}")
    return int(end.result["fallback_tensors"])
