"""What the requests of one run did over time, a lane for each that was served at once."""

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.timeline import NOTHING, run_timeline
from profiler.analysis.timeline import Lane as RunLane
from profiler.exchange.charts.chart import Axis, Lane, LaneChart, PartKind
from profiler.exchange.charts.scale import Scale
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.records.run_record import RunRecord, RunStatus
from profiler.records.timing import RunData
from profiler.session.reader import SessionReader

KEY = "timeline"
MOST_LANES = 24
COLUMNS = 600
"""So many stretches of a run are told apart; in each a lane shows what it did for the most part."""

# In the order of `analysis.timeline`'s states, from QUEUED on.
_KINDS = (
    PartKind("waiting", "muted", "plain"),
    PartKind("its prompt is read", "s1", "plain"),
    PartKind("its prompt waits for others", "s3", "hatched"),
    PartKind("decoding", "s0", "plain"),
)


def timeline_chart(view: SessionView, first: tuple[int, ...]) -> LaneChart | None:
    """Of the last valid run of the first of these cells that has one; None without.

    Args:
        view: the session.
        first: its cells, those first that the answer names.
    """
    with SessionReader.open(view.path) as reader:
        for cell_id in first:
            runs = [run for run in reader.runs(cell_id) if run.status is RunStatus.DONE and run.is_valid]
            if runs:
                cell = next(each for each in view.cells if each.cell_id == cell_id)
                return _chart(cell, runs[-1], reader.run_data(runs[-1].run_id))
    return None


def _chart(cell: CellView, run: RunRecord, data: RunData) -> LaneChart | None:
    timeline = run_timeline(data)
    if not timeline.lanes or timeline.end_ns <= timeline.start_ns or not any(len(lane.edges_ns) for lane in timeline.lanes):
        return None
    edges_ns = np.linspace(timeline.start_ns, timeline.end_ns, COLUMNS + 1).astype(np.int64)
    shown = timeline.lanes[:MOST_LANES]
    more = len(timeline.lanes) - len(shown)
    counts = f"{len(data.requests)} requests, {len(data.tokens)} tokens, {len(data.steps)} steps"
    return LaneChart(
        key=KEY,
        title="Timeline",
        told=f"{cell.title}, run {run.repetition}: {counts}",
        axis=Axis("seconds since the start", Scale(timeline.start_ns / 1e9, timeline.end_ns / 1e9)),
        kinds=_KINDS,
        lanes=tuple(_lane(number, lane, edges_ns) for number, lane in enumerate(shown, 1)),
        note=f"{more} more lanes are not drawn." if more else "",
    )


def _lane(number: int, lane: RunLane, edges_ns: NDArray[np.int64]) -> Lane:
    shares = lane.shares(edges_ns)
    idle = 1 - shares.sum(axis=0)
    most = np.argmax(np.vstack((idle, shares)), axis=0)  # 0: nothing
    changes = np.flatnonzero(np.diff(most)) + 1
    starts, stops = np.concatenate(([0], changes)), np.concatenate((changes, [len(most)]))
    spans = tuple(
        (float(edges_ns[start]) / 1e9, float(edges_ns[stop]) / 1e9, int(most[start]) - 1)
        for start, stop in zip(starts, stops, strict=True)
        if most[start] != NOTHING
    )
    whole = lane.shares(edges_ns[[0, -1]])[:, 0]
    return Lane(str(number), spans, tuple(float(share) for share in whole))
