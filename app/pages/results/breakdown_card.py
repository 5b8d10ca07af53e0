"""Where a step's time goes: attention, MLP, KV write, output, sampling; over concurrency and by layer. Looked at on request."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from app.bridge.job import Job, JobLine
from app.pages.results.breakdown_words import (
    KINDS,
    NOTHING_YET,
    SWEEP_RUNS,
    as_text,
    breakdown_of,
    columns,
    headline,
    layer_bars,
    overhead,
    step_bars,
    subtitle,
)
from app.plots.stacked_bars import StackedBars
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from app.widgets.sentence import Sentence
from app.widgets.work_strip import WorkStrip
from profiler.analysis.breakdown import Breakdown
from profiler.analysis.step_breakdown import StepBreakdown, kept_breakdowns
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.step_words import step_name
from profiler.session.reader import SessionReader

_TITLE = "Where a step's time goes"
_AXIS = "ms of a step"
_DECODE, _PREFILL, _LAYERS, _TABLE = "decode", "prefill", "layers", "table"

Look = Callable[[JobLine, Path, int], StepBreakdown]
"""Looks inside the steps of a session's cell on a job's thread, and keeps what it finds in the file."""


def looked_inside(line: JobLine, path: Path, cell_id: int) -> StepBreakdown:
    """With the real engine; raises what `break_down_cell` does."""
    # Imported by the thread that needs it, since that takes a noticeable moment.
    from profiler.sweep.cell_breakdown import break_down_cell

    line.progress("starting the engine")
    return break_down_cell(path, cell_id, on_progress=line.progress, cancel=line.cancel)


def _kept(path: Path) -> tuple[Path, tuple[StepBreakdown, ...]]:
    with SessionReader.open(path) as reader:
        return path, kept_breakdowns(reader.events())


class BreakdownCard(Card):
    """Of the current cell: what was seen inside its steps, or the way to look. Hidden without a measured cell.

    Signals:
        failed: a sentence: what the file keeps could not be read.

    Args:
        look: makes a look.
    """

    failed = Signal(str)

    def __init__(self, look: Look = looked_inside) -> None:
        super().__init__(_TITLE)
        self._look = look
        self._view: SessionView | None = None
        self._current: CellView | None = None
        self._found: StepBreakdown | None = None
        self._kept: tuple[StepBreakdown, ...] = ()
        self._wanted: Path | None = None
        self._reading: Job | None = None
        self._job: Job | None = None
        self._is_measuring = False
        self.again = QPushButton("Look again")
        self.again.setToolTip("About ten seconds beside loading the model; nothing else should run meanwhile")
        self.again.clicked.connect(self._on_look)
        self.copy = QPushButton("Copy steps")
        self.copy.setToolTip("Copy the figures of all steps as a table, for a spreadsheet")
        self.copy.clicked.connect(self._on_copy)
        for button in (self.copy, self.again):
            button.setProperty("look", "link")
            self.header.addWidget(button)
        self.nothing = Sentence(NOTHING_YET, "muted")
        self.look_button = QPushButton("Look inside")
        self.look_button.setAccessibleDescription(NOTHING_YET)
        self.look_button.clicked.connect(self._on_look)
        self.views = Chips()
        self.views.setAccessibleName("View of the steps")
        self.views.chosen.connect(self._on_view_chosen)
        self.steps = Chips()
        self.steps.setAccessibleName("Step shown by layer")
        self.steps.chosen.connect(self._on_view_chosen)
        self.bars = StackedBars("Time of a step by operation", KINDS)
        self.layers = StackedBars("Time of a step by layer", KINDS, stands=True)
        self.table: RecordTable[Breakdown] = RecordTable(columns())
        self.table_view = TableView(self.table, "Steps", several=True)
        self.said = Sentence()
        self.overhead = Sentence(role="small")
        self.doubts = Sentence(role="small")
        self.why_not = Sentence(SWEEP_RUNS, "muted", "small")
        self.work = WorkStrip()
        self.work.cancelled.connect(self._on_cancelled)
        first = QHBoxLayout()
        first.addWidget(self.look_button)
        first.addStretch(1)
        self.body.addWidget(self.nothing)
        self.body.addLayout(first)
        for widget in (
            self.views,
            self.steps,
            self.bars,
            self.layers,
            self.table_view,
            self.said,
            self.overhead,
            self.doubts,
            self.why_not,
            self.work,
        ):
            self.body.addWidget(widget)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether somebody looks, or what was seen is being read."""
        return self._job is not None or self._reading is not None

    @property
    def found(self) -> StepBreakdown | None:
        """What is shown."""
        return self._found

    def set_measuring(self, is_measuring: bool) -> None:
        """While a sweep is measured nobody looks: both would be spoilt."""
        self._is_measuring = is_measuring
        if is_measuring and self._job is not None:
            self._job.cancel()
        self._show_state()

    def show_session(self, view: SessionView) -> None:
        """Another session, or new figures of the same; what is shown of it comes with `show_cell`."""
        is_new = self._view is None or self._view.path != view.path
        self._view = view
        if not is_new:
            return
        self._kept = ()
        self.work.show_end("", "plain")
        if self._job is not None:
            self._job.cancel()
        self._wanted = view.path
        self._read()

    def show_cell(self, current: CellView | None) -> None:
        """Show the steps of this cell and of those beside it."""
        self._current = current
        self._show_current()

    def _read(self) -> None:
        path = self._wanted
        if path is None or self._reading is not None:
            return
        self._wanted = None
        self._reading = Job(lambda line: _kept(path), self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_reading_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: tuple[Path, tuple[StepBreakdown, ...]]) -> None:
        path, kept = found
        if self._view is not None and self._view.path == path:
            self._kept = kept
            self._show_current()

    @Slot()
    def _on_reading_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()

    def _show_current(self) -> None:
        before, self._found = self._found, breakdown_of(self._view, self._kept, self._current)
        self.setVisible(self._current is not None and self._current.figures is not None)
        if self._found is not None and self._found is not before:
            self._offer_views(self._found)
        self._show()
        self._show_state()

    def _offer_views(self, found: StepBreakdown) -> None:
        kinds = [
            Choice(_DECODE, "Decode", "A token for each sequence: by the number of sequences decoded together"),
            Choice(_PREFILL, "Prompt", "The prefill of one prompt"),
            Choice(_LAYERS, "By layer", "One step, layer by layer"),
            Choice(_TABLE, "Table", "Every figure"),
        ]
        self.views.set_choices([each for each in kinds if each.value in (_LAYERS, _TABLE) or found.of_kind(str(each.value))])
        self.steps.set_choices([Choice(number, step_name(each)) for number, each in enumerate(found.passes)])
        self.table.show_records(found.passes)
        self.table_view.setFixedHeight(self.table_view.height_of_rows(len(found.passes)))

    def _show(self) -> None:
        found, view = self._found, self.views.value()
        is_known = found is not None
        self.set_title(_TITLE, "" if found is None else subtitle(found))
        for widget in (self.again, self.copy, self.views, self.said, self.overhead):
            widget.setVisible(is_known)
        self.nothing.setVisible(not is_known)
        self.look_button.setVisible(not is_known)
        self.bars.setVisible(is_known and view in (_DECODE, _PREFILL))
        self.steps.setVisible(is_known and view == _LAYERS)
        self.layers.setVisible(is_known and view == _LAYERS)
        self.table_view.setVisible(is_known and view == _TABLE)
        self.doubts.setVisible(found is not None and bool(found.doubts))
        if found is None:
            return
        if view == _LAYERS:
            number = self.steps.value()
            shown = found.passes[number if isinstance(number, int) else 0 :][:1]
            self.layers.show_bars(layer_bars(shown[0]), _AXIS, "layer")
        else:
            shown = found.of_kind(str(view)) or found.of_kind(_DECODE) or found.passes
            self.bars.show_bars(step_bars(shown), _AXIS)
        self.said.show_text(headline(shown))
        self.overhead.show_text(overhead(found.passes), "muted")
        self.doubts.show_text(" ".join(found.doubts), "caution")

    def _show_state(self) -> None:
        for button in (self.look_button, self.again):
            button.setEnabled(self._job is None and not self._is_measuring)
        self.why_not.setVisible(self._is_measuring)

    @Slot()
    def _on_look(self) -> None:
        view, current = self._view, self._current
        if view is None or current is None or self._job is not None or self._is_measuring:
            return
        look, path, cell_id = self._look, view.path, current.cell_id
        self._job = Job(lambda line: (path, look(line, path, cell_id)), self)
        self._job.progressed.connect(self.work.show_progress)
        self._job.succeeded.connect(self._on_looked)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self.work.begin("starting the engine")
        self._job.start()
        self._show_state()

    @Slot()
    def _on_cancelled(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.work.show_progress("stopping", None)

    @Slot(object)
    def _on_looked(self, found: tuple[Path, StepBreakdown]) -> None:
        path, looked = found
        self.work.show_end("", "plain")
        if self._view is not None and self._view.path == path:
            self._kept = (*self._kept, looked)
            self._show_current()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.work.show_end(sentence, "broken")

    @Slot()
    def _on_ended(self) -> None:
        assert self._job is not None
        if self.work.cancel_button.isVisibleTo(self.work):  # neither found nor failed
            self.work.show_end("Stopped; nothing was kept.", "muted")
        self._job.deleteLater()
        self._job = None
        self._show_state()

    @Slot()
    def _on_view_chosen(self) -> None:
        self._show()

    @Slot()
    def _on_copy(self) -> None:
        if self._found is not None:
            QGuiApplication.clipboard().setText(as_text(self._found.passes))
