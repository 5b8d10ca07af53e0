"""Reads a GGUF file's header: metadata and the list of tensors, never their data.

Files are untrusted. Every count, length and offset is held against the file's size and against fixed limits before anything is
allocated, long arrays (vocabularies) are stepped over, and what llama.cpp refuses (nested arrays, names twice, gaps between
tensors) is refused here too, as BadFile with one sentence.
"""

import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from profiler.errors import BadFile, EnvironmentFault
from profiler.modelfile.ggml_types import tensor_type
from profiler.units import bytes_text

MAGIC = b"GGUF"

MAX_HEADER_BYTES = 64 * 2**20
"""Three times the largest vocabulary seen; it bounds the time and memory that a hostile file can cost."""
MAX_PAIRS = 1 << 16
MAX_TENSORS = 1 << 17
MAX_KEY_BYTES = 65_535  # GGUF's own limit
MAX_NAME_BYTES = 63  # ggml's GGML_MAX_NAME, with its closing zero
MAX_DIMENSIONS = 4
MAX_KEPT_ENTRIES = 4096
"""Numeric arrays up to this length are kept: per-layer head counts, not token scores."""
MAX_KEPT_ENTRIES_IN_ALL = 1 << 16

_CHUNK_BYTES = 256 * 1024
_DEFAULT_ALIGNMENT = 32

_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
"""How GGUF stores its numeric value types."""
_STRING = 8
_ARRAY = 9
_U32 = _SCALARS[4]
_U64 = _SCALARS[10]
_PREAMBLE = struct.Struct("<4sIQQ")  # magic, version, tensors, pairs

_MIN_PAIR_BYTES = _U64.size + _U32.size + 1
_MIN_TENSOR_BYTES = _U64.size + _U32.size + _U32.size + _U64.size

Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class SkippedArray:
    """An array that was stepped over: text, or too long to keep."""

    length: int
    of_text: bool


Value = Scalar | tuple[bool | int | float, ...] | SkippedArray


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor as the header lists it.

    Attributes:
        dtype: ggml's type name ("Q4_1").
        shape: in ggml's order: the length of a row first.
        bytes: of its data, without padding.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def row_count(self) -> int:
        """How many rows it holds; a tensor of one dimension is one row."""
        return math.prod(self.shape[1:])


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself.

    Attributes:
        tensor_count: as stated, also where the tensors themselves were not read.
        metadata: by key; long and textual arrays as SkippedArray.
        file_bytes: the whole file's size.
    """

    version: int
    tensor_count: int
    metadata: Mapping[str, Value]
    tensors: tuple[TensorInfo, ...]
    file_bytes: int


def read_header(path: Path) -> Header:
    """The whole header of the file at `path`.

    Raises:
        BadFile: the file is no GGUF file, damaged, cut short, or of a version or type that is not known.
        EnvironmentFault: it cannot be opened or read.
    """
    return _read(path, beginning_only=False)


def read_beginning(path: Path) -> Header:
    """The header's first keys as far as they are `general.*` ones, without tensors: enough to tell what kind of file it is.

    Writers put these keys first. Costs one read however large the vocabulary; raises what `read_header` raises.
    """
    return _read(path, beginning_only=True)


def _read(path: Path, *, beginning_only: bool) -> Header:
    try:
        # A named pipe would block in open() until somebody writes to it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BadFile(f"{path} is no file; choose a GGUF file")
        with open(path, "rb", buffering=0) as file:
            return _Reader(file, path).header(beginning_only)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read ({error.strerror or error}); check the path and its permissions") from None


class _Reader:
    """Walks through one open file with a window of a few hundred kilobytes; never asks for more bytes than the file has."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._file_bytes = os.fstat(file.fileno()).st_size
        self._window = b""
        self._window_start = 0  # where in the file the window begins
        self._at = 0  # position within the window; may lie behind its end after a skip
        self._entries_left = MAX_KEPT_ENTRIES_IN_ALL

    def header(self, beginning_only: bool) -> Header:
        """The header from the file's first byte on."""
        magic, version, tensor_count, pair_count = _PREAMBLE.unpack(self._take_preamble())
        if magic != MAGIC:
            self._fail("is no GGUF file", "choose a model in GGUF format")
        if version & 0xFFFF == 0:
            self._fail("is a GGUF file for big-endian machines", "get the little-endian one")
        if version not in (2, 3):
            self._fail(f"has GGUF version {version}, where 2 and 3 are known", "convert the model anew")
        self._check_count("keys", pair_count, _MIN_PAIR_BYTES, MAX_PAIRS)
        self._check_count("tensors", tensor_count, _MIN_TENSOR_BYTES, MAX_TENSORS)
        metadata = self._metadata(pair_count, beginning_only)
        tensors = () if beginning_only else self._tensors(tensor_count, self._alignment(metadata))
        return Header(version, tensor_count, metadata, tensors, self._file_bytes)

    def _take_preamble(self) -> bytes:
        if self._file_bytes < _PREAMBLE.size:
            self._fail("is no GGUF file: it is too short", "choose a model in GGUF format")
        return self._take(_PREAMBLE.size)

    def _metadata(self, count: int, beginning_only: bool) -> dict[str, Value]:
        metadata: dict[str, Value] = {}
        for _ in range(count):
            key = self._text(MAX_KEY_BYTES, "key")
            if beginning_only and not key.startswith("general."):
                break
            if key in metadata:
                self._fail(f"has the key {key[:80]!r} twice", "get the file again")
            metadata[key] = self._value(key)
        return metadata

    def _value(self, key: str) -> Value:
        kind = self._u32()
        if kind == _ARRAY:
            return self._array(key)
        if kind == _STRING:
            return self._text(MAX_HEADER_BYTES, "text")
        value: bool | int | float = self._take_struct(self._scalar(kind, key))
        return value

    def _array(self, key: str) -> Value:
        kind = self._u32()
        length = self._u64()
        if kind == _STRING:
            self._check_count("array entries", length, _U64.size, MAX_HEADER_BYTES)
            self._skip_texts(length)
            return SkippedArray(length, of_text=True)
        entry = self._scalar(kind, key)
        self._check_count("array entries", length, entry.size, MAX_HEADER_BYTES)
        if length > min(MAX_KEPT_ENTRIES, self._entries_left):
            self._skip(length * entry.size)
            return SkippedArray(length, of_text=False)
        self._entries_left -= length
        return tuple(value for (value,) in entry.iter_unpack(self._take(length * entry.size)))

    def _scalar(self, kind: int, key: str) -> struct.Struct:
        if kind == _ARRAY:
            self._fail(f"has arrays within an array under {key[:80]!r}", "llama.cpp cannot read them either: convert it anew")
        if kind not in _SCALARS:
            self._fail(f"has a value of unknown kind {kind} under {key[:80]!r}", "get the file again")
        return _SCALARS[kind]

    def _alignment(self, metadata: dict[str, Value]) -> int:
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        if isinstance(alignment, bool) or not isinstance(alignment, int) or not 0 < alignment <= 2**31:
            self._fail("has an alignment that is no number", "get the file again")
        if alignment & (alignment - 1):
            self._fail(f"has an alignment of {alignment}, which is no power of two", "get the file again")
        return alignment

    def _tensors(self, count: int, alignment: int) -> tuple[TensorInfo, ...]:
        tensors: list[TensorInfo] = []
        names: set[str] = set()
        data_bytes = 0
        for _ in range(count):
            tensor, offset = self._tensor()
            if tensor.name in names:
                self._fail(f"has the tensor {tensor.name!r} twice", "get the file again")
            if offset != _padded(data_bytes, alignment):
                self._fail(f"has its tensor {tensor.name!r} in an unexpected place", "get the file again")
            names.add(tensor.name)
            tensors.append(tensor)
            data_bytes = offset + tensor.bytes
        data_end = _padded(self._window_start + self._at, alignment) + data_bytes
        if tensors and data_end > self._file_bytes:
            self._fail(
                f"is incomplete: it has {bytes_text(self._file_bytes)} of {bytes_text(data_end)}",
                "get the file again",
            )
        return tuple(tensors)

    def _tensor(self) -> tuple[TensorInfo, int]:
        """The next tensor and where its data begins, counted from the start of all data."""
        name = self._text(MAX_NAME_BYTES, "tensor name")
        dimensions = self._u32()
        if dimensions > MAX_DIMENSIONS:
            self._fail(f"has a tensor {name!r} of {dimensions} dimensions", "get the file again")
        shape = tuple(self._u64() for _ in range(dimensions))
        kind = self._u32()
        entry = tensor_type(kind)
        if entry is None:
            self._fail(f"holds tensors of a type ({kind}) that is not known here", "a newer Inferometer may know it")
        row = shape[0] if shape else 1
        if row % entry.block_elements:
            self._fail(f"has a tensor {name!r} whose rows of {row} make no whole blocks of {entry.name}", "get the file again")
        if math.prod(shape) >= 2**63:
            self._fail(f"has a tensor {name!r} of impossible size", "get the file again")
        return TensorInfo(name, entry.name, shape, entry.row_bytes(row) * math.prod(shape[1:])), self._u64()

    def _u32(self) -> int:
        return int(self._take_struct(_U32))

    def _u64(self) -> int:
        return int(self._take_struct(_U64))

    def _take_struct(self, layout: struct.Struct) -> bool | int | float:
        value: bool | int | float = layout.unpack(self._take(layout.size))[0]
        return value

    def _text(self, limit: int, what: str) -> str:
        length = self._u64()
        if length > limit:
            self._fail(f"has a {what} of {length} bytes", "get the file again")
        return self._take(length).decode("utf-8", errors="replace")

    def _take(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._require(count)
        if self._at + count > len(self._window):
            self._load(count)
        start = self._at
        self._at += count
        return self._window[start : self._at]

    def _skip(self, count: int) -> None:
        self._require(count)
        self._at += count

    def _skip_texts(self, count: int) -> None:
        """Step over texts, each a length and its bytes. The inner loop is the cost of reading a header: 50 ns a text."""
        unpack = _U64.unpack_from
        while count:
            self._require(_U64.size)
            if self._at + _U64.size > len(self._window):
                self._load(_U64.size)
            window, at, last = self._window, self._at, len(self._window) - _U64.size
            while count and at <= last:
                at += _U64.size + unpack(window, at)[0]
                count -= 1
            self._at = at
            self._require(0)

    def _load(self, count: int) -> None:
        """Move the window to the current position, with at least `count` bytes in it."""
        self._window_start += self._at
        self._at = 0
        self._file.seek(self._window_start)
        self._window = b""
        while len(self._window) < count:
            chunk = self._file.read(max(_CHUNK_BYTES, count - len(self._window)))
            if not chunk:
                self._fail("became shorter while it was read", "wait until it is complete")
            self._window += chunk

    def _require(self, count: int) -> None:
        """Fail unless the file has `count` more bytes and the header may still hold them."""
        end = self._window_start + self._at + count
        if end > self._file_bytes:
            self._fail("ends within its header", "the download is incomplete: get the file again")
        if end > MAX_HEADER_BYTES:
            self._fail(f"has a header of more than {bytes_text(MAX_HEADER_BYTES)}", "it is damaged: get the file again")

    def _check_count(self, what: str, count: int, least_bytes: int, limit: int) -> None:
        left = self._file_bytes - self._window_start - self._at
        if count > limit or count * least_bytes > left:
            self._fail(f"claims {count} {what}, more than it can hold", "it is damaged or incomplete: get the file again")

    def _fail(self, what: str, remedy: str) -> NoReturn:
        raise BadFile(f"{self._path} {what}; {remedy}")


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
