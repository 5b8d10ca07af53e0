"""A model of the library, and what the table tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.tables.column import Column, Raw
from app.widgets.sentence import Tone
from profiler.modelfile.description import ModelDescription
from profiler.models.grouping import group_models
from profiler.units import bytes_text, count_text, significant


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One file.

    Attributes:
        description: None until it was read, and when it cannot be.
        problem: why it cannot be read.
        fits: whether it fits into this computer's memory; None when that is not known.
        fit_reason: what that is held against.
        same_model: other files that are the same model in another quantization.
        same_types: their quantizations.
    """

    path: Path
    name: str
    source: str
    description: ModelDescription | None = None
    problem: str = ""
    fits: bool | None = None
    fit_reason: str = ""
    same_model: tuple[Path, ...] = ()
    same_types: tuple[str, ...] = ()


def grouped(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """The rows with what is the same model told of each; those that cannot be read stay as they are."""
    readable = [row for row in rows if row.description is not None]
    descriptions = [row.description for row in readable if row.description is not None]
    others: dict[Path, tuple[ModelRow, ...]] = {}
    for group in group_models(descriptions):
        for member in group.members:
            others[readable[member].path] = tuple(readable[other] for other in group.members if other != member)
    return [
        replace(
            row,
            same_model=tuple(other.path for other in others.get(row.path, ())),
            same_types=tuple(
                other.description.quantization for other in others.get(row.path, ()) if other.description is not None
            ),
        )
        for row in rows
    ]


def _fits_raw(row: ModelRow) -> Raw:
    if row.problem:
        return "✕ cannot be read"
    return None if row.fits is None else "✓ fits" if row.fits else "✕ too large"


def _fits_tone(row: ModelRow) -> Tone:
    if row.problem or row.fits is False:
        return "broken"
    return "met" if row.fits else "plain"


MODEL_COLUMNS: tuple[Column[ModelRow], ...] = (
    Column("Name", "The file's name, or the one that its program gives it", lambda row: row.name, tip=lambda row: str(row.path)),
    Column(
        "Architecture",
        "general.architecture",
        lambda row: row.description.architecture if row.description else None,
        can_fold=True,
    ),
    Column(
        "Parameters",
        "Elements of all tensors",
        lambda row: row.description.parameters if row.description else None,
        lambda raw: count_text(_number(raw)),
        is_figure=True,
        can_fold=True,
    ),
    Column(
        "Quantization",
        "llama.cpp's name of the file's type",
        lambda row: row.description.quantization if row.description else None,
    ),
    Column(
        "Also here as",
        "Other files that are the same model in another quantization; a sweep takes them as one model",
        lambda row: ", ".join(row.same_types) or None,
        tip=lambda row: "\n".join(str(path) for path in row.same_model),
        can_fold=True,
    ),
    Column(
        "Size",
        "Bytes of all its files",
        lambda row: row.description.file_bytes if row.description else None,
        lambda raw: bytes_text(_number(raw)),
        is_figure=True,
    ),
    Column(
        "Bits/weight",
        "Bits of the tensors / their elements",
        lambda row: row.description.bits_per_weight if row.description else None,
        lambda raw: significant(_number(raw)),
        is_figure=True,
        can_fold=True,
    ),
    Column(
        "Context",
        "Tokens of context that it was trained for",
        lambda row: row.description.context_train if row.description else None,
        lambda raw: f"{_number(raw):.0f}",
        is_figure=True,
        can_fold=True,
    ),
    Column(
        "Where",
        "The program or folder that it belongs to",
        lambda row: row.source,
        tip=lambda row: str(row.path.parent),
        can_fold=True,
    ),
    Column(
        "Here",
        "Whether weights, KV cache and buffers fit into the free memory, for the context and users at the right",
        _fits_raw,
        tone=_fits_tone,
        tip=lambda row: row.problem or row.fit_reason,
    ),
)


def _number(raw: Raw) -> float:
    assert isinstance(raw, int | float)
    return raw
