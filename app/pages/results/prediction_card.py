"""Predicted and measured: memory by part and device, decode and prefill speed of the chosen cell, side by side."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot

from app.bridge.job import Job
from app.pages.results.prediction_words import PredictionRow, columns, rows_of
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.sentence import Sentence
from profiler.exchange.findings.prediction_reading import PredictionReading, read_prediction
from profiler.exchange.findings.session_view import CellView, SessionView

_TITLE = "Predicted and measured"


class PredictionCard(Card):
    """Reads the current cell's runs and its model's header on a worker thread. Hidden without a measured cell.

    Signals:
        failed: a sentence: the session could not be read.
    """

    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self._current: CellView | None = None
        self._wanted: tuple[Path, int] | None = None
        self._reading: Job | None = None
        self._found: PredictionReading | None = None
        self.table: RecordTable[PredictionRow] = RecordTable(columns())
        self.view = TableView(self.table, _TITLE)
        self.remark = Sentence(role="small")
        self.body.addWidget(self.view)
        self.body.addWidget(self.remark)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether something is being read."""
        return self._reading is not None

    def show_session(self, view: SessionView) -> None:
        """Another session, or new figures of the same: what is shown is read anew."""
        self._view, self._found = view, None

    def show_cell(self, current: CellView | None) -> None:
        """Show this cell as soon as it is read."""
        self._current = current
        if self._view is None or current is None or current.figures is None:
            self._wanted = None
            self.hide()
            return
        if self._found is not None and (self._found.path, self._found.cell_id) == (self._view.path, current.cell_id):
            self._show(self._found)
            return
        self._wanted = (self._view.path, current.cell_id)
        self._read()

    def _read(self) -> None:
        if self._wanted is None or self._reading is not None:
            return
        (path, cell_id), self._wanted = self._wanted, None
        self._reading = Job(lambda line: read_prediction(path, cell_id, line.cancel), self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: PredictionReading | None) -> None:
        view, current = self._view, self._current
        if found is None:
            self.hide()
        elif view is not None and current is not None and (found.path, found.cell_id) == (view.path, current.cell_id):
            self._found = found
            self._show(found)

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()

    def _show(self, found: PredictionReading) -> None:
        self.set_title(_TITLE, self._current.legend if self._current is not None else "")
        rows = rows_of(found)
        self.table.show_records(rows)
        self.view.setFixedHeight(self.view.height_of_rows(len(rows)))
        remark = " ".join(filter(None, (found.no_memory, found.no_speed)))
        methods = {each.predicted.method for each in (found.decode, found.prefill) if each is not None and each.predicted}
        basis = f"Speeds from {' and '.join(sorted(methods))}, not corrected by finished runs." if methods else ""
        self.remark.show_text(remark or basis, "caution" if remark else "muted")
        self.remark.setVisible(bool(remark or basis))
        self.show()
