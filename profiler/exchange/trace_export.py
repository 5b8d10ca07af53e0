"""Export as Trace Event JSON, which Perfetto, Chrome's about:tracing and Tracy open.

A run is a process, at its place on the wall clock since the first run's origin; instants are microseconds with three decimals,
which keeps the nanosecond. A lane (thread) holds one request at a time, from due to its end, as complete slices that neither
overlap nor leave a gap ("queued", "prefill" for each step that read from its prompt, "prefill waits", "decode"), with an instant
for each token. Counters tell each step's sequences and tokens, the queue, the KV cells, the memory traffic that it achieved, and
every channel of the telemetry (power, clocks, memory).
"""

import itertools
import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import profiler
from profiler.analysis.bandwidth import step_bytes
from profiler.analysis.request_slices import Slice, lanes, prefill_chunks, request_slices
from profiler.exchange.tables import unit_of
from profiler.exchange.target import new_file
from profiler.plan.cells import varying_axes
from profiler.records.run_record import CellRecord, RunRecord
from profiler.records.timing import STEP_DTYPE, no_rows
from profiler.session.reader import SessionReader
from profiler.session.rows import class_names, plain_columns

_IDLE_NS = 1_000_000
"""Between steps further apart than this nothing ran, and the counters of a step fall to 0."""

_OF_A_REQUEST = ("request", "class", "user", "turn", "status", "prompt_tokens", "cached_tokens", "output_tokens")
_OF_A_STEP = (
    "start_ns", "end_ns", "sequences", "prefill_tokens", "decode_tokens", "waiting", "in_system", "kv_used_cells",
)  # fmt: skip


def export_trace(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the trace of all runs to `target`, event by event: memory holds a run's requests and its steps with prompts.

    Raises:
        UnusableArguments: the target exists and `force` is not set.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    about = {"title": reader.title(), "created_utc": reader.created_utc(), "inferometer": profiler.__version__}
    with new_file(target, force=force) as stream:
        stream.write(f'{{"displayTimeUnit": "ms", "otherData": {json.dumps(about)}, "traceEvents": [')
        for number, event in enumerate(trace_events(reader)):
            stream.write((",\n" if number else "\n") + event)
        stream.write("\n]}\n")


def trace_events(reader: SessionReader) -> Iterator[str]:
    """The events, each a JSON object."""
    cells = {cell.cell_id: cell for cell in reader.cells()}
    axes = varying_axes([cell.configuration for cell in cells.values()]) if cells else []
    runs = reader.runs()
    offsets_ns = _offsets_ns(runs)
    # Perfetto takes thread numbers to be unique over all processes, and one that is its process's number for the main thread.
    thread_numbers = itertools.count(max((run.run_id for run in runs), default=0) + 1)
    for run in runs:
        cell = cells[run.cell_id]
        named = ", ".join(f"{axis.name} {cell.configuration[axis.name]}" for axis in axes)
        yield _meta(
            "process_name", run.run_id, {"name": f"run {run.run_id}, cell {run.cell_id}" + (f": {named}" if named else "")}
        )
        yield _meta("process_sort_index", run.run_id, {"sort_index": run.run_id})
        yield _meta("process_labels", run.run_id, {"labels": ", ".join(_labels(run))})
        trace = _RunTrace(reader, run, cell, offsets_ns[run.run_id], thread_numbers)
        yield from trace.request_events()
        yield from trace.step_events()
        yield from trace.sample_events()


def _labels(run: RunRecord) -> list[str]:
    return [str(run.status), *([] if run.is_valid else ["does not count"]), *(flag.partition(":")[0] for flag in run.flags)]


def _offsets_ns(runs: list[RunRecord]) -> dict[int, int]:
    """Where each run lies, from the first run's origin on the wall clock; at 0 where it is not known."""
    starts = {run.run_id: start for run in runs if run.anchor is not None and (start := _date(run.anchor.utc)) is not None}
    first = min(starts.values(), default=None)
    offsets = dict.fromkeys((run.run_id for run in runs), 0)
    for run_id, start in starts.items():
        since = start - (first or start)
        offsets[run_id] = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
    return offsets


def _date(utc: str) -> datetime | None:
    """A date of the file, None where it is none with a time zone."""
    try:
        date = datetime.fromisoformat(utc)
    except ValueError:
        return None
    return None if date.tzinfo is None else date


class _RunTrace:
    """The events of one run."""

    def __init__(
        self, reader: SessionReader, run: RunRecord, cell: CellRecord, offset_ns: int, thread_numbers: Iterator[int]
    ) -> None:
        self._reader = reader
        self._run = run
        self._cell = cell
        self._pid = run.run_id
        self._offset_ns = offset_ns
        self._thread_numbers = thread_numbers

    def request_events(self) -> Iterator[str]:
        """Lanes with the slices of requests, then the tokens on them."""
        requests = self._reader.requests(self._run.run_id)
        with_prompts, numbers, run_end_ns = self._steps_with_prompts()
        run_end_ns = max([run_end_ns, *requests["end_ns"].tolist()])
        chunks = prefill_chunks(requests, with_prompts, numbers)
        rows = requests[np.lexsort((requests["request"], requests["due_ns"]))]
        columns = plain_columns(rows, class_names(self._run.specification))
        spans_ns = [
            (due, run_end_ns if end is None else end) for due, end in zip(columns["due_ns"], columns["end_ns"], strict=True)
        ]
        threads: list[int] = []
        thread_of: dict[int, int] = {}
        for place, lane in enumerate(lanes(spans_ns)):
            if lane == len(threads):
                threads.append(next(self._thread_numbers))
                yield _meta("thread_name", self._pid, {"name": f"lane {lane + 1}"}, threads[lane])
                yield _meta("thread_sort_index", self._pid, {"sort_index": lane + 1}, threads[lane])
            request = columns["request"][place]
            thread = thread_of[request] = threads[lane]
            args = {name: columns[name][place] for name in _OF_A_REQUEST}
            for each in request_slices(rows[place], chunks.get(request, []), run_end_ns):
                step = {} if each.tokens is None else {"chunk_tokens": each.tokens, "step": each.step}
                yield self._slice(each, thread, args | step)
            if args["status"] != "completed":
                yield self._instant(args["status"], "request", thread, spans_ns[place][1], {"request": request})
        for part in self._reader.row_chunks(self._run.run_id, "token"):
            for request, step, time_ns in zip(*(part[name].tolist() for name in ("request", "step", "time_ns")), strict=True):
                if request in thread_of:
                    yield self._instant("token", "token", thread_of[request], time_ns, {"request": request, "step": step})

    def step_events(self) -> Iterator[str]:
        """Counters of the steps, each at its start; those of a step alone fall to 0 where nothing follows at once."""
        last_end_ns: int | None = None
        for part in self._reader.row_chunks(self._run.run_id, "step"):
            columns = (part[name].tolist() for name in _OF_A_STEP)
            for row in zip(*columns, self._gb_s(part), strict=True):
                start_ns, end_ns, sequences, prefill, decode, waiting, in_system, used, gb_s = row
                if last_end_ns is not None and start_ns - last_end_ns > _IDLE_NS:
                    yield from self._nothing_runs(last_end_ns)
                yield self._counter("batch", start_ns, {"sequences": sequences})
                yield self._counter("step tokens", start_ns, {"prefill": prefill, "decode": decode})
                yield self._counter("requests", start_ns, {"waiting": waiting, "in system": in_system})
                yield self._counter("KV cells", end_ns, {"used": used})
                if gb_s is not None:
                    yield self._counter("bandwidth", start_ns, {"GB/s": gb_s})
                last_end_ns = end_ns
        if last_end_ns is not None:
            yield from self._nothing_runs(last_end_ns)

    def sample_events(self) -> Iterator[str]:
        """A counter for each channel of the telemetry; a reading that failed is left out."""
        for part in self._reader.sample_chunks(self._run.run_id):
            for name, column in part.channels.items():
                unit = unit_of(name) or "value"
                for time_ns, value in zip(part.times_ns.tolist(), column.tolist(), strict=True):
                    if math.isfinite(value):
                        yield self._counter(name, time_ns, {unit: value})

    def _nothing_runs(self, time_ns: int) -> Iterator[str]:
        yield self._counter("batch", time_ns, {"sequences": 0})
        yield self._counter("step tokens", time_ns, {"prefill": 0, "decode": 0})
        if self._cell.costs is not None:
            yield self._counter("bandwidth", time_ns, {"GB/s": 0})

    def _gb_s(self, steps: NDArray[Any]) -> list[float | None]:
        """What each step had to read over its time; None where the model's costs are not known."""
        if self._cell.costs is None:
            return [None] * len(steps)
        lasted_ns = np.maximum(steps["end_ns"] - steps["start_ns"], 1)
        return [round(value, 3) for value in (step_bytes(steps, self._cell.costs) / lasted_ns).tolist()]

    def _steps_with_prompts(self) -> tuple[NDArray[Any], NDArray[np.int64], int]:
        """The steps that read prompts, their numbers, and the end of the last step of all."""
        parts, numbers, seen, end_ns = [], [], 0, 0
        for part in self._reader.row_chunks(self._run.run_id, "step"):
            reads = part["prefill_tokens"] > 0
            parts.append(part[reads])
            numbers.append(np.flatnonzero(reads) + seen)
            seen += len(part)
            end_ns = int(part["end_ns"][-1]) if len(part) else end_ns
        if not parts:
            return no_rows(STEP_DTYPE), np.empty(0, np.int64), 0
        return np.concatenate(parts), np.concatenate(numbers), end_ns

    def _slice(self, each: Slice, thread: int, args: dict[str, Any]) -> str:
        times = f'"ts": {self._us(each.start_ns)}, "dur": {_us(each.end_ns - each.start_ns)}'
        head = f'{{"ph": "X", "cat": "request", "name": "{each.name}", "pid": {self._pid}, "tid": {thread}, '
        return f'{head}{times}, "args": {json.dumps(args)}}}'

    def _instant(self, name: str, category: str, thread: int, time_ns: int, args: dict[str, int]) -> str:
        return (
            f'{{"ph": "i", "s": "t", "cat": "{category}", "name": "{name}", "pid": {self._pid}, "tid": {thread}, '
            f'"ts": {self._us(time_ns)}, "args": {json.dumps(args)}}}'
        )

    def _counter(self, name: str, time_ns: int, values: dict[str, float]) -> str:
        head = f'{{"ph": "C", "name": {json.dumps(name)}, "pid": {self._pid}, '
        return f'{head}"ts": {self._us(time_ns)}, "args": {json.dumps(values)}}}'

    def _us(self, time_ns: int) -> str:
        return _us(self._offset_ns + time_ns)


def _us(time_ns: int) -> str:
    """Nanoseconds as microseconds, to the last digit."""
    whole, rest = divmod(abs(time_ns), 1000)
    return f"{'-' if time_ns < 0 else ''}{whole}.{rest:03d}"


def _meta(name: str, pid: int, args: dict[str, Any], tid: int = 0) -> str:
    return json.dumps({"ph": "M", "name": name, "pid": pid, "tid": tid, "args": args})
