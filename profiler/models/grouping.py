"""Which files are the same model in several quantizations, told from their headers: a folder of downloads needs no making.

Two files are one model when they agree in architecture, number of parameters, name and shape of every tensor, trained context and
tokenizer, and in what they call themselves; files that have no name of their own must agree in their file names without the type.
Fine-tunes share all but the name, so a name that is missing on one side keeps files apart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.modelfile.description import PART_NAME, ModelDescription
from profiler.modelfile.header import SkippedArray
from profiler.plan.cells import model_labels
from profiler.plan.plan import AS_IS

_TYPE_AT_END = re.compile(
    r"(?:[-_. ]+(?:UD|i1|imat|imatrix|GGUF))*[-_. ]+"
    r"(?:I?Q[1-8](?:_[0-9A-Z]+)*|TQ[12]_0|B?F16|F32|FP16|FP32|MXFP4(?:_MOE)?|NVFP4)"
    r"(?:[-_. ]+(?:imat|imatrix|GGUF))*$",
    re.IGNORECASE,
)
_NAME_KEYS = ("basename", "finetune", "version", "size_label")
_TOKENIZER_KEYS = ("model", "pre", "tokens", "bos_token_id", "eos_token_id")


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """One model in one file or in several quantizations.

    Attributes:
        name: what to call it, unique among the groups.
        members: places of its files in what was grouped, in that order.
    """

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model in one quantization, as a sweep names it on its axes "model" and "quant".

    Attributes:
        place: of the file among the given ones: the one to measure, or the one to make it from.
        made_type: the type to make; None when the file is measured itself.
    """

    label: str
    quant: str
    place: int
    made_type: str | None


def group_models(descriptions: Sequence[ModelDescription]) -> tuple[ModelGroup, ...]:
    """The groups in the order of their first files; the same path given again is left out."""
    members: dict[object, list[int]] = {}
    for place, description in enumerate(descriptions):
        of_group = members.setdefault(_identity(description), [])
        if description.path not in {descriptions[other].path for other in of_group}:
            of_group.append(place)
    groups = list(members.values())
    labels = model_labels([str(descriptions[group[0]].path) for group in groups])
    names = [
        label if len(group) == 1 else _file_stem(descriptions[group[0]]) for label, group in zip(labels, groups, strict=True)
    ]
    return tuple(
        ModelGroup(label if names.count(name) > 1 else name, tuple(group))
        for name, label, group in zip(names, labels, groups, strict=True)
    )


def labels_and_quants(descriptions: Sequence[ModelDescription]) -> list[tuple[str, str]]:
    """What each file is on the axes "model" and "quant".

    A file alone keeps its label (`plan.cells.model_labels`) and is "as-is". Files of one group have the group's name and each its
    own quantization; those that share one have their file's name behind it.
    """
    found: dict[int, tuple[str, str]] = {}
    for group in group_models(descriptions):
        if len(group.members) == 1:
            found[group.members[0]] = (group.name, AS_IS)
            continue
        types = [descriptions[place].quantization for place in group.members]
        for place, quantization in zip(group.members, types, strict=True):
            is_alone = types.count(quantization) == 1
            found[place] = (group.name, quantization if is_alone else f"{quantization} ({descriptions[place].path.stem})")
    by_path = {descriptions[place].path: named for place, named in found.items()}
    return [by_path[description.path] for description in descriptions]


def model_choices(descriptions: Sequence[ModelDescription], quants: Sequence[str]) -> list[ModelChoice]:
    """Every model in every quantization that a sweep over these files and types measures.

    "as-is" stands for the files themselves. Another type is made from a model's file of the most bits per weight, unless one of
    its files has that type already.

    Args:
        descriptions: of the files, in the plan's order.
        quants: the plan's ("as-is", "Q8_0").
    """
    named = labels_and_quants(descriptions)
    choices: dict[tuple[str, str], ModelChoice] = {}
    for group in group_models(descriptions):
        best = max(group.members, key=lambda place: descriptions[place].bits_per_weight)
        has_several = len(group.members) > 1
        for quant in quants:
            existing = [
                place for place in group.members if quant == AS_IS or (has_several and descriptions[place].quantization == quant)
            ]
            for place in existing:
                choices.setdefault(named[place], ModelChoice(*named[place], place, None))
            if not existing:
                choices.setdefault((group.name, quant), ModelChoice(group.name, quant, best, quant))
    return list(choices.values())


def separate_choices(labels: Sequence[str], quants: Sequence[str]) -> list[ModelChoice]:
    """The same without grouping: each file is a model of its own."""
    return [
        ModelChoice(label, quant, place, None if quant == AS_IS else quant)
        for place, label in enumerate(labels)
        for quant in quants
    ]


def _identity(description: ModelDescription) -> object:
    shapes = frozenset((tensor.name, tensor.shape) for tensor in description.tensors)
    tokenizer = tuple(_plain(description.metadata.get(f"tokenizer.ggml.{key}")) for key in _TOKENIZER_KEYS)
    structure = (description.architecture, description.parameters, description.context_train, shapes, tokenizer)
    return (structure, _stated_name(description) or ("file", _words(_file_stem(description))))


def _stated_name(description: ModelDescription) -> object:
    """What the file calls its model: the parts of the name where it has them, else the whole; None when it has neither."""
    stated = {key: description.metadata.get(f"general.{key}") for key in (*_NAME_KEYS, "name")}
    if isinstance(stated["basename"], str):
        return tuple(_words(str(stated[key])) for key in _NAME_KEYS if isinstance(stated[key], str))
    return _words(_TYPE_AT_END.sub("", stated["name"])) if isinstance(stated["name"], str) else None


def _file_stem(description: ModelDescription) -> str:
    """The file's name without part number and type."""
    split = PART_NAME.match(description.path.name)
    stem = split["prefix"] if split else description.path.stem
    return _TYPE_AT_END.sub("", stem) or stem


def _words(text: str) -> str:
    """Text without what writers of names disagree on: capitals and what stands between words."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def _plain(value: object) -> object:
    """A long array by its length: a vocabulary is told by how many tokens it has."""
    return (
        ("array", value.length if isinstance(value, SkippedArray) else len(value))
        if isinstance(value, SkippedArray | tuple)
        else value
    )
