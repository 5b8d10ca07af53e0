"""The trace that a plan replays: read once, however often its cells are worked out."""

import os
from functools import lru_cache
from pathlib import Path

from profiler.errors import UnusableArguments
from profiler.records.specification import TraceSettings
from profiler.scheduling.trace import Trace, content_hash, detect_format, read_trace


def recorded_load(path: str, columns: str | None, time_scale: float, rows: int | None) -> tuple[TraceSettings, Trace]:
    """What is replayed, as the engine child will find it again.

    Args:
        path: of a file in a format that `scheduling.trace` knows.
        columns: names of three columns by commas, for a file in another format.
        time_scale: the trace's clock runs so many times slower.
        rows: only the first so many.

    Raises:
        UnusableArguments: the format is not known and no columns are named.
        BadFile, EnvironmentFault: it cannot be read.
    """
    file = Path(path).expanduser().absolute()
    stamp = (0, 0)
    if file.exists():
        status = os.stat(file)
        stamp = (status.st_mtime_ns, status.st_size)
    return _read(str(file), columns, time_scale, rows, stamp)


@lru_cache(maxsize=4)
def _read(path: str, columns: str | None, time_scale: float, rows: int | None, _stamp: object) -> tuple[TraceSettings, Trace]:
    names = None if columns is None else tuple(name.strip() for name in columns.split(","))
    known = "columns" if names is not None else detect_format(path)
    if known is None:
        raise UnusableArguments(
            f"{path} is no trace in a known format; name its columns of time in seconds, prompt and answer tokens: "
            "--trace-columns time,prompt,output."
        )
    trace = read_trace(path, known, names, rows)
    return TraceSettings(path, content_hash(path), known, names, time_scale, rows), trace
