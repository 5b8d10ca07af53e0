"""What llama.cpp could make of models: sizes by its dry run, what is made already, quality where known. Worker threads only.

Nothing is made here, and a large file is not read for it: what needs a file's content is told only where that is known.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.bridge.job import JobLine
from app.descriptions import description_of
from profiler.child.engine_child import EngineChild
from profiler.errors import InferometerError, Interrupted
from profiler.modelfile.content_hash import sha256_of_parts
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.imatrix import Imatrix, read_imatrix
from profiler.models import quantization_cache
from profiler.models.quality_cache import latest
from profiler.models.quantization_sizes import LibraryTypes, Prediction, library_types, predict
from profiler.records.quality import QualityRecord

COMMON_TYPES = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "IQ4_XS", "Q3_K_M", "Q2_K")

MOST_READ_UNASKED_BYTES = 500_000_000
"""A file of more is not read to the end only because somebody looks at a page; a second of reading at the most."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One type that a model can have.

    Attributes:
        predicted: by llama.cpp's dry run.
        is_made: whether it is in the cache; None when the model's content is not known.
        quality: of the made model, the newest against a base; None when it was not measured.
    """

    predicted: Prediction
    is_made: bool | None = None
    quality: QualityRecord | None = None


@dataclass(frozen=True, slots=True)
class SourceOffers:
    """All types of one model.

    Attributes:
        offers: by type.
        quality: of the file itself.
    """

    offers: Mapping[str, Offer] = field(default_factory=dict)
    quality: QualityRecord | None = None


@dataclass(frozen=True, slots=True)
class Offers:
    """What can be made of several models.

    Attributes:
        types: all that this llama.cpp makes, the most bits first.
        sources: by the name that was asked with; a model that cannot be read is absent.
        imatrix_problem: why the importance matrix cannot be used, empty when it can.
    """

    types: tuple[str, ...] = ()
    sources: Mapping[str, SourceOffers] = field(default_factory=dict)
    imatrix_problem: str = ""


class _Library:
    """The library's types, asked once: they stay as long as the program runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LibraryTypes | None = None

    def types(self, child: EngineChild) -> LibraryTypes:
        with self._lock:
            if self._known is None:
                self._known = library_types(child)
            return self._known


_library = _Library()


def types_of_library(child: EngineChild) -> LibraryTypes:
    """The types that the installed llama.cpp makes, with its version; raises EnvironmentFault when it does not start."""
    return _library.types(child)


def read_offers(line: JobLine, files: Mapping[str, Path], imatrix: str | None) -> Offers:
    """What can be made of each file; what is known so far is handed over on the way.

    Args:
        line: of the job.
        files: by the names that the answer is wanted with.
        imatrix: path of an importance matrix to make them with.

    Raises:
        EnvironmentFault: the engine does not start.
        Interrupted: the job was cancelled.
    """
    matrix, problem = _imatrix(imatrix)
    sources: dict[str, SourceOffers] = {}
    with EngineChild() as child:
        line.progress("asking llama.cpp for its types")
        library = types_of_library(child)
        types = tuple(entry.name for entry in library.types)
        for wanted in (COMMON_TYPES, types):  # the common ones are there sooner
            for name, path in files.items():
                if line.cancel.is_set():
                    raise Interrupted("The look at quantizations was stopped.")
                try:
                    description = description_of(path)
                    line.progress(f"asking llama.cpp for the sizes of {path.name}")
                    names = [each for each in wanted if each in types]
                    predicted = predict(
                        description,
                        names if wanted is COMMON_TYPES else None,
                        library_version=library.library_version,
                        imatrix=matrix,
                        child=child,
                        cancel=line.cancel,
                    )
                except Interrupted:
                    raise
                except InferometerError:  # the plan's own look at the file tells why
                    continue
                sources[name] = _source_offers(description, predicted, library.library_version, matrix, line.cancel)
            line.item(Offers(types, dict(sources), problem))
    return Offers(types, dict(sources), problem)


def content_hash_of(description: ModelDescription, cancel: threading.Event, *, even_large: bool = False) -> str | None:
    """The hash of a model's content; None when it would take long reading and `even_large` does not ask for that.

    Raises:
        EnvironmentFault: it cannot be read.
        Interrupted: `cancel` was set.
    """
    if even_large or description.file_bytes <= MOST_READ_UNASKED_BYTES:
        return sha256_of_parts(description.parts, cancel=cancel)
    at_once = threading.Event()
    at_once.set()  # only what is remembered
    try:
        return sha256_of_parts(description.parts, cancel=at_once)
    except Interrupted:
        return None


def made_from(content_hash: str, library_version: str | None = None) -> list[quantization_cache.CachedModel]:
    """The cache's models that were made from this content, by any version of the library or by this one."""
    beginning = quantization_cache.folder_of(content_hash, library_version or "").name
    return [model for model in quantization_cache.entries() if model.path.parent.name.startswith(beginning)]


def _imatrix(given: str | None) -> tuple[Imatrix | None, str]:
    if given is None:
        return None, ""
    try:
        return read_imatrix(Path(given).expanduser(), given), ""
    except InferometerError as error:
        return None, error.sentence


def _source_offers(
    description: ModelDescription,
    predicted: Sequence[Prediction],
    library_version: str,
    matrix: Imatrix | None,
    cancel: threading.Event,
) -> SourceOffers:
    try:
        content_hash = content_hash_of(description, cancel)
    except Interrupted:
        raise
    except InferometerError:
        content_hash = None
    made = {}
    if content_hash is not None:
        wanted = None if matrix is None else matrix.name
        made = {model.type: model for model in made_from(content_hash, library_version) if model.imatrix_name == wanted}
    offers = {}
    for each in predicted:
        known = made.get(each.type)
        if content_hash is None or (known is not None and matrix is not None):
            # The cache's list tells the name of an importance matrix, and a namesake may be another one.
            offers[each.type] = Offer(each)
        else:
            offers[each.type] = Offer(each, known is not None, latest(known.sha256) if known is not None else None)
    return SourceOffers(offers, None if content_hash is None else latest(content_hash))
