"""Which types llama.cpp makes, and how large a model would be in each: known before anything is made."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, Interrupted
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.header import MAX_HEADER_BYTES, read_header
from profiler.modelfile.imatrix import Imatrix
from profiler.models.quantization_cache import part_path
from profiler.paths import cache_folder
from profiler.records.message import Message, MessageKind


@dataclass(frozen=True, slots=True)
class QuantizationType:
    """A file type that the installed llama.cpp makes.

    Attributes:
        name: llama.cpp's ("Q4_K_M").
        file_type: its number (general.file_type).
        main_type: the tensor type that most of a file gets; None when it did not say.
        bits_per_weight: of the main type's blocks; a real file mixes types (`Prediction` is exact). None like `main_type`.
        needs_imatrix: llama.cpp refuses to make it without an importance matrix (`Prediction` knows for a given model).
    """

    name: str
    file_type: int
    main_type: str | None
    bits_per_weight: float | None
    needs_imatrix: bool


@dataclass(frozen=True, slots=True)
class LibraryTypes:
    """What the installed llama.cpp makes, the most bits first."""

    library_version: str
    types: tuple[QuantizationType, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a quantization would take, by llama.cpp's own dry run.

    Attributes:
        type: llama.cpp's name of the file type.
        file_bytes: of the whole file, exact; None, like the next two, when llama.cpp refuses to make it.
        bits_per_weight: bits of the tensors / their elements.
        fallback_tensors: tensors that would get another type, since their rows do not divide into its blocks.
        needs_imatrix: llama.cpp refuses to make this one without an importance matrix.
        refusal: why it cannot be made from this model at all, in llama.cpp's words; empty when it can.
    """

    type: str
    file_bytes: int | None
    bits_per_weight: float | None
    fallback_tensors: int | None
    needs_imatrix: bool
    refusal: str


def library_types(child: EngineChild | None = None) -> LibraryTypes:
    """Ask the library; `child` is an engine that runs already. Raises EnvironmentFault when the engine does not start."""
    with engine(child) as running:
        end = running.run_job("describe", {})
    if not end.outcome.is_done:
        raise EnvironmentFault(end.outcome.sentence)
    types = tuple(QuantizationType(**entry) for entry in end.result["quantization_types"])
    return LibraryTypes(str(end.result["llama_cpp_python"]), types)


def predict(
    source: ModelDescription,
    type_names: Sequence[str] | None = None,
    *,
    library_version: str,
    imatrix: Imatrix | None = None,
    child: EngineChild | None = None,
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> tuple[Prediction, ...]:
    """What `source` would take as each type; at once when that was asked before.

    A dry run reads only headers, so that what it tells is kept under their hash: the file's data need not be read for it.

    Args:
        source: a model.
        type_names: names of file types; None are all that can be made.
        library_version: of llama-cpp-python; another version may choose other types for a tensor.
        imatrix: the importance matrix that would be used; it changes the choice of types.
        child: an engine to use; None starts one of its own.
        on_progress: hears the share done.
        cancel: ends the work when set.

    Raises:
        EnvironmentFault: llama.cpp knows no such type, or a file cannot be read.
        Interrupted: `cancel` was set.
    """
    file = cache_folder() / "predicted-sizes" / f"{_key(source, library_version, imatrix)}.json"
    known, has_all = _read(file)
    wanted = list(known) if type_names is None else [name.upper() for name in type_names]
    missing = [name for name in wanted if name not in known]
    asks_all = type_names is None and not has_all
    if asks_all or missing:
        arguments = {
            "sources": [str(part) for part in source.parts],
            "type_names": None if asks_all else missing,
            "target": None,
            "threads": 1,
            "imatrix": imatrix_arguments(imatrix),
        }
        result = carry_out(arguments, f"Predicting sizes of {source.path.name}", child, on_progress, cancel)
        found = {str(entry["type"]): Prediction(**entry) for entry in result["predictions"]}
        known = found if asks_all else known | found
        _keep(file, known, has_all=has_all or asks_all)
    return tuple(known.values()) if type_names is None else tuple(known[name] for name in wanted)


def imatrix_arguments(imatrix: Imatrix | None, values: Path | None = None, lengths: Sequence[tuple[str, int]] = ()) -> Any:
    """The job's document of an importance matrix; without `values` for a dry run, which looks at what is recorded alone."""
    if imatrix is None:
        return None
    return {"path": str(values) if values else None, "entries": [list(length) for length in lengths], "keys": imatrix.keys}


def engine(child: EngineChild | None) -> AbstractContextManager[EngineChild]:
    """That engine, left running, or one of its own that ends with the context. Neither starts before its first job."""
    return EngineChild() if child is None else nullcontext(child)


def carry_out(
    arguments: dict[str, Any],
    what: str,
    child: EngineChild | None,
    on_progress: Callable[[float], None] | None,
    cancel: threading.Event | None,
) -> dict[str, Any]:
    """The job "quantize"; the child is killed when `cancel` is set, since the quantizer has no other way to be stopped.

    Raises:
        EnvironmentFault: llama.cpp refused, or the child died.
        Interrupted: `cancel` was set.
    """
    with engine(child) as running:

        def hear(message: Message) -> None:
            if message.kind is MessageKind.PROGRESS and on_progress is not None:
                on_progress(float(message.document()["share"]))

        def watch() -> None:
            if cancel is not None and cancel.is_set():
                running.kill()

        end = running.run_job("quantize", arguments, on_message=hear, on_idle=watch)
    if cancel is not None and cancel.is_set():
        raise Interrupted(f"{what} was stopped.")
    if not end.outcome.is_done:
        raise EnvironmentFault(end.outcome.sentence)
    return end.result


def _key(source: ModelDescription, library_version: str, imatrix: Imatrix | None) -> str:
    digest = hashlib.sha256(json.dumps([library_version, None if imatrix is None else list(imatrix.keys.items())]).encode())
    for part in source.parts:
        header = read_header(part)
        # What is no tensor's data holds the whole header, wherever that ends.
        length = min(header.file_bytes - sum(tensor.bytes for tensor in header.tensors), MAX_HEADER_BYTES)
        try:
            with open(part, "rb") as file:
                digest.update(file.read(length))
        except OSError as error:
            raise EnvironmentFault(
                f"{part} cannot be read ({error.strerror or error}); check the path and its permissions"
            ) from None
    return digest.hexdigest()[:32]


def _read(file: Path) -> tuple[dict[str, Prediction], bool]:
    """What was predicted before, and whether that is all types; nothing when the file is missing or not as it should be."""
    try:
        document = json.loads(file.read_text("utf-8"))
        return {entry["type"]: Prediction(**entry) for entry in document["predictions"]}, document["has_all"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return {}, False


def _keep(file: Path, known: dict[str, Prediction], *, has_all: bool) -> None:
    """The prediction is right whether or not it can be kept, so a full disk is no fault here."""
    temporary = part_path(file)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(
            json.dumps({"has_all": has_all, "predictions": [asdict(entry) for entry in known.values()]}), "utf-8"
        )
        temporary.replace(file)
