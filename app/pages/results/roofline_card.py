"""The roofline of a session: every cell under the machine's measured ceilings, and what limits the chosen one."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot

from app.bridge.job import Job
from app.plots.roofline_plot import RooflinePlot
from app.widgets.card import Card
from app.widgets.sentence import Sentence
from profiler.analysis.roofline import Phase
from profiler.exchange.findings.roofline_reading import RooflineReading, RunWorks, read_roofline
from profiler.exchange.findings.roofline_words import not_drawn, not_measured, paths_of, told, verdicts
from profiler.exchange.findings.session_view import CellView, SessionView

_TITLE = "Roofline"
_PLOT_PX = 260


class RooflineCard(Card):
    """Reads the steps of a session on a worker thread, those of new runs only when the file has grown. Hidden without cells.

    Signals:
        cell_chosen: the id of a cell whose point was clicked.
        failed: a sentence: the steps could not be read.
        read: the session's cells under the roofs (a `RooflineReading`).
    """

    cell_chosen = Signal(int)
    failed = Signal(str)
    read = Signal(object)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self._wanted: SessionView | None = None
        self._reading: Job | None = None
        self._found: RooflineReading | None = None
        self._current: CellView | None = None
        self.plot = RooflinePlot()
        self.plot.setFixedHeight(_PLOT_PX)
        self.plot.setToolTip("Decode and prefill steps apart; steps that do both at once belong to neither")
        self.plot.cell_chosen.connect(self.cell_chosen)
        self.header.addWidget(self.plot.legend)
        self.verdicts = {phase: Sentence() for phase in Phase}
        self.remark = Sentence(role="small")
        self.body.addWidget(self.plot)
        for sentence in self.verdicts.values():
            self.body.addWidget(sentence)
        self.body.addWidget(self.remark)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether something is being read."""
        return self._reading is not None

    @property
    def sentences(self) -> list[str]:
        """What is said of the chosen cell, and of what is missing."""
        return [each.accessibleName() for each in (*self.verdicts.values(), self.remark) if each.isVisibleTo(self)]

    def show_session(self, view: SessionView) -> None:
        """Show its cells as soon as their steps are read."""
        is_new = self._view is None or self._view.path != view.path
        self._view = self._wanted = view
        if is_new:
            self._found = None
            self._show()
            if self._reading is not None:
                self._reading.cancel()
        self._read()

    def show_cells(self, cell_ids: Sequence[int], current: CellView | None) -> None:
        """Ring these cells, and tell what limits the current one."""
        self._current = current
        self.plot.select(cell_ids)
        self._say()

    def _read(self) -> None:
        view = self._wanted
        if view is None or self._reading is not None:
            return
        self._wanted = None
        path = view.path
        known: RunWorks = self._found.of_runs if self._found is not None else {}
        self._reading = Job(lambda line: read_roofline(path, known, line.cancel), self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: RooflineReading) -> None:
        if self._view is not None and self._view.path == found.path:
            self._found = found
            self._show()
            self.read.emit(found)

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()

    def _show(self) -> None:
        view, found = self._view, self._found
        self.setVisible(view is not None and found is not None and bool(found.cells))
        if view is None or found is None:
            return
        paths = paths_of(view, found)
        self.set_title(_TITLE, told(view))
        self.plot.setVisible(bool(paths))
        self.plot.legend.setVisible(len(paths) > 1)
        self.plot.show_paths(paths, found.roofs)
        self._say()

    def _say(self) -> None:
        view, found, current = self._view, self._found, self._current
        if view is None or found is None:
            return
        of = None if current is None else found.cells.get(current.cell_id)
        said = verdicts(current, of) if current is not None and of is not None else {}
        for phase, sentence in self.verdicts.items():
            sentence.show_text(said.get(phase, ""))
            sentence.setVisible(phase in said)
        remarks = [not_drawn(view, found.cells), not_measured(found.roofs, of) if found.cells else ""]
        self.remark.show_text(" ".join(filter(None, remarks)), "caution" if remarks[0] else "muted")
        self.remark.setVisible(any(remarks))
