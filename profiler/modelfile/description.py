"""What a model file is: its name, size, types and tensors, read from its header (or the headers of all its parts)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from profiler.errors import BadFile
from profiler.modelfile.ggml_types import file_type_name
from profiler.modelfile.header import Header, TensorInfo, Value, read_header

MAX_BLOCKS = 512
"""llama.cpp's own limit; more make it abort."""
MAX_PARTS = 9999

PART_NAME = re.compile(r"^(?P<prefix>.*)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf$")
"""How llama.cpp names the files of a split model; the first is 00001."""


@dataclass(frozen=True, slots=True)
class TypeShare:
    """What one tensor type contributes to a model."""

    tensors: int
    elements: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """One model, whether it lies in one file or in several.

    Attributes:
        path: the file to load; of a split model its first part.
        parts: all files, `path` first.
        name: the model's own name (general.name) or the file's stem.
        parameters: elements of all tensors.
        quantization: llama.cpp's name of the file's type ("Q4_K_M"), else the type that holds most elements.
        file_bytes: of all parts.
        tensor_bytes: of the tensors alone.
        bits_per_weight: bits of the tensors / their elements.
        context_train: tokens of context that it was trained for, None when it does not say.
        block_count: its layers, those for multi-token prediction included; None when it does not say.
        tensors: of all parts.
        metadata: the (first) file's keys; long and textual arrays as `header.SkippedArray`.
        type_mix: by type name, the largest in bytes first.
    """

    path: Path
    parts: tuple[Path, ...]
    name: str
    architecture: str
    parameters: int
    quantization: str
    file_bytes: int
    tensor_bytes: int
    bits_per_weight: float
    context_train: int | None
    block_count: int | None
    tensors: tuple[TensorInfo, ...]
    metadata: Mapping[str, Value]
    type_mix: Mapping[str, TypeShare]

    def value(self, key: str) -> Value | None:
        """The value of one of the architecture's own keys ("attention.head_count"), None when it is absent."""
        return self.metadata.get(f"{self.architecture}.{key}")

    def count(self, key: str) -> int | None:
        """Like `value` where only a number of things makes sense: None as well for other kinds and for negative numbers."""
        return _count(self.value(key))


def describe(path: Path) -> ModelDescription:
    """Read the header of the file at `path`, and of the other parts of a split model beside it.

    Raises:
        BadFile: a file is damaged, holds no model, is not the first part, or a part is missing.
        EnvironmentFault: a file cannot be read.
    """
    first = read_header(path)
    architecture = first.metadata.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise BadFile(f"{path} does not say which architecture it is for; choose a GGUF file that holds a model")
    headers = {path: first, **_other_parts(path, first)}
    tensors = tuple(tensor for header in headers.values() for tensor in header.tensors)
    parameters = sum(tensor.elements for tensor in tensors)
    if not parameters:
        raise BadFile(f"{path} holds no weights; choose a GGUF file that holds a model")
    tensor_bytes = sum(tensor.bytes for tensor in tensors)
    block_count = _count(first.metadata.get(f"{architecture}.block_count"))
    if block_count is not None and block_count > MAX_BLOCKS:
        raise BadFile(f"{path} claims {block_count} layers, where llama.cpp takes at most {MAX_BLOCKS}; get the file again")
    type_mix = _type_mix(tensors)
    return ModelDescription(
        path=path,
        parts=tuple(headers),
        name=_name(path, first),
        architecture=architecture,
        parameters=parameters,
        quantization=_quantization(first, type_mix),
        file_bytes=sum(header.file_bytes for header in headers.values()),
        tensor_bytes=tensor_bytes,
        bits_per_weight=tensor_bytes * 8 / parameters,
        context_train=_count(first.metadata.get(f"{architecture}.context_length")),
        block_count=block_count,
        tensors=tensors,
        metadata=first.metadata,
        type_mix=type_mix,
    )


def _other_parts(path: Path, first: Header) -> dict[Path, Header]:
    """The headers of a split model's second to last part; empty when it is in one file."""
    part_count = _count(first.metadata.get("split.count")) or 1
    if part_count == 1:
        return {}
    if part_count > MAX_PARTS:
        raise BadFile(f"{path} claims to be split in {part_count} parts; get the file again")
    match = PART_NAME.match(path.name)
    if match is None or int(match["parts"]) != part_count:
        raise BadFile(
            f"{path} is one of {part_count} parts of a model, which find each other by name only; "
            f"give it back its name, like MODEL-00001-of-{part_count:05}.gguf"
        )
    paths = [path.with_name(f"{match['prefix']}-{part:05}-of-{part_count:05}.gguf") for part in range(1, part_count + 1)]
    if _count(first.metadata.get("split.no")) != 0 or path != paths[0]:
        raise BadFile(f"{path} is a later part of a split model; choose its first part, {paths[0].name}")
    others = {}
    for number, other in enumerate(paths[1:], start=1):
        if not other.is_file():
            raise BadFile(f"{path} is one of {part_count} parts and {other.name} is missing beside it; get that file too")
        others[other] = read_header(other)
        if _count(others[other].metadata.get("split.no")) != number:
            raise BadFile(f"{other} is not part {number + 1} of the model that its name says; get the file again")
    stated = _count(first.metadata.get("split.tensors.count"))
    found = sum(len(header.tensors) for header in (first, *others.values()))
    if stated is not None and stated != found:
        raise BadFile(f"{path} and its parts hold {found} of the model's {stated} tensors; get all parts from one place again")
    return others


def _name(path: Path, header: Header) -> str:
    """One line, since it is shown in lists."""
    stated = header.metadata.get("general.name")
    name = " ".join(stated.split())[:200] if isinstance(stated, str) else ""
    return name or path.stem


def _quantization(header: Header, type_mix: Mapping[str, TypeShare]) -> str:
    number = _count(header.metadata.get("general.file_type"))
    stated = file_type_name(number) if number is not None else None
    return stated or max(type_mix, key=lambda name: type_mix[name].elements)


def _type_mix(tensors: Iterable[TensorInfo]) -> dict[str, TypeShare]:
    by_type: dict[str, list[TensorInfo]] = defaultdict(list)
    for tensor in tensors:
        by_type[tensor.dtype].append(tensor)
    shares = {
        name: TypeShare(len(group), sum(tensor.elements for tensor in group), sum(tensor.bytes for tensor in group))
        for name, group in by_type.items()
    }
    return dict(sorted(shares.items(), key=lambda item: item[1].bytes, reverse=True))


def _count(value: Value | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
