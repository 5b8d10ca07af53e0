"""Recorded loads: Mooncake's, Azure's and BurstGPT's files, and any table with three named columns.

The files come from strangers: nothing in them is trusted, all sizes are bounded, and the first thing that is not as it should be
refuses the file.
"""

import csv
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.errors import BadFile, EnvironmentFault
from profiler.records.specification import TraceFormat
from profiler.scheduling.lengths import MAX_LENGTH_TOKENS

MAX_FILE_BYTES = 256 * 10**6
MAX_LINE_BYTES = 10**6
MAX_ROWS = 2_000_000
MAX_BLOCKS_PER_ROW = 20_000
MAX_SPAN_S = 10**9
"""No trace spans more than some thirty years."""

MOONCAKE_BLOCK_TOKENS = 512

_NAMES: dict[TraceFormat, tuple[str, str, str]] = {  # time, prompt's tokens, answer's tokens
    "mooncake": ("timestamp", "input_length", "output_length"),
    "azure": ("TIMESTAMP", "ContextTokens", "GeneratedTokens"),
    "burstgpt": ("Timestamp", "Request tokens", "Response tokens"),
}
_UNITS_PER_S: dict[TraceFormat, int] = {"mooncake": 1000, "azure": 10**9, "burstgpt": 1, "columns": 1}
_BLOCKS = "hash_ids"
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A recorded load, a row a request, in order of time.

    Attributes:
        times_s: when each came, rising from 0.
        prompt_tokens, output_tokens: its lengths, at least 1.
        blocks: the hashes of its prompt's blocks, equal where prompts begin alike; None when the file has none.
        block_tokens: tokens of a block; 0 when there are none.
        skipped: rows left out because they recorded a failure.
    """

    times_s: NDArray[np.float64]
    prompt_tokens: NDArray[np.int32]
    output_tokens: NDArray[np.int32]
    blocks: tuple[NDArray[np.int64], ...] | None
    block_tokens: int
    skipped: int


def read_trace(
    path: str | os.PathLike[str],
    format: TraceFormat,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
) -> Trace:
    """Read a recorded load.

    Args:
        path: a CSV file with a header, or JSON objects line by line.
        format: how its columns are called and what they mean; Mooncake's times are milliseconds, Azure's are dates.
        columns: for the format "columns", the names of those with the time in seconds, the prompt's and the answer's tokens.
        rows: only the first so many requests of the file, None for all.

    Raises:
        BadFile: the file is not of this format, or beyond the limits above; the sentence names the file and the line.
        EnvironmentFault: it cannot be read.
        ValueError: "columns" without three names.
    """
    names = _names(format, columns)
    with _Input(path) as source:
        is_json = format == "mooncake" or (format == "columns" and source.begins_with(b"{"))
        records = _json_records(source, names) if is_json else _csv_records(source, names)
        return _collect(source, records, format, names, rows)


def detect_format(path: str | os.PathLike[str]) -> TraceFormat | None:
    """The format that the file's first line shows; None when it is none with fixed names (then "columns" may fit).

    Raises:
        EnvironmentFault: the file cannot be read.
    """
    with _Input(path) as source:
        try:
            line = next((line for line in source.lines() if line.strip()), "")
            if line.lstrip().startswith("{"):
                found = set(_json_object(line))
            else:
                found = {name.strip() for name in next(csv.reader([line]), [])}
        except (BadFile, ValueError, csv.Error):
            return None
    return next((format for format, names in _NAMES.items() if found.issuperset(names)), None)


def content_hash(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 in hexadecimal digits.

    Raises:
        BadFile: it is larger than a trace may be.
        EnvironmentFault: it cannot be read.
    """
    with _Input(path) as source:
        return hashlib.file_digest(source.file, "sha256").hexdigest()


class _Input:
    """An open trace file that remembers the line it is at, for the sentences."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.line = 0
        self.file: BufferedReader

    def __enter__(self) -> "_Input":
        try:
            status = os.stat(self.path)  # before it is opened: opening a pipe would wait for its writer
            if not stat.S_ISREG(status.st_mode):
                raise EnvironmentFault(f"{self.path} is not a file; choose a trace file")
            if status.st_size > MAX_FILE_BYTES:
                raise BadFile(f"{self.path} has {status.st_size} bytes, where a trace has at most {MAX_FILE_BYTES}; cut it")
            self.file = open(self.path, "rb")
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.file.close()
        if isinstance(error, OSError):
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> EnvironmentFault:
        reason = getattr(error, "strerror", None) or error
        return EnvironmentFault(f"{self.path} cannot be read ({reason}); check the path and its permissions")

    def bad(self, what: str) -> BadFile:
        """What is wrong with the present line."""
        return BadFile(f"{self.path}, line {self.line}: {what}")

    def begins_with(self, mark: bytes) -> bool:
        """Whether the file's text begins so; the place in the file stays."""
        begin = self.file.read(4096)
        self.file.seek(0)
        return begin.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(mark)

    def lines(self) -> Iterator[str]:
        """The file's lines, counted, without a byte-order mark."""
        read_bytes = 0
        while line := self.file.readline(MAX_LINE_BYTES + 1):
            self.line += 1
            read_bytes += len(line)
            if len(line) > MAX_LINE_BYTES:
                raise self.bad(f"the line is longer than {MAX_LINE_BYTES} bytes; a request's line is shorter")
            if read_bytes > MAX_FILE_BYTES:  # it grew after it was opened
                raise self.bad(f"the file has more than {MAX_FILE_BYTES} bytes, where a trace has at most so many")
            try:
                yield line.decode("utf-8-sig" if self.line == 1 else "utf-8")
            except UnicodeDecodeError:
                raise self.bad("it is not UTF-8 text, which is expected") from None


def _names(format: TraceFormat, columns: Sequence[str] | None) -> tuple[str, str, str]:
    if format != "columns":
        return _NAMES[format]
    if columns is None or len(columns) != 3:
        raise ValueError("a trace by columns needs three names: of the time in seconds, the prompt's and the answer's tokens")
    return columns[0], columns[1], columns[2]


def _json_object(line: str) -> dict[str, Any]:
    """The object in a line; raises ValueError."""
    try:
        record = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("not an object")
    return record


def _json_records(source: _Input, names: Sequence[str]) -> Iterator[Sequence[Any]]:
    """The named values of each object, and its blocks (None where it has none)."""
    for line in source.lines():
        if not line.strip():
            continue
        try:
            record = _json_object(line)
        except ValueError:
            raise source.bad(f"it is not a JSON object, which is expected with {_listed(names)}") from None
        missing = [name for name in names if name not in record]
        if missing:
            raise source.bad(f"there is no {_listed(missing)}; expected are {_listed(names)}")
        yield [*(record[name] for name in names), record.get(_BLOCKS)]


def _csv_records(source: _Input, names: Sequence[str]) -> Iterator[Sequence[Any]]:
    """The named values of each row as text, and None for its blocks."""
    reader = csv.reader(source.lines(), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in names if name not in header]
        if missing:
            raise source.bad(f"there is no column {_listed(missing)}; expected is a header with {_listed(names)}")
        places = [header.index(name) for name in names]
        for row in reader:
            if not row:
                continue
            if len(row) <= max(places):
                raise source.bad(f"the row has {len(row)} values, where the header's {len(header)} are expected")
            yield [*(row[place].strip() for place in places), None]
    except csv.Error as error:
        raise source.bad(f"it is not CSV ({error}), which is expected") from None


def _collect(
    source: _Input, records: Iterator[Sequence[Any]], format: TraceFormat, names: Sequence[str], most: int | None
) -> Trace:
    """Check every record and make a trace of them."""
    time_of: Callable[[_Input, str, Any], float] = _moment_ns if format == "azure" else _time
    has_blocks = format == "mooncake"
    least = 0 if format == "burstgpt" else 1  # it records failures as requests without tokens
    times: list[float] = []
    lengths: list[tuple[int, int]] = []
    blocks: list[NDArray[np.int64]] = []
    skipped = 0
    for record in records:
        if len(times) + skipped >= MAX_ROWS:
            raise source.bad(f"there are more than {MAX_ROWS} rows, where a trace has at most so many; ask for fewer")
        time = time_of(source, names[0], record[0])
        prompt = _tokens(source, names[1], record[1], least)
        output = _tokens(source, names[2], record[2], least)
        if prompt == 0 or output == 0:
            skipped += 1
            continue
        times.append(time)
        lengths.append((prompt, output))
        if has_blocks:
            blocks.append(_blocks(source, record[3]))
        if len(times) == most:
            break
    if not times:
        raise BadFile(f"{source.path} has no request to replay; expected are rows with {_listed(names)}")
    times_s = _shifted_s(source, times, _UNITS_PER_S[format])
    order = np.argsort(times_s, kind="stable")
    tokens = np.array(lengths, np.int32)[order]
    has_blocks = any(len(row) for row in blocks)
    return Trace(
        times_s[order],
        np.ascontiguousarray(tokens[:, 0]),
        np.ascontiguousarray(tokens[:, 1]),
        tuple(blocks[row] for row in order.tolist()) if has_blocks else None,
        MOONCAKE_BLOCK_TOKENS if has_blocks else 0,
        skipped,
    )


def _shifted_s(source: _Input, times: list[float], units_per_s: int) -> NDArray[np.float64]:
    """Seconds since the earliest; subtracted before a float could lose an integer's last digits."""
    first, last = min(times), max(times)
    if not last - first <= MAX_SPAN_S * units_per_s:
        raise BadFile(f"{source.path} spans more than {MAX_SPAN_S} s; expected are times of one clock, in the format's unit")
    return np.array([time - first for time in times], np.float64) / units_per_s


def _time(source: _Input, name: str, value: Any) -> float:
    number = _number(value)
    if number is None:
        raise source.bad(f"{_listed([name])} is {_shown(value)}, where a finite number is expected")
    return number


def _moment_ns(source: _Input, name: str, value: str) -> int:
    """Nanoseconds since 1970 of a date and time; without a zone it is taken as UTC."""
    match = _MOMENT.fullmatch(value)
    if match is not None:
        date, time, fraction, zone = match.groups()
        try:
            moment = datetime.fromisoformat(f"{date}T{time}{zone or '+00:00'}") - _EPOCH
            return (moment.days * 86_400 + moment.seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))
        except ValueError:
            pass
    raise source.bad(f"{_listed([name])} is {_shown(value)}, where a time like 2023-11-16 18:15:46.6805900 is expected")


def _tokens(source: _Input, name: str, value: Any, least: int) -> int:
    number = _number(value)
    if number is None or number != int(number) or not least <= number <= MAX_LENGTH_TOKENS:
        expected = f"a whole number from {least} to {MAX_LENGTH_TOKENS}"
        raise source.bad(f"{_listed([name])} is {_shown(value)}, where {expected} is expected")
    return int(number)


def _number(value: Any) -> float | None:
    """A finite number, from JSON or from text; None for all else."""
    if isinstance(value, str):
        if not value.isascii() or "_" in value:  # Python would read them, nobody writes them
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _blocks(source: _Input, value: Any) -> NDArray[np.int64]:
    if value is None:
        return np.empty(0, np.int64)
    is_list = isinstance(value, list) and all(type(each) is int for each in value)
    if not is_list or len(value) > MAX_BLOCKS_PER_ROW:
        found = f"a list of {len(value)}" if is_list else _shown(value)
        raise source.bad(f"'{_BLOCKS}' is {found}, where a list of at most {MAX_BLOCKS_PER_ROW} integers is expected")
    try:
        return np.array(value, np.int64)
    except OverflowError:
        raise source.bad(f"'{_BLOCKS}' holds an integer beyond 64 bits, where at most 64 are expected") from None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name[:40]}'" for name in names)


def _shown(value: Any) -> str:
    """A value out of the file, short enough for a sentence."""
    text = repr(value if not isinstance(value, str) else value[:60])
    return text if len(text) <= 40 else text[:40] + "…"
