"""The compared sessions on one plane, and how the latencies of the selected cell are spread in each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.bridge.job import Job
from app.pages.results.distribution_card import MOST_SERIES, DistributionCard, DrawnCell
from app.plots.frontier_plot import FrontierPlot
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from app.widgets.two_columns import GAP_PX
from profiler.analysis.comparison.result import ComparedFigure, Comparison
from profiler.analysis.validity import FITS_IN_CACHE
from profiler.exchange.findings.figure_words import figure_title
from profiler.exchange.findings.marks import FrontierSeries
from profiler.exchange.findings.planes import FIRST_TOKEN_PLANE, SPEED, Plane, first_plane, need_on, series_of
from profiler.exchange.findings.raw_latencies import CellDistributions, read_raw
from profiler.exchange.findings.session_view import SessionView
from profiler.plan.slo import Slo

_PLANES = (SPEED, FIRST_TOKEN_PLANE)
_APART = 1_000_000
"""Cell numbers of the sessions are moved apart by it: in one figure each point needs its own."""


def overlaid(names: Sequence[str], views: Sequence[SessionView], plane: Plane) -> list[FrontierSeries]:
    """The lines of each session, named after it, and after the line where a session has several."""
    found = []
    for number, (name, view) in enumerate(zip(names, views, strict=True)):
        lines = series_of(view, plane)
        for line in lines:
            marks = tuple(
                replace(mark, cell_id=number * _APART + mark.cell_id, words=f"{name}\n{mark.words}") for mark in line.marks
            )
            found.append(FrontierSeries(f"{name} · {line.name}" if len(lines) > 1 else name, marks))
    return found


class FrontierOverlay(Card):
    """Latency against throughput of all sessions; each one's own frontier is filled."""

    def __init__(self) -> None:
        super().__init__("Latency against throughput")
        self._names: tuple[str, ...] = ()
        self._views: tuple[SessionView, ...] = ()
        self.planes = Chips([Choice(number, plane.label, plane.tip) for number, plane in enumerate(_PLANES)])
        self.planes.setAccessibleName("Figures against each other")
        self.planes.chosen.connect(self._draw)
        self.plot = FrontierPlot("", "")
        self.plot.setMinimumHeight(260)
        self.plot.legend.set_wrapping()
        self.body.addWidget(self.planes)
        self.body.addWidget(self.plot.legend)
        self.body.addWidget(self.plot, 1)

    def show_sessions(self, names: Sequence[str], views: Sequence[SessionView]) -> None:
        """Show these, the base first; its need is marked."""
        self._names, self._views = tuple(names), tuple(views)
        self.planes.choose(1 if first_plane(views[0]) == FIRST_TOKEN_PLANE else 0)
        self._draw()

    @Slot()
    def _draw(self) -> None:
        chosen = self.planes.value()
        plane = _PLANES[chosen if isinstance(chosen, int) else 0]
        series = overlaid(self._names, self._views, plane)
        self.set_title("Latency against throughput", plane.told)
        self.plot.set_axes(figure_title(plane.x, plane.x_class), figure_title(plane.y, plane.y_class))
        self.plot.set_need(need_on(self._views[0], plane) if self._views else None)
        self.plot.show_series(series)
        self.setVisible(any(line.marks for line in series))


@dataclass(frozen=True, slots=True)
class Drawn:
    """One cell of one side: where its raw rows are.

    Attributes:
        name: of the side.
        cell_id: in its session.
        doubt: the names of flags on its runs.
    """

    name: str
    path: Path
    cell_id: int
    doubt: str = ""


def drawn_cells(figure: ComparedFigure, comparison: Comparison, places: dict[str, Path]) -> tuple[Drawn, ...]:
    """The base's cell of a row, and those that the other sides hold against it; no more than there are colours.

    Args:
        figure: the row.
        comparison: it is of.
        places: each side's file, by its name.
    """
    found: dict[str, Drawn] = {}
    for each in comparison.figures:
        if each.a is figure.a and each.a_name == figure.a_name:
            for name, cell in ((each.a_name, each.a), (each.b_name, each.b)):
                if cell.cell_id is not None and name in places:
                    flags = dict.fromkeys(
                        flag.partition(":")[0] for flag in cell.flags if flag.partition(":")[0] != FITS_IN_CACHE
                    )
                    found.setdefault(name, Drawn(name, places[name], cell.cell_id, f"▲ {', '.join(flags)}" if flags else ""))
    return tuple(found.values())[:MOST_SERIES]


class DistributionOverlay(QWidget):
    """First token and gaps of the selected cell, a curve for each session; hidden without raw rows.

    Signals:
        failed: a sentence: raw rows could not be read.
    """

    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Distributions of the selected cell")
        self._wanted: tuple[Drawn, ...] = ()
        self._shown: tuple[Drawn, ...] = ()
        self._slo: Slo = ()
        self._reading: Job | None = None
        self.first_token = DistributionCard("First token", "ttft_ms", "requests")
        self.between = DistributionCard("Between tokens", "itl_ms", "gaps")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        for card in (self.first_token, self.between):
            layout.addWidget(card, 1)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether raw rows are being read."""
        return self._reading is not None

    def show_cells(self, cells: tuple[Drawn, ...], slo: Slo) -> None:
        """Draw these, against the base's limits; the last ones asked for count."""
        self._wanted, self._slo = cells, slo
        if not cells:
            self._shown = ()
            self.hide()
        self._read()

    def _read(self) -> None:
        cells = self._wanted
        if self._reading is not None or cells == self._shown or not cells:
            return
        self._shown = cells
        latencies = (self.first_token.latency, self.between.latency)

        def work(line: object) -> list[CellDistributions]:
            return [read_raw(cell.path, (cell.cell_id,), latencies).distributions[cell.cell_id] for cell in cells]

        self._reading = Job(work, self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: list[CellDistributions]) -> None:
        if self._wanted != self._shown:
            return
        drawn = [DrawnCell(cell.name, each, cell.doubt) for cell, each in zip(self._shown, found, strict=True)]
        has_rows = any(len(each.values_ms) for cell in found for each in cell.values())
        for card in (self.first_token, self.between):
            card.show_cells(drawn, self._slo)
        self.setVisible(has_rows)

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()


def column(name: str, *widgets: tuple[QWidget, int]) -> QWidget:
    """Widgets below each other with their shares of the height."""
    made = QWidget()
    made.setAccessibleName(name)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GAP_PX)
    for widget, share in widgets:
        layout.addWidget(widget, share)
    return made
