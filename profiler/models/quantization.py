"""Models made by llama.cpp's quantizer: kept in the cache by the content that they were made from, or put where one asks."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, InferometerError, UnusableArguments
from profiler.modelfile.content_hash import sha256, sha256_of_parts
from profiler.modelfile.description import PART_NAME, ModelDescription, describe
from profiler.modelfile.imatrix import Imatrix
from profiler.modelfile.type_mix import UNQUANTIZED, is_quantized
from profiler.models import quantization_cache
from profiler.models.quantization_cache import quantizations_folder as quantizations_folder  # where it used to be
from profiler.models.quantization_sizes import Prediction, carry_out, engine, imatrix_arguments, predict
from profiler.paths import cache_folder


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """A model file that was made.

    Attributes:
        type: the type that was asked for.
        fallback_tensors: tensors that got another type, since their rows do not divide into its blocks.
        was_cached: it was made before.
        imatrix_name: name of the importance matrix that it was made with, None without one.
    """

    path: Path
    type: str
    file_bytes: int
    sha256: str
    fallback_tensors: int
    was_cached: bool
    imatrix_name: str | None = None


def make(
    source: Path,
    type_name: str,
    *,
    library_version: str,
    threads: int,
    imatrix: Imatrix | None = None,
    folder: Path | None = None,
    force: bool = False,
    child: EngineChild | None = None,
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> QuantizedModel:
    """The model of `source` as `type_name`, made now or found in the cache; its bytes are those that llama-quantize writes.

    Args:
        source: a GGUF file; of a split model its first part.
        type_name: llama.cpp's name of the type ("Q8_0").
        library_version: of llama-cpp-python; another version may write other bytes, so it is part of the cache's key.
        threads: for the quantizer.
        imatrix: an importance matrix.
        folder: where to put it instead of into the cache; one that is in the cache is copied.
        force: replace a file that is in `folder` already.
        child: an engine to use; None starts one of its own.
        on_progress: hears the share done.
        cancel: ends the work when set.

    Raises:
        UnusableArguments: the type needs an importance matrix and there is none, or the file exists already.
        EnvironmentFault: refused by llama.cpp, or no room on the disk; nothing half-made is left.
        Interrupted: `cancel` was set; likewise.
    """
    type_name = type_name.upper()
    description = describe(source)
    if folder is not None:
        _check_free(output_path(source, type_name, folder), force=force)
    source_hash = sha256_of_parts(description.parts, cancel=cancel)
    imatrix_key = None if imatrix is None else _imatrix_key(imatrix, cancel)
    home = quantization_cache.folder_of(source_hash, library_version, imatrix_key)
    known = quantization_cache.find(home, type_name)
    if known is not None and folder is None:
        return QuantizedModel(
            known.path, known.type, known.file_bytes, known.sha256, known.fallback_tensors, True, known.imatrix_name
        )
    target = output_path(source, type_name, folder or home)
    if known is not None:
        _check_room(target, known.file_bytes, type_name)
        return _copied(known, target)
    with engine(child) as running:
        (expected,) = predict(
            description, [type_name], library_version=library_version, imatrix=imatrix, child=running, cancel=cancel
        )
        if expected.needs_imatrix and imatrix is None:
            raise UnusableArguments(needs_imatrix_sentence([type_name], source))
        if expected.file_bytes is None:
            raise EnvironmentFault(refusal_sentence(expected, source))
        _check_room(target, expected.file_bytes, type_name)
        made = _made(description, target, type_name, threads, imatrix, running, on_progress, cancel)
    if folder is None:
        _note(made, source.name, source_hash, library_version)
    return made


def output_path(source: Path, type_name: str, folder: Path) -> Path:
    """How the file of a quantization is called; a split model becomes one file."""
    split = PART_NAME.match(source.name)
    return folder / f"{split['prefix'] if split else source.stem}.{type_name.upper()}.gguf"


def requantizing_warning(source: ModelDescription, type_names: Sequence[str]) -> str:
    """What to know before making these types from a source that was quantized before; empty when it was not."""
    if not type_names or not is_quantized(source.tensors):
        return ""
    begin = f"{source.path.name} is {source.quantization} already:"
    lossy = [name for name in type_names if name.upper() not in UNQUANTIZED]
    if not lossy:
        return f"{begin} {', '.join(type_names)} made from it {'is' if len(type_names) == 1 else 'are'} larger, not better."
    return (
        f"{begin} {', '.join(lossy)} made from it {'loses' if len(lossy) == 1 else 'lose'} precision a second time and can be no "
        f"better than the {source.quantization}. Make it from F32, F16 or BF16 where quality matters."
    )


def needs_imatrix_sentence(type_names: Sequence[str], source: Path) -> str:
    """Why types cannot be made as asked."""
    needs = "needs" if len(type_names) == 1 else "need"
    return f"{', '.join(type_names)} of {source.name} {needs} an importance matrix; give one with --imatrix FILE."


def refusal_sentence(prediction: Prediction, source: Path) -> str:
    """Why llama.cpp cannot make a type from this model at all."""
    return f"llama.cpp cannot make {prediction.type} from {source.name}: {prediction.refusal}."


def _imatrix_key(imatrix: Imatrix, cancel: threading.Event | None) -> str:
    """Its content, and its path as it was given: the file that is made records that path."""
    return hashlib.sha256(f"{sha256(imatrix.path, cancel=cancel)} {imatrix.keys}".encode("utf-8", "surrogateescape")).hexdigest()


def _check_free(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise UnusableArguments(f"{target} exists already; choose another folder or give --force to replace it.")


def _check_room(target: Path, needed: int, type_name: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise EnvironmentFault(f"{target.parent} cannot be written to ({error.strerror or error}).") from None
    if free < needed:
        raise EnvironmentFault(
            f"{type_name} takes {needed / 1e9:.2f} GB in {target.parent}, where {free / 1e9:.2f} GB are free; "
            "delete something or choose another folder."
        )


def _copied(known: quantization_cache.CachedModel, target: Path) -> QuantizedModel:
    temporary = quantization_cache.part_path(target)
    try:
        shutil.copyfile(known.path, temporary)
        temporary.replace(target)
    except OSError as error:
        raise EnvironmentFault(f"{target} could not be written: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return QuantizedModel(target, known.type, known.file_bytes, known.sha256, known.fallback_tensors, True, known.imatrix_name)


def _made(
    source: ModelDescription,
    target: Path,
    type_name: str,
    threads: int,
    imatrix: Imatrix | None,
    child: EngineChild,
    on_progress: Callable[[float], None] | None,
    cancel: threading.Event | None,
) -> QuantizedModel:
    """Write to a file of another name first, so that an interrupted one never looks complete."""
    temporary = quantization_cache.part_path(target)
    try:
        with TemporaryDirectory(dir=_made_folder(cache_folder()), prefix="imatrix-") as scratch:
            arguments: dict[str, Any] = {
                "sources": [str(part) for part in source.parts],
                "type_names": [type_name],
                "target": str(temporary),
                "threads": threads,
                "imatrix": None if imatrix is None else _written(imatrix, Path(scratch) / "values"),
            }
            result = carry_out(arguments, f"Making {type_name}", child, on_progress, cancel)
        digest = sha256(temporary, cancel=cancel)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # after a power cut a name without its content would look complete
        model = QuantizedModel(
            target, type_name, temporary.stat().st_size, digest, int(result["fallback_tensors"]), was_cached=False
        )
        temporary.replace(target)
    except OSError as error:
        raise EnvironmentFault(f"{target} could not be written: {error.strerror or error}.") from None
    except InferometerError as error:
        if isinstance(error, EnvironmentFault):
            raise EnvironmentFault(f"{type_name} could not be made from {source.path.name}. {error.sentence}") from None
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return replace(model, imatrix_name=None if imatrix is None else imatrix.name)


def _made_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _written(imatrix: Imatrix, path: Path) -> Any:
    """The values for the child, which reads no files of foreign origin itself."""
    lengths = []
    with open(path, "wb") as file:
        for name, means in imatrix.means():
            file.write(means.astype("<f4").tobytes())
            lengths.append((name, len(means)))
    return imatrix_arguments(imatrix, path, lengths)


def _note(made: QuantizedModel, source_name: str, source_hash: str, library_version: str) -> None:
    note = {
        "sha256": made.sha256,
        "file_bytes": made.file_bytes,
        "fallback_tensors": made.fallback_tensors,
        "type": made.type,
        "source_name": source_name,
        "source_sha256": source_hash,
        "imatrix_name": made.imatrix_name,
        "library_version": library_version,
    }
    try:
        quantization_cache.write_note(made.path, note)
    except OSError as error:
        raise EnvironmentFault(f"{made.path} could not be written: {error.strerror or error}.") from None
