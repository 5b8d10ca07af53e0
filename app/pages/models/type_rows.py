"""What the picker of quantizations tells of each type. Pure: no widget is touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.pages.models.quantization_offers import COMMON_TYPES, Offer, Offers
from app.widgets.sentence import Tone
from profiler.modelfile.description import ModelDescription
from profiler.plan.plan import AS_IS
from profiler.records.quality import QualityRecord
from profiler.units import bytes_text, significant

UNKNOWN = "–"
NOT_MEASURED = "not measured"
NEEDS_IMATRIX = "needs an importance matrix"


@dataclass(frozen=True, slots=True)
class Source:
    """A model of which types can be made.

    Attributes:
        name: what its types were asked by.
        description: of the file that they are made from.
        beside_weights_bytes: the most memory that a run takes beside the weights; None when that is not known.
        files: all files of the model that are there, `description` among them.
    """

    name: str
    description: ModelDescription
    beside_weights_bytes: int | None
    files: tuple[ModelDescription, ...]

    @property
    def existing_types(self) -> frozenset[str]:
        """Types that need no making, since one of several files has them."""
        return frozenset(each.quantization for each in self.files) if len(self.files) > 1 else frozenset()


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One type in the picker.

    Attributes:
        type: llama.cpp's name, or "as-is".
        size, bits, fits, quality, state: as they are told; "–" for what is not known.
        obstacle: why it cannot be chosen, empty when it can.
        make_bytes: what is still to be made of it takes on the disk; None when that is not known.
    """

    type: str
    label: str
    size: str = UNKNOWN
    make_bytes: int | None = None
    size_tip: str = ""
    bits: str = UNKNOWN
    fits: str = UNKNOWN
    fits_tone: Tone = "muted"
    fits_tip: str = ""
    quality: str = UNKNOWN
    quality_tip: str = ""
    state: str = UNKNOWN
    state_tip: str = ""
    obstacle: str = ""

    @property
    def in_words(self) -> str:
        """The row for a screen reader."""
        parts = {
            "size": self.size,
            "bits per weight": self.bits,
            "memory": self.fits,
            "KL divergence": self.quality,
            "": self.obstacle or self.state,
        }
        return ", ".join(f"{name} {text}".strip() for name, text in parts.items() if text != UNKNOWN)


def type_rows(
    sources: Sequence[Source],
    offers: Offers | None,
    chosen: Sequence[str],
    free_bytes: int,
    *,
    has_imatrix: bool,
    shows_all: bool,
    with_files: bool = True,
) -> list[TypeRow]:
    """The rows, the common types first.

    Args:
        sources: the models.
        offers: what is known of their types; None before it was asked.
        chosen: types that are shown in any case.
        free_bytes: of memory.
        has_imatrix: whether an importance matrix is given.
        shows_all: every type that llama.cpp makes.
        with_files: with the files themselves as the first row.
    """
    names = list(COMMON_TYPES)
    if shows_all and offers is not None:
        names += offers.types
    names += [name for name in chosen if name != AS_IS]
    rows = [_own_row(sources, offers, free_bytes)] if with_files else []
    return rows + [_row(name, sources, offers, free_bytes, has_imatrix) for name in dict.fromkeys(names)]


def quality_text(record: QualityRecord | None) -> str:
    """The KL divergence of a model, or what it is known by without a base."""
    if record is None:
        return NOT_MEASURED
    return significant(record.kld_mean, 3) if record.kld_mean is not None else f"PPL {significant(record.perplexity, 3)}"


def quality_tip(record: QualityRecord | None) -> str:
    """Against which base, over how many tokens of which text."""
    if record is None:
        return "Score quality, here or on the Models page, to know what the type costs."
    over = f"{record.tokens} tokens of {record.text_name}"
    if record.kld_mean is None:
        return f"Perplexity over {over}; it was compared with no other model."
    return f"KL divergence (mean, nat) against {record.base_name} over {over}: 0 is no difference."


def _row(name: str, sources: Sequence[Source], offers: Offers | None, free_bytes: int, has_imatrix: bool) -> TypeRow:
    asked = {} if offers is None else offers.sources
    found = [(source, asked[source.name].offers.get(name)) for source in sources if source.name in asked]
    known = [(source, offer) for source, offer in found if offer is not None]
    if not known or len(known) < len(sources):
        return TypeRow(name, name)
    predictions = [offer.predicted for _, offer in known]
    wanting = [each for (source, _), each in zip(known, predictions, strict=True) if name not in source.existing_types]
    obstacle = next((f"llama.cpp cannot make it: {each.refusal}" for each in wanting if each.refusal), "")
    if not obstacle and not has_imatrix and any(each.needs_imatrix for each in wanting):
        obstacle = NEEDS_IMATRIX
    sizes = [(source, each.file_bytes) for (source, _), each in zip(known, predictions, strict=True)]
    to_make = [
        size
        for (source, offer), (_, size) in zip(known, sizes, strict=True)
        if not offer.is_made and name not in source.existing_types
    ]
    fits, tone, fits_tip = _fits(sizes, free_bytes)
    quality, tip = _quality([offer.quality for _, offer in known])
    state, state_tip = _state(name, known)
    if obstacle:
        state, state_tip = "needs imatrix" if obstacle == NEEDS_IMATRIX else "cannot be made", obstacle
    return TypeRow(
        name,
        name,
        _sum_text([size for _, size in sizes]),
        _sum(to_make),
        _size_tip(known),
        _range_text([each.bits_per_weight for each in predictions]),
        fits,
        tone,
        fits_tip,
        quality,
        tip,
        state,
        state_tip,
        obstacle,
    )


def _own_row(sources: Sequence[Source], offers: Offers | None, free_bytes: int) -> TypeRow:
    """The files themselves."""
    files = [each for source in sources for each in source.files]
    if not files:
        return TypeRow(AS_IS, "as is", make_bytes=0)
    sizes = [(source, max(each.tensor_bytes for each in source.files)) for source in sources]
    fits, tone, fits_tip = _fits(sizes, free_bytes)
    quality, tip = UNKNOWN, ""
    if offers is not None:
        asked = offers.sources
        quality, tip = _quality([asked[source.name].quality if source.name in asked else None for source in sources])
    return TypeRow(
        AS_IS,
        "as is",
        bytes_text(sum(each.file_bytes for each in files)),
        0,
        "\n".join(f"{each.path.stem}: {bytes_text(each.file_bytes)}" for each in files) if len(files) > 1 else "",
        _range_text([each.bits_per_weight for each in files]),
        fits,
        tone,
        fits_tip,
        quality,
        tip,
        "the file itself" if len(files) == 1 else f"{len(files)} files",
        "\n".join(f"{each.path.name}: {each.quantization}" for each in files),
    )


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _sum_text(sizes: Sequence[int | None]) -> str:
    total = _sum(sizes)
    return UNKNOWN if total is None else bytes_text(total)


def _range_text(values: Sequence[float | None]) -> str:
    """One value, or from the lowest to the highest of several models."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return UNKNOWN
    texts = list(dict.fromkeys((significant(min(known), 3), significant(max(known), 3))))
    return "–".join(texts)


def _size_tip(known: Sequence[tuple[Source, Offer]]) -> str:
    told = []
    for source, offer in known:
        predicted = offer.predicted
        if predicted.file_bytes is None:
            continue
        fallen = f", {predicted.fallback_tensors} tensors fall back to another type" if predicted.fallback_tensors else ""
        name = f"{source.description.path.stem}: " if len(known) > 1 else ""
        told.append(f"{name}{bytes_text(predicted.file_bytes)}{fallen}")
    return "\n".join(told)


def _fits(sizes: Sequence[tuple[Source, int | None]], free_bytes: int) -> tuple[str, Tone, str]:
    """Whether the largest run of every model fits; unknown while one of them is."""
    needs = []
    for source, weights in sizes:
        if weights is None:
            return UNKNOWN, "muted", ""
        if weights > free_bytes:
            return "✕ too large", "broken", f"the weights alone need {bytes_text(weights)}, {bytes_text(free_bytes)} are free"
        if source.beside_weights_bytes is None:
            return UNKNOWN, "muted", "what it takes beside the weights is not known"
        needs.append(weights + source.beside_weights_bytes)
    needed = max(needs)
    reason = f"needs {bytes_text(needed)}, {bytes_text(free_bytes)} are free"
    return ("✓ fits", "met", reason) if needed <= free_bytes else ("✕ too large", "broken", reason)


def _quality(records: Sequence[QualityRecord | None]) -> tuple[str, str]:
    if len(records) == 1:
        return quality_text(records[0]), quality_tip(records[0])
    known = [record for record in records if record is not None]
    if not known:
        return NOT_MEASURED, quality_tip(None)
    if len(known) < len(records):
        return f"{len(known)} of {len(records)} models", "\n".join(quality_tip(record) for record in known)
    losses = [record.kld_mean for record in known]
    return _range_text(losses), "\n".join(quality_tip(record) for record in known)


def _state(name: str, known: Sequence[tuple[Source, Offer]]) -> tuple[str, str]:
    there = [source for source, _ in known if name in source.existing_types]
    if there and len(there) == len(known):
        return "there", "One of the files has this type: nothing is made."
    made = [True if name in source.existing_types else offer.is_made for source, offer in known]
    if None in made:
        return UNKNOWN, "Whether it is made already is known once the file was read to its end, which a sweep does."
    count = sum(bool(each) for each in made)
    if count == len(made):
        return "made", "It lies in the cache and is not made again."
    return ("to be made" if not count else f"{count} of {len(made)} made"), "A sweep makes it, and keeps it in the cache."


def bytes_to_make(rows: Sequence[TypeRow], chosen: Sequence[str]) -> int | None:
    """Bytes that the chosen types will take on the disk beside what is there; None where one of them is not known."""
    by_type = {row.type: row.make_bytes for row in rows}
    return _sum([by_type.get(name) for name in chosen])
