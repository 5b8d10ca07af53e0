"""Named numpy columns as one byte string: what crosses the process line and what a session's chunks hold.

Layout: a little-endian uint32 length of the header, the header (UTF-8 JSON: a list of [name, dtype, rows]), then the columns'
bytes one after another. Nothing in it is executed; every size is checked before anything is allocated.
"""

import json
import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile

Columns = Mapping[str, NDArray[np.generic]]

_ALLOWED_DTYPES = frozenset({"<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "<f8", "<f4"})
_MAX_HEADER_BYTES = 1 << 20


def pack(columns: Columns) -> bytes:
    """Pack one-dimensional columns; raises ValueError on a dtype that the layout does not know."""
    header = []
    parts = []
    for name, column in columns.items():
        array = np.ascontiguousarray(column)
        if array.ndim != 1 or array.dtype.str not in _ALLOWED_DTYPES:
            raise ValueError(f"column {name} cannot be packed: {array.dtype.str}, {array.ndim} dimensions")
        header.append([name, array.dtype.str, len(array)])
        parts.append(array.tobytes())
    head = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(head)), head, *parts])


def unpack(data: bytes | memoryview) -> dict[str, NDArray[np.generic]]:
    """The columns of `pack` as read-only views on `data`; raises BadFile when the bytes do not add up."""
    try:
        (head_bytes,) = struct.unpack_from("<I", data, 0)
        if head_bytes > _MAX_HEADER_BYTES:
            raise BadFile("A packed chunk claims a header larger than 1 MB; it is damaged.")
        header = json.loads(bytes(data[4 : 4 + head_bytes]))
        columns: dict[str, NDArray[np.generic]] = {}
        offset = 4 + head_bytes
        for name, dtype, rows in header:
            if dtype not in _ALLOWED_DTYPES or not isinstance(name, str) or not isinstance(rows, int) or rows < 0:
                raise BadFile(f"A packed chunk has a column of an unknown kind ({dtype!r}); it is damaged.")
            size = rows * np.dtype(dtype).itemsize
            if offset + size > len(data):
                raise BadFile("A packed chunk is shorter than its header says; it is damaged.")
            columns[name] = np.frombuffer(data, dtype=dtype, count=rows, offset=offset)
            offset += size
    except (struct.error, ValueError, TypeError, UnicodeDecodeError) as error:
        raise BadFile("A packed chunk has no readable header; it is damaged.") from error
    if offset != len(data):
        raise BadFile("A packed chunk is longer than its header says; it is damaged.")
    return columns
