"""Where the time went: of each cell's requests, how much was queue, own prefill, others' prefill, decode and stall."""

from typing import Any

from PySide6.QtCore import Signal, Slot

from app.bridge.job import Job
from app.pages.results.where_time_went import KINDS, TIP, bars
from app.plots.stacked_bars import StackedBars
from app.widgets.card import Card
from app.widgets.sentence import Sentence
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.where_time_went import AXIS, SessionTimes, headline, read_times

_TITLE = "Where the time went"
_NO_STEPS = (
    "No run of this session tells its steps, so nothing tells what requests waited for. Sessions measured here have them; "
    "imported ones do not."
)


class WhereTimeWentCard(Card):
    """A bar a cell, read on a worker thread. Hidden while no cell was measured.

    Signals:
        failed: a sentence: the rows could not be read.
    """

    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self._wanted: SessionView | None = None
        self._reading: Job | None = None
        self._times: SessionTimes | None = None
        self._current: CellView | None = None
        self.bars = StackedBars("Where the time of a request went, by cell", KINDS)
        self.said = Sentence()
        self.nothing = Sentence(_NO_STEPS, "muted")
        for widget in (self.bars, self.said, self.nothing):
            self.body.addWidget(widget)
        self.setToolTip(TIP)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether something is being read."""
        return self._reading is not None

    def show_session(self, view: SessionView) -> None:
        """Another session, or new runs of the same."""
        is_new = self._view is None or self._view.path != view.path
        self._view = self._wanted = view
        if is_new:
            self._times = None
            self.hide()
            if self._reading is not None:
                self._reading.cancel()
        self._read()

    def show_cell(self, cell: CellView | None) -> None:
        """Say in words what the bar of this one shows."""
        self._current = cell
        self._show()

    def _read(self) -> None:
        view = self._wanted
        if view is None or self._reading is not None:
            return
        self._wanted = None
        path, known = view.path, self._times

        def work(line: Any) -> SessionTimes:
            return read_times(path, known, line.cancel)

        self._reading = Job(work, self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, times: SessionTimes) -> None:
        if self._view is not None and self._view.path == times.path:
            self._times = times
            self._show()

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()

    def _show(self) -> None:
        view, times = self._view, self._times
        if view is None or times is None:
            return
        self.setVisible(bool(view.measured))
        made = bars(view.cells, times)
        self.bars.setVisible(bool(made))
        self.nothing.setVisible(not made)
        self.bars.show_bars(made, AXIS)
        split = None if self._current is None else times.of_cell(self._current.cell_id)
        words = headline(self._current.title, split) if self._current is not None and split is not None else ""
        self.said.setVisible(bool(words))
        self.said.show_text(words)
