"""What there is of a model beside its file: quantizations made from it, and what is known of quality. Worker threads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bridge.job import JobLine
from app.descriptions import description_of
from app.pages.models.model_columns import ModelRow
from app.pages.models.quantization_offers import content_hash_of, made_from
from profiler.errors import InferometerError, Interrupted
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.type_mix import class_mix
from profiler.models import quantization_cache
from profiler.models.quality_cache import most_tokens
from profiler.models.quality_text import QualityText, read_text
from profiler.models.quantization_cache import CachedModel
from profiler.records.quality import QualityRecord


@dataclass(frozen=True, slots=True)
class MadeModel:
    """One quantization in the cache.

    Attributes:
        description: None when the file cannot be read.
        mix: weights by class of tensors and by type, as the file really holds them.
    """

    cached: CachedModel
    description: ModelDescription | None
    mix: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """One file and what is known of its quality.

    Attributes:
        type: its quantization.
        is_base: the others are compared with it.
        record: on the wanted text, against the base; None when it was not measured.
    """

    path: Path
    type: str
    is_base: bool
    record: QualityRecord | None


@dataclass(frozen=True, slots=True)
class ModelState:
    """What there is of one model.

    Attributes:
        path: of the model's file.
        is_content_known: whether the file was read to its end, without which nothing can be told to be made from it.
        made: from the most bits per weight down.
        scored: the base first.
        text_name: that quality is told for.
        cache_bytes: what all quantizations of all models take.
        problem: why something is missing, empty when nothing is.
    """

    path: Path
    is_content_known: bool
    made: tuple[MadeModel, ...]
    scored: tuple[ScoredModel, ...]
    text_name: str
    cache_bytes: int
    problem: str = ""

    @property
    def base(self) -> ScoredModel | None:
        """What the others are compared with."""
        return next((each for each in self.scored if each.is_base), None)


def look(line: JobLine, model: ModelRow, siblings: Sequence[ModelRow], text: Path | None, *, even_large: bool) -> ModelState:
    """What there is of a model.

    Args:
        line: of the job.
        model: the selected file, which can be read.
        siblings: other files of the same model.
        text: that quality was measured on; None is the one that ships.
        even_large: read a large file to its end for it.

    Raises:
        Interrupted: the job was cancelled.
    """
    problem = ""
    try:
        quality_text: QualityText | None = read_text(text)
    except InferometerError as error:
        quality_text, problem = None, error.sentence
    files = [each for each in (model, *siblings) if each.description is not None]
    hashes: dict[Path, str | None] = {}
    for each in files:
        assert each.description is not None
        line.progress(f"reading {each.path.name}")
        try:
            hashes[each.path] = content_hash_of(each.description, line.cancel, even_large=even_large)
        except Interrupted:
            raise
        except InferometerError as error:
            hashes[each.path], problem = None, error.sentence
    own = hashes.get(model.path)
    made = [_described(cached) for cached in made_from(own)] if own is not None else []
    made.sort(key=lambda each: (-(each.description.bits_per_weight if each.description else 0.0), each.cached.type))
    scored = _scored(files, hashes, made, quality_text) if own is not None else []
    return ModelState(
        model.path,
        own is not None,
        tuple(made),
        tuple(scored),
        quality_text.name if quality_text is not None else "",
        quantization_cache.total_bytes(),
        problem,
    )


def _described(cached: CachedModel) -> MadeModel:
    try:
        description = description_of(cached.path)
    except InferometerError:
        return MadeModel(cached, None, {})
    return MadeModel(cached, description, class_mix(description.tensors))


def _scored(
    files: Sequence[ModelRow], hashes: Mapping[Path, str | None], made: Sequence[MadeModel], text: QualityText | None
) -> list[ScoredModel]:
    """The file of the most bits per weight is the base: what was made here is never better than its source."""
    described = [(each.path, each.description) for each in files if each.description is not None]
    base_path = max(described, key=lambda each: each[1].bits_per_weight)[0]
    base_hash = hashes.get(base_path)
    named = [(path, description.quantization, hashes.get(path)) for path, description in described]
    named += [(each.cached.path, _type_words(each.cached), each.cached.sha256) for each in made]
    found = []
    for path, type_name, content_hash in sorted(named, key=lambda each: each[0] != base_path):
        record = None
        if text is not None and content_hash is not None and base_hash is not None:
            record = most_tokens(content_hash, None if content_hash == base_hash else base_hash, text.sha256)
        found.append(ScoredModel(path, type_name, path == base_path, record))
    return found


def _type_words(cached: CachedModel) -> str:
    return cached.type if cached.imatrix_name is None else f"{cached.type} · {cached.imatrix_name}"
