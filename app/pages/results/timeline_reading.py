"""What the timeline's card reads of a run, on a job's thread, and the figures of a range of it. No widget is touched."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profiler.analysis.context import RunContext
from profiler.analysis.decomposition import TimeSplit, time_split
from profiler.analysis.figures import run_figures
from profiler.analysis.timeline import RunTimeline, run_timeline
from profiler.analysis.timeline_tracks import Track, tracks
from profiler.analysis.token_delay import TokenReader
from profiler.analysis.window import Window, measurement_window
from profiler.errors import Interrupted
from profiler.plan.slo import Slo
from profiler.records.run_record import Figures, RunRecord, RunStatus
from profiler.records.timing import RunData, reached
from profiler.session.reader import SessionReader

MOST_LISTED = 500
"""Requests in the table: the longest of those in sight."""


@dataclass(frozen=True, slots=True)
class RequestSplit:
    """A request and where its latency went, in milliseconds; None where that is not known."""

    number: int
    status: str
    due_ms: float
    e2e_ms: float | None
    parts_ms: tuple[float | None, ...]
    output_tokens: int


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run, ready to be drawn.

    Attributes:
        choices: all runs of the cell that have ended.
        figures: the stored ones, None where it has none.
        window: that those describe.
        listed: the longest of its requests.
    """

    path: Path
    run: RunRecord
    choices: tuple[RunRecord, ...]
    context: RunContext
    timeline: RunTimeline
    tracks: tuple[Track, ...]
    tokens: TokenReader
    figures: Figures | None
    window: Window
    listed: tuple[RequestSplit, ...]


@dataclass(frozen=True, slots=True)
class RangeFigures:
    """A range of a run.

    Attributes:
        requests: due in it.
        split: where the time of those of them that ended went; None without steps.
        listed: the longest of them.
    """

    start_ns: int
    end_ns: int
    requests: int
    figures: Figures
    split: TimeSplit | None
    listed: tuple[RequestSplit, ...]


def load_run(path: Path, cell_id: int, run_id: int | None, slo: Slo, cancel: threading.Event) -> LoadedRun | None:
    """Read a run of a cell: the one asked for, else the last that counts; None where none has ended.

    Raises:
        BadFile, EnvironmentFault: the file cannot be read; Interrupted: `cancel` was set.
    """
    with SessionReader.open(path) as reader:
        runs = tuple(run for run in reader.runs(cell_id) if run.status is not RunStatus.RUNNING)
        chosen = _chosen(runs, run_id)
        if chosen is None:
            return None
        costs = next(cell.costs for cell in reader.cells() if cell.cell_id == cell_id)
        data = reader.run_data(chosen.run_id)
        figures = reader.run_figures(chosen.run_id)
    if cancel.is_set():
        raise Interrupted("Reading the timeline was stopped.")
    context = RunContext(chosen.specification, chosen.facts, costs, None, slo)
    timeline = run_timeline(data)
    slots, depth = chosen.specification.context.slots, chosen.specification.load.depth
    return LoadedRun(
        path,
        chosen,
        runs,
        context,
        timeline,
        tracks(data, chosen.facts.kv_cells if chosen.facts else None, costs),
        TokenReader(timeline, slots, depth),
        figures,
        measurement_window(data, context),
        listed(timeline, None),
    )


def range_figures(loaded: LoadedRun, start_ns: int, end_ns: int) -> RangeFigures:
    """The figures of a run's range, by the same functions as the run's own: latencies of the requests due in it, rates of it."""
    window = Window(start_ns, end_ns, is_short=False)
    data = loaded.timeline.data
    due = window.due(data.requests["due_ns"])
    parts = loaded.timeline.parts
    return RangeFigures(
        start_ns,
        end_ns,
        int(np.count_nonzero(due)),
        run_figures(within(data, window), loaded.context, window),
        None if parts is None else time_split(parts.of(due)),
        listed(loaded.timeline, window),
    )


def within(data: RunData, window: Window) -> RunData:
    """The rows that the figures of a window can depend on: of the tokens, which are most, only those from its start to the end
    of the last request that was due in it.
    """
    due = data.requests[window.due(data.requests["due_ns"])]
    open_end = len(due) and not reached(due["end_ns"]).all()
    last_ns = np.iinfo(np.int64).max if open_end else max(window.end_ns, int(due["end_ns"].max(initial=window.end_ns)))
    first, stop = np.searchsorted(data.tokens["time_ns"], (window.start_ns, last_ns), side="right")
    return RunData(data.requests, data.tokens[first:stop], data.steps, data.samples)


def listed(timeline: RunTimeline, window: Window | None, most: int = MOST_LISTED) -> tuple[RequestSplit, ...]:
    """The requests that took longest, of all or of those due in a window; those that never ended come first."""
    requests, parts = timeline.data.requests, timeline.parts
    wanted = np.ones(len(requests), bool) if window is None else window.due(requests["due_ns"])
    has_ended = reached(requests["end_ns"])
    e2e = np.where(has_ended, requests["end_ns"] - requests["due_ns"], np.iinfo(np.int64).max)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(-e2e[rows], kind="stable")][:most]
    place_of = {} if parts is None else dict(zip(rows.tolist(), np.searchsorted(parts.rows, rows).tolist(), strict=True))
    made = []
    for row in rows.tolist():
        request, place = requests[row], place_of.get(row)
        told: Sequence[float | None] = (None,) * 5
        if parts is not None and place is not None and has_ended[row]:
            told = [float(each) / 1e6 for each in parts.parts_ns[:, place]]
            if not parts.is_split[place]:
                told[1] = told[2] = None
        e2e_ms = float(e2e[row]) / 1e6 if has_ended[row] else None
        status = _STATUS_WORDS.get(int(request["status"]), "unknown")
        made.append(
            RequestSplit(
                int(request["request"]),
                status,
                float(request["due_ns"]) / 1e6,
                e2e_ms,
                tuple(told),
                int(request["output_tokens"]),
            )
        )
    return tuple(made)


_STATUS_WORDS = {0: "▲ unfinished", 1: "✓ completed", 2: "✕ failed", 3: "✕ refused", 4: "✕ timed out"}


def _chosen(runs: Sequence[RunRecord], run_id: int | None) -> RunRecord | None:
    wanted = [run for run in runs if run.run_id == run_id]
    counted = [run for run in runs if run.status is RunStatus.DONE and run.is_valid]
    found = wanted or counted or runs
    return found[-1] if found else None
