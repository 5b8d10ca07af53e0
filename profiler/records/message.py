"""The messages between a parent and its engine child: a length, a kind, a version, then the payload.

One pipe each way. The frame is little-endian: uint32 payload bytes, uint8 kind, uint8 version. Payloads are JSON, but for
ROWS: three uint32 row counts, then the rows of the tables request, token and step as `records.timing` lays them out. Both ends
are of one version, and the child sends ten times a second beside its work, so rows cross as they lie in memory.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile
from profiler.records.timing import COLUMN_DTYPES

PROTOCOL_VERSION = 1
_FRAME = struct.Struct("<IBB")
_ROW_COUNTS = struct.Struct("<3I")
MAX_PAYLOAD_BYTES = 256 << 20


class MessageKind(IntEnum):
    """What a message is; the first group goes to the child, the second comes from it."""

    JOB = 1  # {"name": str, "arguments": {…}}
    CANCEL = 2  # {}

    HELLO = 16  # {"pid": int, "protocol": int}
    HEARTBEAT = 17  # {"phase": str, "elapsed_s": float}
    PROGRESS = 18  # {"phase": str, "share": float | null}
    STARTED = 19  # EngineFacts
    ROWS = 20  # rows of the tables request, token, step
    RESULT = 21  # the job's result: a document
    FAILED = 22  # {"sentence": str, "log": [str], "kind": str}: refused, the child lives on; any other kind ends it
    CANCELLED = 23  # {}


class GarbledStreamError(BadFile):
    """What came through the pipe is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, its payload still packed."""

    kind: MessageKind
    payload: bytes

    def document(self) -> dict[str, Any]:
        """The JSON payload; raises GarbledStreamError when it is none."""
        try:
            value = json.loads(self.payload)
        except ValueError as error:
            raise GarbledStreamError(f"a {self.kind.name} message has no readable content") from error
        if not isinstance(value, dict):
            raise GarbledStreamError(f"a {self.kind.name} message holds no document")
        return value

    def tables(self) -> dict[str, NDArray[Any]]:
        """The structured arrays of a ROWS message by table name, read-only; raises GarbledStreamError when they do not add up."""
        try:
            counts = _ROW_COUNTS.unpack_from(self.payload)
        except struct.error as error:
            raise GarbledStreamError("a ROWS message has no row counts") from error
        sizes = [count * dtype.itemsize for count, dtype in zip(counts, COLUMN_DTYPES.values(), strict=True)]
        if len(self.payload) != _ROW_COUNTS.size + sum(sizes):
            raise GarbledStreamError("a ROWS message is not as long as its row counts say")
        tables = {}
        offset = _ROW_COUNTS.size
        for (name, dtype), count, size in zip(COLUMN_DTYPES.items(), counts, sizes, strict=True):
            tables[name] = np.frombuffer(self.payload, dtype, count, offset)
            offset += size
        return tables


def json_message(kind: MessageKind, document: Mapping[str, Any]) -> bytes:
    """A whole frame with a JSON payload."""
    return _frame(kind, json.dumps(document).encode())


def rows_message(tables: Mapping[str, NDArray[Any]]) -> bytes:
    """A whole ROWS frame; every table is there, perhaps empty."""
    rows = [tables[name] for name in COLUMN_DTYPES]
    return _frame(MessageKind.ROWS, b"".join([_ROW_COUNTS.pack(*map(len, rows)), *(table.tobytes() for table in rows)]))


def read_message(stream: IO[bytes]) -> Message | None:
    """The next message, None at the stream's end; raises GarbledStreamError on anything else."""
    head = _read_exactly(stream, _FRAME.size)
    if head is None:
        return None
    length, kind, version = _FRAME.unpack(head)
    if version != PROTOCOL_VERSION or length > MAX_PAYLOAD_BYTES:
        raise GarbledStreamError(f"the frame {head.hex()} is of no known version or size")
    try:
        known_kind = MessageKind(kind)
    except ValueError:
        raise GarbledStreamError(f"the frame {head.hex()} is of an unknown kind") from None
    payload = _read_exactly(stream, length) if length else b""
    if payload is None:
        return None
    return Message(known_kind, payload)


def _frame(kind: MessageKind, payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), kind, PROTOCOL_VERSION) + payload


def _read_exactly(stream: IO[bytes], count: int) -> bytes | None:
    """`count` bytes, or None when the stream ends before."""
    data = stream.read(count)
    while 0 < len(data) < count:
        more = stream.read(count - len(data))
        if not more:
            break
        data += more
    return data if len(data) == count else None
