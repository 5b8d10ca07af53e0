"""The raw latencies behind a cell's percentiles, for the distributions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.context import RunContext
from profiler.analysis.distribution import STATED_AT_MOST, ecdf
from profiler.analysis.latency import LatencyValues, Since, latency_from, pooled, window_latencies
from profiler.analysis.load_shape import class_names
from profiler.analysis.slo import UNBOUNDED
from profiler.analysis.stability import is_unstable
from profiler.analysis.window import Window, measurement_window
from profiler.exchange.findings.queue_history import QueueHistory, queue_history
from profiler.records.run_record import RunStatus
from profiler.records.timing import RunData
from profiler.session.reader import SessionReader

ALL_CLASSES = ""
DUE: Since = "due"
SINCE: tuple[Since, ...] = get_args(Since)
FIRST_TOKEN = "ttft_ms"


@dataclass(frozen=True, slots=True)
class CellDistribution:
    """One latency of one cell, ready to be drawn.

    Attributes:
        values_ms, shares: ascending; the last share is below 1 where some requests never got there.
        stated_share: the highest percentile that so many independent values can state; 0 where none is: the latency grew with
            the run's length.
        independent: how many these are.
    """

    values_ms: NDArray[np.float64]
    shares: NDArray[np.float64]
    stated_share: float
    independent: int


@dataclass(frozen=True, slots=True)
class Which:
    """A distribution of a cell: of which latency, of which class of requests, by a watch that starts when."""

    latency: str
    class_name: str = ALL_CLASSES
    since: Since = DUE


CellDistributions = Mapping[Which, CellDistribution]


@dataclass(frozen=True, slots=True)
class RawOfCells:
    """What is drawn of some cells.

    Attributes:
        distributions: of each cell, by its id.
        queue: of the last valid run of the cell that was asked for, None without one.
    """

    distributions: Mapping[int, CellDistributions]
    queue: QueueHistory | None


def read_raw(path: Path, cell_ids: tuple[int, ...], latencies: tuple[str, ...], queue_of: int | None = None) -> RawOfCells:
    """Read the distributions of these cells, and the queue of one; raises as `SessionReader` does."""
    with SessionReader.open(path) as reader:
        distributions = {cell_id: _distributions(reader, cell_id, latencies) for cell_id in cell_ids}
        return RawOfCells(distributions, None if queue_of is None else _queue(reader, queue_of))


def _queue(reader: SessionReader, cell_id: int) -> QueueHistory | None:
    runs = [run for run in reader.runs(cell_id) if run.status is RunStatus.DONE and run.is_valid]
    return queue_history(reader.requests(runs[-1].run_id), runs[-1].repetition) if runs else None


def _distributions(reader: SessionReader, cell_id: int, latencies: tuple[str, ...]) -> CellDistributions:
    """Over the windows of the cell's valid runs, as its figures pool them."""
    parts: dict[Which, list[LatencyValues]] = {}
    has_grown = False
    for run in reader.runs(cell_id):
        if run.status is not RunStatus.DONE or not run.is_valid:
            continue
        data = reader.run_data(run.run_id)
        context = RunContext(run.specification, run.facts, None, None)
        window = measurement_window(data, context)
        has_grown |= is_unstable(data, context, window)
        for name, part in _classes(data, context).items():
            for which, values in _values(part, window, latencies, name).items():
                parts.setdefault(which, []).append(values)
    return {which: _ready(pooled(values), has_grown=has_grown and _holds_queue(which)) for which, values in parts.items()}


def _holds_queue(which: Which) -> bool:
    """Whether it grows with the queue: from a request's turn on, the queue is behind it."""
    return which.latency in UNBOUNDED and which.since != "turn"


def _classes(data: RunData, context: RunContext) -> dict[str, RunData]:
    """All requests, and where there are several classes those of each."""
    parts = {ALL_CLASSES: data}
    load = context.specification.load
    if len(load.classes) > 1:
        for number, name in enumerate(class_names(load)):
            requests = data.requests[data.requests["class"] == number]
            tokens = data.tokens[np.isin(data.tokens["request"], requests["request"])]
            parts[name] = RunData(requests, tokens, data.steps, data.samples)
    return parts


def _values(part: RunData, window: Window, latencies: tuple[str, ...], class_name: str) -> dict[Which, LatencyValues]:
    by_name = window_latencies(part, window)
    found = {Which(name, class_name): by_name[name] for name in latencies}
    if FIRST_TOKEN in latencies:
        rows = part.requests[window.due(part.requests["due_ns"])]
        found |= {Which(FIRST_TOKEN, class_name, since): _first_token(rows, since) for since in SINCE if since != DUE}
    return found


def _first_token(rows: NDArray[Any], since: Since) -> LatencyValues:
    values_ms = latency_from(rows, since)[FIRST_TOKEN]
    is_there = np.isfinite(values_ms)
    count = int(np.count_nonzero(is_there))
    return LatencyValues(values_ms[is_there], len(rows) - count, count)


def _ready(values: LatencyValues, *, has_grown: bool) -> CellDistribution:
    ordered, shares = ecdf(values.values_ms)
    whole = len(ordered) + values.missing
    reached_share = len(ordered) / whole if whole else 1.0
    stated_share = STATED_AT_MOST ** (1 / values.independent) if values.independent and not has_grown else 0.0
    return CellDistribution(ordered, shares * reached_share, stated_share, values.independent)
