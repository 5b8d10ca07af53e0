"""Chunks: the packed, compressed columns of a stretch of one run's tokens, steps or samples.

Codec "zlib+columns1": `records.packing`, deflated. Integer columns are stored in the narrowest type that holds them, or as
differences when those need a narrower one; FORMAT.md tells how to undo it. Sizes are checked before anything is allocated.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile
from profiler.records import packing
from profiler.records.timing import COLUMN_DTYPES, Samples, to_columns

CODEC = "zlib+columns1"

ChunkKind = Literal["token", "step", "samples"]

MAX_ROWS = 65_536
MAX_UNPACKED_BYTES = 16 << 20
"""Three times the largest chunk of steps; a chunk of samples is cut before."""

_LATER_COLUMNS = frozenset({"cached_tokens", "evictions"})
"""Of steps, since version 2 of the format; before it there was no prefix cache, so where they are absent they are 0."""

_LEVEL = 6
_NARROW_DTYPES = ("|i1", "<i2", "<i4")
_FIRST, _DIFFERENCES = "+first", "+differences"
_TIMES = "times_ns"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a row of table chunk holds beside its run, kind and sequence number.

    Attributes:
        unpacked_bytes: size of the packed columns before they were deflated.
    """

    rows: int
    codec: str
    unpacked_bytes: int
    data: bytes


def row_chunks(rows: NDArray[Any]) -> Iterator[Chunk]:
    """Structured rows as chunks of at most MAX_ROWS."""
    for start in range(0, len(rows), MAX_ROWS):
        yield _encode(to_columns(rows[start : start + MAX_ROWS]))


def sample_chunks(samples: Samples) -> Iterator[Chunk]:
    """Samples as chunks, cut so that each can be read back."""
    bytes_a_row = 8 * (1 + len(samples.channels))
    rows_a_chunk = min(MAX_ROWS, MAX_UNPACKED_BYTES // 2 // bytes_a_row)
    for start in range(0, len(samples.times_ns), rows_a_chunk):
        part = slice(start, start + rows_a_chunk)
        channels = {name: column[part].astype("<f8") for name, column in samples.channels.items()}
        yield _encode({_TIMES: samples.times_ns[part], **channels})


def chunk_rows(kind: Literal["token", "step"], chunk: Chunk) -> NDArray[Any]:
    """The inverse of `row_chunks` for one chunk; raises ValueError when it is not one."""
    dtype = COLUMN_DTYPES[kind]
    columns = _decode(chunk)
    rows = np.empty(chunk.rows, dtype)
    for name in dtype.names or ():
        column = columns.get(name)
        if column is None and kind == "step" and name in _LATER_COLUMNS:
            rows[name] = 0
            continue
        if column is None or column.dtype != np.int64:
            raise ValueError(f"a chunk of {kind}s lacks its column {name}")
        rows[name] = column.astype(dtype[name])
        if not np.array_equal(rows[name].astype(np.int64), column):
            raise ValueError(f"a chunk of {kind}s has numbers out of range in {name}")
    return rows


def chunk_samples(chunk: Chunk) -> Samples:
    """The inverse of `sample_chunks` for one chunk; raises ValueError when it is not one."""
    columns = _decode(chunk)
    if columns.get(_TIMES, np.empty(0)).dtype != np.int64:
        raise ValueError("a chunk of samples has no times")
    return Samples(columns.pop(_TIMES), {name: column.astype(np.float64) for name, column in columns.items()})


def joined_samples(parts: Sequence[Samples]) -> Samples:
    """Samples one after another; a channel that a part lacks is NaN there."""
    if not parts:
        return Samples()
    names = dict.fromkeys(name for part in parts for name in part.channels)
    channels = {
        name: np.concatenate([part.channels.get(name, np.full(len(part.times_ns), np.nan)) for part in parts]) for name in names
    }
    return Samples(np.concatenate([part.times_ns for part in parts]), channels)


def _encode(columns: Mapping[str, NDArray[Any]]) -> Chunk:
    packed_columns: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        if column.dtype.kind == "f":
            packed_columns[name] = column
            continue
        values = column.astype(np.int64)
        differences = np.diff(values, prepend=values[:1])  # wraps around, and so does the sum that undoes it
        plain, narrow = _narrowed(values), _narrowed(differences)
        if narrow.itemsize < plain.itemsize:
            packed_columns[name + _FIRST] = values[:1]
            packed_columns[name + _DIFFERENCES] = narrow
        else:
            packed_columns[name] = plain
    packed = packing.pack(packed_columns)
    rows = len(next(iter(columns.values())))
    return Chunk(rows, CODEC, len(packed), zlib.compress(packed, _LEVEL))


def _narrowed(values: NDArray[np.int64]) -> NDArray[Any]:
    low, high = values.min(), values.max()
    for dtype in _NARROW_DTYPES:
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return values.astype(dtype)
    return values


def _decode(chunk: Chunk) -> dict[str, NDArray[Any]]:
    """The columns, integers as int64."""
    if chunk.codec != CODEC:
        raise ValueError(f"a chunk is packed as {chunk.codec[:40]!r}, which this Inferometer does not know")
    if not (0 < chunk.rows <= MAX_ROWS and 0 < chunk.unpacked_bytes <= MAX_UNPACKED_BYTES):
        raise ValueError("a chunk claims to be larger than chunks are")
    try:
        packed_columns = packing.unpack(_inflated(chunk))
    except BadFile as error:
        raise ValueError(error.sentence) from error
    columns: dict[str, NDArray[Any]] = {}
    for name, column in packed_columns.items():
        if name.endswith(_FIRST):
            continue
        if name.endswith(_DIFFERENCES) and column.dtype.kind == "i":
            name = name.removesuffix(_DIFFERENCES)
            column = np.cumsum(column, dtype=np.int64) + _first(packed_columns, name)
        elif column.dtype.kind != "f":
            column = column.astype(np.int64)
        if len(column) != chunk.rows:
            raise ValueError(f"a chunk's column {name} has {len(column)} rows instead of {chunk.rows}")
        columns[name] = column
    return columns


def _first(packed_columns: packing.Columns, name: str) -> NDArray[Any]:
    first = packed_columns.get(name + _FIRST)
    if first is None or first.dtype != np.int64 or len(first) != 1:
        raise ValueError(f"a chunk's column {name} has no beginning")
    return first


def _inflated(chunk: Chunk) -> bytes:
    inflater = zlib.decompressobj()
    try:
        packed = inflater.decompress(chunk.data, chunk.unpacked_bytes + 1)
    except zlib.error as error:
        raise ValueError("a chunk cannot be decompressed") from error
    if len(packed) != chunk.unpacked_bytes or not inflater.eof:
        raise ValueError("a chunk has another size than it says")
    return packed
