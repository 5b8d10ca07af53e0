"""Latency against throughput: each user's speed over the total, a line for each quantization or other setting."""

from collections.abc import Sequence

from PySide6.QtCore import Signal

from app.pages.plan.limits import EACH_TOKEN, reading_tok_s
from app.pages.results.need_verdict import Verdict
from app.pages.results.session_view import CellView, SessionView
from app.plots.frontier_plot import FrontierMark, FrontierPlot, FrontierSeries
from app.widgets.card import Card
from app.widgets.sweep_grid import cell_title, value_text
from profiler.analysis.figure_name import figure_value
from profiler.analysis.frontier import frontier
from profiler.units import significant

X, Y = "user_tok_s", "output_tok_s"
_STEPS = ("concurrency", "slots")
"""Axes along which a line goes."""

_MS_PER_S = 1000.0


class CurveCard(Card):
    """The plane of each user's speed and total output.

    Signals:
        cell_chosen: the id of a cell whose point was clicked.
    """

    cell_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__("Latency against throughput")
        self.plot = FrontierPlot("", "")
        self.plot.setMinimumHeight(260)
        self.plot.cell_chosen.connect(self.cell_chosen)
        self.add_beside_title(self.plot.legend)
        self.body.addWidget(self.plot, 1)

    def show_session(self, view: SessionView) -> None:
        """Show the measured cells."""
        self.set_title("Latency against throughput", _dots(view))
        self.plot.show_series(series_of(view))
        reading = next((limit for limit in view.slo if limit.metric == EACH_TOKEN and limit.threshold > 0), None)
        if reading is None:
            self.plot.set_need(None)
        else:
            speed = reading_tok_s(reading) or _MS_PER_S / reading.threshold
            self.plot.set_need(speed, f"{speed:.3g} tok/s or more for each →")

    def show_selected(self, cell_ids: Sequence[int]) -> None:
        """Ring these cells."""
        self.plot.select(cell_ids)


def series_of(view: SessionView) -> list[FrontierSeries]:
    """The measured cells, joined along users or slots; cells that differ in anything else are on lines of their own."""
    on_frontier = {
        point.cell_id: point.is_on_frontier
        for point in frontier({cell.cell_id: cell.figures for cell in view.measured if cell.figures is not None}, X, Y)
    }
    step = next((axis.name for axis in view.varying if axis.name in _STEPS), None)
    others = [axis.name for axis in view.varying if axis.name != step]
    lines: dict[str, list[CellView]] = {}
    for cell in view.measured:
        if cell.cell_id in on_frontier:
            lines.setdefault(line_name(cell, others), []).append(cell)
    if step is not None:
        for cells in lines.values():
            cells.sort(key=lambda cell: float(cell.configuration[step] or 0))
    return [
        FrontierSeries(name, tuple(_mark(cell, step, is_on_frontier=on_frontier[cell.cell_id]) for cell in cells))
        for name, cells in lines.items()
    ]


def line_name(cell: CellView, axes: Sequence[str]) -> str:
    """What a line's cells have in common, in the words of the table."""
    if len(axes) == 1:
        return value_text(cell.configuration[axes[0]])
    return cell_title({name: value for name, value in cell.configuration.items() if name in (*axes, "model", "quant")}, axes)


def _mark(cell: CellView, step: str | None, *, is_on_frontier: bool) -> FrontierMark:
    assert cell.figures is not None
    x, y = figure_value(cell.figures, X), figure_value(cell.figures, Y)
    assert x is not None
    assert y is not None
    words = [cell.title, f"{significant(x)} tok/s for each user, {significant(y)} tok/s in total"]
    words += [check.sentence for check in cell.checks]
    breaks = cell.verdict is Verdict.BROKEN
    label = "" if step is None else str(cell.configuration[step])
    return FrontierMark(
        cell.cell_id,
        x,
        y,
        "\n".join(words),
        is_on_frontier,
        cell.intervals.get(X),
        cell.intervals.get(Y),
        label=f"{label} ✕".strip() if breaks else label,
    )


def _dots(view: SessionView) -> str:
    """What the axes and the numbers at the dots are."""
    step = next((axis for axis in view.varying if axis.name in _STEPS), None)
    told = ["tok/s in total over tok/s each"]
    if step:
        told.append(f"numbers: {step.label.lower()}")
    if any(cell.verdict is Verdict.BROKEN for cell in view.cells):
        told.append("✕ breaks the need")
    return " · ".join(told)
