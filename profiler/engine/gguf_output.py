"""The size of the file that a quantization writes, to the byte, by ggml's own GGUF writer."""

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from profiler.engine.ggml_library import function, type_layout
from profiler.engine.model import RefusedError

_ALIGNMENT = 32  # of the tensors that llama.cpp's quantizer writes, whatever the source says
_SPLIT_KEYS = ("split.no", "split.count", "split.tensors.count")


@dataclass(frozen=True, slots=True)
class OutputSize:
    """Bytes of the whole file and of its tensors, and how many weights these hold."""

    file_bytes: int
    tensor_bytes: int
    elements: int


class _InitParameters(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.POINTER(ctypes.c_void_p)))


def output_size(source_parts: Sequence[str], types: Mapping[str, str], keys: Mapping[str, str | int]) -> OutputSize:
    """What a quantization of these parts of one model takes.

    llama.cpp copies the first part's keys without those of a split, adds its own three and the given ones, and then all tensors.

    Args:
        source_parts: the model's files, in order.
        types: ggml's name of the new type by tensor (`dry_run.DryRun.types`).
        keys: further keys that it records, of text or a whole number.

    Raises:
        RefusedError: a part cannot be read, or the dry run did not name one of its tensors.
    """
    pointer = ctypes.c_void_p
    empty = function("gguf_init_empty", pointer)
    copy_keys = function("gguf_set_kv", None, pointer, pointer)
    set_count = function("gguf_set_val_u32", None, pointer, ctypes.c_char_p, ctypes.c_uint32)
    set_text = function("gguf_set_val_str", None, pointer, ctypes.c_char_p, ctypes.c_char_p)
    remove_key = function("gguf_remove_key", ctypes.c_int64, pointer, ctypes.c_char_p)
    meta_size = function("gguf_get_meta_size", ctypes.c_size_t, pointer)
    add_tensor = function("gguf_add_tensor", None, pointer, pointer)
    first = function("ggml_get_first_tensor", pointer, pointer)
    following = function("ggml_get_next_tensor", pointer, pointer, pointer)
    output = empty()
    try:
        for number, part in enumerate(source_parts):
            with _opened(part) as (gguf, tensors):
                if number == 0:
                    copy_keys(output, gguf)
                tensor = first(tensors)
                while tensor:
                    add_tensor(output, tensor)
                    tensor = following(tensors, tensor)
        for key in _SPLIT_KEYS:
            remove_key(output, key.encode())
        for key, value in {"general.quantization_version": 0, "general.file_type": 0, **keys}.items():
            if isinstance(value, str):
                set_text(output, key.encode(), os.fsencode(value))
            else:
                set_count(output, key.encode(), value)
        file_bytes, tensor_bytes, elements = int(meta_size(output)), 0, 0
        for name, row, rows in _shapes(output):
            size = rows * _row_bytes(types, name, row)
            tensor_bytes += size
            file_bytes += -(-size // _ALIGNMENT) * _ALIGNMENT
            elements += row * rows
        return OutputSize(file_bytes, tensor_bytes, elements)
    finally:
        function("gguf_free", None, pointer)(output)


def _row_bytes(types: Mapping[str, str], name: str, row: int) -> int:
    layout = type_layout(types.get(name, ""))
    if layout is None:
        raise RefusedError(f"llama.cpp did not say what the tensor {name} would become.")
    return row // layout.block_elements * layout.block_bytes


def _shapes(gguf: int) -> Iterator[tuple[str, int, int]]:
    """Name, length of a row and number of rows of each tensor."""
    pointer = ctypes.c_void_p
    count = function("gguf_get_n_tensors", ctypes.c_int64, pointer)
    name = function("gguf_get_tensor_name", ctypes.c_char_p, pointer, ctypes.c_int64)
    extents = function("gguf_get_tensor_ne", ctypes.POINTER(ctypes.c_int64), pointer, ctypes.c_int64)
    for index in range(count(gguf)):
        lengths = extents(gguf, index)
        yield name(gguf, index).decode("utf-8", "replace"), lengths[0], lengths[1] * lengths[2] * lengths[3]


@contextmanager
def _opened(path: str) -> Iterator[tuple[int, int]]:
    """A file's GGUF context and the ggml context of its tensors, without their data."""
    pointer = ctypes.c_void_p
    tensors = pointer()
    read = function("gguf_init_from_file", pointer, ctypes.c_char_p, _InitParameters)
    gguf = read(os.fsencode(path), _InitParameters(True, ctypes.pointer(tensors)))
    if not gguf:
        raise RefusedError(f"llama.cpp could not read {path}.")
    with ExitStack() as stack:
        stack.callback(function("gguf_free", None, pointer), gguf)
        stack.callback(function("ggml_free", None, pointer), tensors)
        yield gguf, tensors.value or 0
