"""The timeline of one run of the chosen cell, what is pointed at in words, and the figures of a range of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QTimer, Signal, Slot
from PySide6.QtWidgets import QPushButton

from app.bridge.job import Job
from app.pages.results.timeline_reading import LoadedRun, RangeFigures, RequestSplit, load_run, range_figures
from app.pages.results.timeline_words import (
    HINT,
    LEGEND,
    NOTHING,
    READING,
    instant_words,
    range_facts,
    range_words,
    request_columns,
    request_words,
    run_words,
    token_words,
)
from app.pages.results.where_time_went import KINDS, split_bar
from app.plots.stacked_bars import StackedBars
from app.plots.timeline_view import KEYS, TimelineView
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from app.widgets.fact_rows import FactRows
from app.widgets.sentence import Sentence
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.where_time_went import AXIS

_TITLE = "Timeline"
_LANES, _TABLE = "lanes", "requests"
_ROWS_IN_SIGHT = 10
_SETTLES_MS = 200

_Wanted = tuple[Path, int, int | None]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read for whom: path, cell and run."""

    wanted: _Wanted
    loaded: LoadedRun | None


class TimelineCard(Card):
    """Reads a run when the card comes into sight, on a worker thread; hidden while no cell is chosen.

    Signals:
        failed: a sentence: the run could not be read.
    """

    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self._cell: CellView | None = None
        self._run_id: int | None = None
        self._asked: _Wanted | None = None
        self._job: Job | None = None
        self._next: Callable[[Any], object] | None = None
        self._loaded: LoadedRun | None = None
        self._range: RangeFigures | None = None
        self._was_seen = False
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(_SETTLES_MS)
        self._settling.timeout.connect(self._on_settled)
        self.runs = Chips()
        self.runs.setAccessibleName("Run on the timeline")
        self.runs.chosen.connect(self._on_run_chosen)
        self.looks = Chips(
            [
                Choice(_LANES, "Lanes", "Requests, steps and samples over time"),
                Choice(_TABLE, "Requests", "The requests that took longest, and where their time went"),
            ]
        )
        self.looks.setAccessibleName("View of the run")
        self.looks.chosen.connect(self._show)
        self.back = QPushButton("Whole run")
        self.back.setProperty("look", "link")
        self.back.setToolTip("Give the range up and look at the whole run again")
        self.back.clicked.connect(self._on_back)
        self.header.addWidget(self.back)
        self.timeline = TimelineView("Timeline of the run")
        self.timeline.setToolTip(f"Wheel zooms, dragging moves, Shift and dragging chooses a range. {KEYS}.")
        self.timeline.pointed.connect(self._on_pointed)
        self.timeline.left.connect(self._on_left)
        self.timeline.range_chosen.connect(self._on_range_chosen)
        self.timeline.range_dropped.connect(self._on_range_dropped)
        self.legend = Sentence(LEGEND, "muted", "small")
        self.readout = Sentence(HINT, "muted", "small")
        self.readout.setMinimumHeight(2 * self.readout.fontMetrics().lineSpacing())
        self.nothing = Sentence(READING, "muted")
        self.table: RecordTable[RequestSplit] = RecordTable(request_columns())
        self.requests = TableView(self.table, "Requests of the run, the longest first")
        self.range_said = Sentence()
        self.facts = FactRows(("Figure", "This range", "Measured window"))
        self.split = StackedBars("Where the time of the range's requests went", KINDS)
        for widget in (
            self.runs,
            self.looks,
            self.nothing,
            self.timeline,
            self.legend,
            self.readout,
            self.requests,
            self.range_said,
            self.facts,
            self.split,
        ):
            self.body.addWidget(widget)
        self._show()
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether something is being read or computed."""
        return self._job is not None

    @property
    def loaded(self) -> LoadedRun | None:
        """What is shown."""
        return self._loaded

    @property
    def range_shown(self) -> RangeFigures | None:
        """The figures of the chosen range."""
        return self._range

    def show_session(self, view: SessionView) -> None:
        """Another session, or new runs of the same: its cell comes with `show_cell`. A run that is shown stays as it is."""
        if self._view is None or self._view.path != view.path or self._loaded is None:
            self._asked = self._run_id = None
        self._view = view

    def show_cell(self, cell: CellView | None) -> None:
        """Show a run of this cell."""
        if cell is None or self._cell is None or cell.cell_id != self._cell.cell_id:
            self._run_id = None
        self._cell = cell
        self.setVisible(cell is not None)
        self._read()

    def event(self, event: QEvent) -> bool:
        """What nobody looks at is not read; while a page is laid out, cards are painted in passing."""
        if event.type() == QEvent.Type.Paint and not self._was_seen and not self._settling.isActive():
            self._settling.start()
        return super().event(event)

    def come_into_sight(self) -> None:
        """Read the run, from now on that of every chosen cell."""
        self._was_seen = True
        self._read()

    @Slot()
    def _on_settled(self) -> None:
        if not self.visibleRegion().isEmpty():
            self.come_into_sight()

    def _read(self) -> None:
        """Read the wanted run, unless it is shown or under way."""
        view, cell = self._view, self._cell
        if view is None or cell is None or not self._was_seen:
            return
        wanted = view.path, cell.cell_id, self._run_id
        if wanted == self._asked:
            return
        self._asked = wanted
        self._loaded = self._range = None
        self.nothing.show_text(READING, "muted")
        self._show()
        path, cell_id, run_id = wanted
        slo = view.slo
        self._work(lambda line: _Found(wanted, load_run(path, cell_id, run_id, slo, line.cancel)))

    def _work(self, work: Callable[[Any], object]) -> None:
        """Do this on a thread; after what is under way, which nobody waits for any more."""
        if self._job is not None:
            self._next = work
            self._job.cancel()
            return
        self._job = Job(work, self)
        self._job.succeeded.connect(self._on_done)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self._job.start()

    @Slot(object)
    def _on_done(self, outcome: object) -> None:
        match outcome:
            case RangeFigures() if self._loaded is not None and self.timeline.chosen_range is not None:
                self._range = outcome
                self.table.show_records(outcome.listed)
                self._show()
            case _Found(wanted, loaded) if wanted == self._asked:
                self._show_run(loaded)

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.nothing.show_text(sentence, "broken")
        self.failed.emit(sentence)

    @Slot()
    def _on_ended(self) -> None:
        assert self._job is not None
        self._job.deleteLater()
        self._job = None
        work, self._next = self._next, None
        if work is not None:
            self._work(work)

    def _show_run(self, loaded: LoadedRun | None) -> None:
        self._loaded, self._range = loaded, None
        if loaded is None:
            self.nothing.show_text(NOTHING, "muted")
        else:
            self.runs.set_choices([Choice(run.run_id, run_words(run), run.reason) for run in loaded.choices])
            self.runs.choose(loaded.run.run_id)
            self.timeline.show_timeline(loaded.timeline, loaded.tracks)
            self.table.show_records(loaded.listed)
            self.readout.show_text(HINT, "muted")
        self._show()

    @Slot()
    def _show(self) -> None:
        loaded, found = self._loaded, self._range
        is_there, has_lanes = loaded is not None, self.looks.value() == _LANES
        title = "" if self._cell is None else self._cell.title
        if loaded is not None:
            requests = len(loaded.timeline.data.requests)
            title += f" · {requests} requests, {len(loaded.timeline.data.tokens)} tokens, {len(loaded.timeline.data.steps)} steps"
        self.set_title(_TITLE, title)
        self.nothing.setVisible(not is_there)
        self.looks.setVisible(is_there)
        self.runs.setVisible(loaded is not None and len(loaded.choices) > 1)
        for widget in (self.timeline, self.legend, self.readout):
            widget.setVisible(is_there and has_lanes)
        self.requests.setVisible(is_there and not has_lanes)
        self.requests.setFixedHeight(self.requests.height_of_rows(_ROWS_IN_SIGHT))
        self.back.setVisible(is_there and self.timeline.chosen_range is not None)
        for part in (self.range_said, self.facts):
            part.setVisible(found is not None)
        self.split.setVisible(found is not None and found.split is not None and found.split.requests > 0)
        if found is not None and loaded is not None:
            self.range_said.show_text(range_words(found))
            self.facts.show_facts(range_facts(found, loaded.figures))
            if found.split is not None and found.split.requests:
                self.split.show_bars([split_bar("this range", found.split)], AXIS)

    @Slot()
    def _on_run_chosen(self) -> None:
        value = self.runs.value()
        self._run_id = value if isinstance(value, int) else None
        self._read()

    @Slot(object, object)
    def _on_range_chosen(self, start_ns: int, end_ns: int) -> None:
        loaded = self._loaded
        if loaded is not None:
            self.back.show()
            self.range_said.show()
            self.range_said.show_text("Computing the figures of the range…", "muted")
            self._work(lambda line: range_figures(loaded, start_ns, end_ns))

    @Slot()
    def _on_range_dropped(self) -> None:
        self._range = None
        if self._loaded is not None:
            self.table.show_records(self._loaded.listed)
        self._show()

    @Slot()
    def _on_back(self) -> None:
        self.timeline.drop_range()
        self.timeline.fit()

    @Slot(object, int, int)
    def _on_pointed(self, time_ns: int, lane: int, token: int) -> None:
        loaded = self._loaded
        if loaded is None:
            return
        row = loaded.timeline.lanes[lane].request_at(time_ns) if lane >= 0 else None
        if token >= 0:
            words = token_words(loaded.tokens.read(token))
        elif row is not None:
            words = request_words(loaded, row)
        else:
            told = ((each, each.at(time_ns)) for each in loaded.tracks)
            words = ", ".join(f"{each.name} {value:.4g} {each.unit}".strip() for each, value in told if value is not None)
        self.readout.show_text(f"{instant_words(time_ns)} · {words}" if words else instant_words(time_ns))

    @Slot()
    def _on_left(self) -> None:
        self.readout.show_text(HINT, "muted")
