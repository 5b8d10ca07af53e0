"""Where the time of each cell's requests went, as bars."""

from profiler.analysis.decomposition import PART_NAMES
from profiler.exchange.charts.bar_drawing import MOST_DRAWN
from profiler.exchange.charts.chart import Axis, Bar, BarChart, PartKind
from profiler.exchange.charts.scale import from_zero
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.where_time_went import AXIS, SessionTimes, split_words
from profiler.units import milliseconds_text

KEY = "where-the-time-went"
_KINDS = (
    PartKind(PART_NAMES[0], "muted", "plain"),
    PartKind(PART_NAMES[1], "s1", "plain"),
    PartKind(PART_NAMES[2], "s3", "hatched"),
    PartKind(PART_NAMES[3], "s0", "plain"),
    PartKind(PART_NAMES[4], "muted", "crossed"),
)


def times_chart(view: SessionView, times: SessionTimes) -> BarChart | None:
    """A bar for each cell whose runs tell their steps; None where none does."""
    bars = [bar for cell in view.measured if (bar := _bar(cell, times)) is not None]
    if not bars:
        return None
    missing = len(view.measured) - len(bars)
    told = [f"{missing} cells are not drawn: their runs do not tell their steps." if missing > 1 else ""]
    told = ["One cell is not drawn: its runs do not tell their steps."] if missing == 1 else told
    told += [f"{len(bars) - MOST_DRAWN} more cells are in the table."] if len(bars) > MOST_DRAWN else []
    return BarChart(
        key=KEY,
        title="Where the time went",
        told="what a request's latency was made of, from when it was due to its end, on average",
        axis=Axis(AXIS, from_zero(max(sum(bar.parts) for bar in bars))),
        kinds=_KINDS,
        bars=tuple(bars),
        note=" ".join(filter(None, told)),
    )


def _bar(cell: CellView, times: SessionTimes) -> Bar | None:
    split = times.of_cell(cell.cell_id)
    parts = None if split is None else split.mean_ms
    if split is None or parts is None:
        return None
    return Bar(cell.legend, parts, milliseconds_text(sum(parts)), split_words(cell.title, split), cell.cell_id)
