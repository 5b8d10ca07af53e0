"""Calls of ggml that llama-cpp-python does not bind, reached through the library that it has loaded."""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from llama_cpp import llama_cpp as api


@dataclass(frozen=True, slots=True)
class TypeLayout:
    """A tensor type: elements of a row come in blocks of `block_elements`, each of `block_bytes`."""

    number: int
    block_elements: int
    block_bytes: int


def function(name: str, result: Any, *arguments: Any) -> Any:
    """The library's function of that name with its types; raises AttributeError where it has none."""
    bound = api._lib[name]  # indexing gives an object of our own, so its types disturb nobody
    bound.restype = result
    bound.argtypes = list(arguments)
    return bound


def type_layout(name: str) -> TypeLayout | None:
    """The type of that name, as ggml writes it ("q8_0", "q4_K"); None when there is none."""
    return _layouts().get(name)


@cache
def _layouts() -> dict[str, TypeLayout]:
    type_name = function("ggml_type_name", ctypes.c_char_p, ctypes.c_int)
    elements = function("ggml_blck_size", ctypes.c_int64, ctypes.c_int)
    size = function("ggml_type_size", ctypes.c_size_t, ctypes.c_int)
    count = api.llama_model_quantize_default_params().output_tensor_type  # GGML_TYPE_COUNT stands for "none given"
    names = {number: type_name(number) for number in range(count)}
    return {name.decode(): TypeLayout(number, int(elements(number)), int(size(number))) for number, name in names.items() if name}
