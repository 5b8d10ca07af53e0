"""Latency against throughput: all cells on a plane of two figures, a line for each quantization, policy or other setting."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout

from app.plots.frontier_plot import FrontierPlot
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from app.widgets.sentence import Sentence
from profiler.exchange.findings.copied import CopiedTable
from profiler.exchange.findings.figure_words import figure_title
from profiler.exchange.findings.planes import Plane, first_plane, need_on, not_drawn, planes_of, series_of, told
from profiler.exchange.findings.session_view import SessionView

_TITLE = "Latency against throughput"


class CurveCard(Card):
    """The cells on one of two planes.

    Signals:
        cell_chosen: the id of a cell whose point was clicked.
    """

    cell_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self.planes = Chips()
        self.planes.setAccessibleName("Figures against each other")
        self.planes.chosen.connect(self._on_plane_chosen)
        self.plot = FrontierPlot("", "")
        self.plot.setMinimumHeight(240)
        self.plot.cell_chosen.connect(self.cell_chosen)
        self.left_out = Sentence(role="small")
        self.left_out.hide()
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.planes, 1)
        head.addWidget(self.plot.legend)
        self.body.addLayout(head)
        self.body.addWidget(self.plot, 1)
        self.body.addWidget(self.left_out)

    def show_session(self, view: SessionView) -> None:
        """Show the measured cells; another session begins on the plane that tells most of it."""
        is_new = self._view is None or self._view.path != view.path
        self.planes.set_choices([Choice(plane, plane.label, plane.tip) for plane in planes_of(view)])
        if is_new:
            self.planes.choose(first_plane(view))
        self._view = view
        self._show()

    def show_selected(self, cell_ids: Sequence[int]) -> None:
        """Ring these cells."""
        self.plot.select(cell_ids)

    def copied(self) -> CopiedTable:
        """What is shown, as a table."""
        view, plane = self._view, self.planes.value()
        if view is None or not isinstance(plane, Plane):
            return CopiedTable(_TITLE, (), ())
        titles = {cell.cell_id: cell.title for cell in view.cells}
        x, y = figure_title(plane.x, plane.x_class), figure_title(plane.y, plane.y_class)
        ends = ("95 % interval from", "to")
        rows = tuple(
            (
                titles[mark.cell_id],
                *(mark.x, *(mark.x_interval or (None, None))),
                *(mark.y, *(mark.y_interval or (None, None))),
                mark.is_on_frontier,
            )
            for item in self.plot.series
            for mark in item.marks
        )
        return CopiedTable(f"{_TITLE}: {told(view, plane)}", ("Cell", x, *ends, y, *ends, "On the frontier"), rows)

    @Slot()
    def _on_plane_chosen(self) -> None:
        self._show()

    def _show(self) -> None:
        view, plane = self._view, self.planes.value()
        if view is None or not isinstance(plane, Plane):
            return
        self.set_title(_TITLE, told(view, plane))
        self.plot.set_axes(figure_title(plane.x, plane.x_class), figure_title(plane.y, plane.y_class))
        self.plot.show_series(series_of(view, plane))
        self.plot.set_need(need_on(view, plane))
        left_out = not_drawn(view, plane)
        self.left_out.show_text(left_out, "caution")
        self.left_out.setVisible(bool(left_out))
