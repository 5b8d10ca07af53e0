"""How many requests were in the system and waiting, over the time of one run whose requests come by a clock."""

import numpy as np
from numpy.typing import NDArray

from profiler.exchange.charts.chart import Axis, Chart, Point, Series, look_of
from profiler.exchange.charts.scale import from_zero
from profiler.exchange.findings.queue_history import QueueHistory
from profiler.exchange.findings.raw_latencies import read_raw
from profiler.exchange.findings.session_view import CellView, SessionView

KEY = "queue"
_READINGS = 13


def queue_chart(view: SessionView, first: tuple[int, ...]) -> Chart | None:
    """Of the first of these cells whose users do not wait for their answers before they ask again; None without such a cell.

    Args:
        view: the session.
        first: its cells, those first that the answer names.
    """
    cells = {cell.cell_id: cell for cell in view.measured if not cell.is_closed}
    chosen = next((cells[cell_id] for cell_id in first if cell_id in cells), None)
    history = None if chosen is None else read_raw(view.path, (), (), chosen.cell_id).queue
    if chosen is None or history is None or not len(history.times_s):
        return None
    most = float(max(history.in_system.max(), 1.0))
    counts = (("in the system", history.in_system), ("waiting", history.waiting))
    return Chart(
        key=KEY,
        title="Queue",
        told=f"{chosen.title}: requests due and not ended, and those of them that had not begun",
        x=Axis("seconds since the start", from_zero(float(history.times_s[-1]))),
        y=Axis("requests", from_zero(most)),
        series=tuple(_series(chosen, history, name, values, number) for number, (name, values) in enumerate(counts)),
        note=f"The last request became due after {history.last_due_s:.1f} s of run {history.repetition}.",
    )


def _series(cell: CellView, history: QueueHistory, name: str, values: NDArray[np.float64], number: int) -> Series:
    times_s = history.times_s
    instants_s = np.linspace(float(times_s[0]), float(times_s[-1]), _READINGS)
    places = np.maximum(np.searchsorted(times_s, instants_s, side="right") - 1, 0)
    points = tuple(
        Point(float(time_s), float(values[place]), f"{values[place]:.0f} {name} at {time_s:.1f} s", cell.cell_id)
        for time_s, place in zip(instants_s, places, strict=True)
    )
    line = tuple(zip(times_s.tolist(), values.tolist(), strict=True))
    return Series(name, look_of(number), points=points, line=line)
