"""All figures of a session."""

import threading
from dataclasses import dataclass

from profiler.exchange.charts import heatmaps, latencies, planes, queue, roofline, steps, three_way, timeline, times
from profiler.exchange.charts.chart import Figure, HeatChart
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.planes import SPEED, series_of
from profiler.exchange.findings.raw_latencies import read_raw
from profiler.exchange.findings.roofline_reading import RooflineReading, read_roofline
from profiler.exchange.findings.session_view import SessionView
from profiler.exchange.findings.where_time_went import read_times

KEYS = (
    planes.FREEZE_KEY,
    planes.SPEED_KEY,
    planes.FIRST_TOKEN_KEY,
    three_way.SPEED_KEY,
    three_way.MEMORY_KEY,
    heatmaps.KEY,
    times.KEY,
    steps.KEY,
    queue.KEY,
    timeline.KEY,
    *(key for pair in zip(latencies.SHARE_KEYS, latencies.SPECTRUM_KEYS, strict=True) for key in pair),
    roofline.KEY,
)
"""The keys that a session's figures may have."""


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """The figures, and what of the roofline is not drawn but told.

    Attributes:
        charts: in the order in which they are read; of several heatmaps the first.
        heatmaps: all of them.
        roofline: the places of the cells under the roofs.
    """

    charts: tuple[Figure, ...]
    roofline: RooflineReading
    heatmaps: tuple[HeatChart, ...] = ()


def session_figures(view: SessionView) -> SessionFigures:
    """Read and lay out all of them; raises as `SessionReader` does."""
    cells = tuple(cell.cell_id for cell in view.measured)[: latencies.MOST_CELLS]
    raw = read_raw(view.path, cells, latencies.LATENCIES)
    reading = read_roofline(view.path, {}, threading.Event())
    under_roofs = roofline.roofline_chart(view, reading)
    maps = heatmaps.heat_charts(view)
    bars = times.times_chart(view, read_times(view.path, None, threading.Event()))
    looked = steps.steps_chart(view)
    lanes = timeline.timeline_chart(view, first_cells(view))
    waiting = queue.queue_chart(view, first_cells(view))
    charts: list[Figure] = [
        *planes.plane_charts(view),
        *three_way.three_way_charts(view),
        *maps[:1],
        *([bars] if bars is not None else []),
        *([looked] if looked is not None else []),
        *([waiting] if waiting is not None else []),
        *([lanes] if lanes is not None else []),
        *latencies.latency_charts(view, raw.distributions, first_cells(view)),
        *([under_roofs] if under_roofs is not None else []),
    ]
    return SessionFigures(tuple(charts), reading, tuple(maps))


def first_cells(view: SessionView) -> tuple[int, ...]:
    """The cells of which curves are shown at first: those that the answer names, then those that no other one beats."""
    statement = answer(view).statement
    winner = view.search.winner_id if view.search is not None else None
    named = [cell.cell_id for cell in view.measured if cell.cell_id == winner or cell.title in statement]
    unbeaten = [mark.cell_id for item in series_of(view, SPEED) for mark in item.marks if mark.is_on_frontier]
    every = [cell.cell_id for cell in view.measured]
    return tuple(dict.fromkeys([*named, *unbeaten, *every]))[: latencies.MOST_SHOWN]
