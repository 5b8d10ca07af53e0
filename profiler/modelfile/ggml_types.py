"""ggml's tensor types and llama.cpp's file types: names and block sizes, all from the `gguf` package's tables.

That package pulls in much that is not needed here (about 0.13 s beyond numpy), so it is imported when a name or size is first
asked for.
"""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class GgmlType:
    """How a tensor type stores its elements.

    Attributes:
        name: ggml's name in capitals ("Q4_1", "F16").
        block_elements, block_bytes: elements of a row come in blocks of this many, each of this many bytes.
    """

    name: str
    block_elements: int
    block_bytes: int

    def row_bytes(self, elements: int) -> int:
        """Bytes of a row; `elements` must be a multiple of `block_elements`."""
        return elements // self.block_elements * self.block_bytes


def tensor_type(number: int) -> GgmlType | None:
    """The type with this number in a GGUF file, None when the installed `gguf` does not know it."""
    return _tensor_types().get(number)


def tensor_type_named(name: str) -> GgmlType | None:
    """The type with this name in either case ("q8_0"), None when there is none."""
    return next((entry for entry in _tensor_types().values() if entry.name == name.upper()), None)


def file_type_name(number: int) -> str | None:
    """llama.cpp's name for a whole file's quantization ("Q4_K_M") by `general.file_type`, None when unknown or only guessed."""
    return _file_type_names().get(number)


@cache
def _tensor_types() -> dict[int, GgmlType]:
    from gguf.constants import GGML_QUANT_SIZES

    return {int(number): GgmlType(number.name, elements, size) for number, (elements, size) in GGML_QUANT_SIZES.items()}


@cache
def _file_type_names() -> dict[int, str]:
    from gguf.constants import LlamaFileType

    return {
        int(number): number.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        for number in LlamaFileType
        if number is not LlamaFileType.GUESSED
    }
