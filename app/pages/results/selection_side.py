"""The side of the Results page: what is told of the selected cells, drawn from their raw rows."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.bridge.job import Job
from app.pages.results.cell_card import CellCard
from app.pages.results.copied_figures import copied_queue
from app.pages.results.distribution_card import MOST_SERIES, DistributionCard, DrawnCell
from app.pages.results.queue_card import QueueCard
from app.widgets.copy_menu import CopyMenu
from app.widgets.two_columns import GAP_PX
from profiler.exchange.findings.raw_latencies import RawOfCells, read_raw
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import apart, telling_axes

MOST_COMPARED = MOST_SERIES
"""Cells whose distributions are drawn together: one for each colour."""

_Wanted = tuple[tuple[int, ...], int | None]


class SelectionSide(QWidget):
    """Distributions and queue, read on a worker thread, and the card of one cell.

    Signals:
        failed: a sentence: the raw rows could not be read.
    """

    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Selected cells")
        self._view: SessionView | None = None
        self._cells: tuple[CellView, ...] = ()
        self._current: CellView | None = None
        self._reading: Job | None = None
        self._drawn: _Wanted | None = None
        self.first_token = DistributionCard("First token", "ttft_ms", "requests", has_switch=True)
        self.between = DistributionCard("Between tokens", "itl_ms", "gaps")
        self.queue = QueueCard()
        self.cell = CellCard()
        self.copies = (
            CopyMenu(self.first_token, self.first_token.copied),
            CopyMenu(self.queue, lambda: copied_queue(self.queue)),
            CopyMenu(self.between, self.between.copied),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        for card, share in ((self.first_token, 1), (self.queue, 1), (self.between, 1), (self.cell, 0)):
            layout.addWidget(card, share)

    @property
    def is_busy(self) -> bool:
        """Whether something is being read."""
        return self._reading is not None

    def show_session(self, view: SessionView) -> None:
        """Another session, or new figures of the same: what was drawn is drawn anew."""
        self._view = view
        self._drawn = None

    def show_cells(self, cells: Sequence[CellView], current: CellView | None) -> None:
        """Show these cells' distributions, and the card and the queue of the current one."""
        self._cells, self._current = tuple(cells[:MOST_COMPARED]), current
        self.cell.setVisible(current is not None)
        if current is not None:
            self.cell.show_cell(current)
        self._read()

    def _wanted(self) -> _Wanted:
        """What to read: who waits for answers before asking again makes no queue worth a picture."""
        current = self._current
        queue_of = current.cell_id if current is not None and not current.is_closed else None
        return tuple(cell.cell_id for cell in self._cells), queue_of

    def _read(self) -> None:
        """Read what is wanted; one reading at a time, of the latest selection."""
        wanted = self._wanted()
        if self._view is None or self._reading is not None or wanted == self._drawn:
            return
        path, latencies = self._view.path, (self.first_token.latency, self.between.latency)
        ids, queue_of = self._drawn = wanted
        self._reading = Job(lambda line: (path, wanted, read_raw(path, ids, latencies, queue_of)), self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: tuple[Path, _Wanted, RawOfCells]) -> None:
        path, wanted, raw = found
        if self._view is None or self._view.path != path or wanted != self._drawn:
            return
        by_id = {cell.cell_id: cell for cell in self._view.cells}
        cells = [by_id[cell_id] for cell_id in raw.distributions]
        axes = telling_axes(cells, self._view.varying)
        drawn = [
            DrawnCell(cell.legend if len(cells) == 1 else apart(cell, axes), raw.distributions[cell.cell_id], cell.doubt_names)
            for cell in cells
        ]
        has_queue = any(not cell.is_closed for cell in cells)
        for card in (self.first_token, self.between):
            card.show_cells(drawn, self._view.slo, has_queue=has_queue)
        self.queue.show_history(raw.queue)

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()
