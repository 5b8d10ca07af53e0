"""Live: what is running now, its figures and plots, the sweep colouring in, and what happened."""

import time
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QPushButton, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from app.actions import Actions
from app.bridge.sweep_bridge import SweepBridge, SweepOutcome
from app.pages.live.plot_board import PlotBoard
from app.pages.live.progress_words import ProgressWords
from app.pages.live.search_card import SearchCard
from app.pages.live.sweep_card import SweepCard, each_of
from app.pages.live.tile_strip import TileStrip
from app.pages.page import Page
from app.settings import Settings
from app.widgets.card import Card
from app.widgets.empty_state import EmptyState
from app.widgets.event_list import EventList
from app.widgets.page_header import ActionButton, PageHeader
from app.widgets.sentence import Sentence, Tone
from app.widgets.two_columns import TwoColumns
from profiler.analysis.device_buffers import by_device
from profiler.analysis.live_figures import LiveFigures
from profiler.plan.plan import Plan
from profiler.plan.slo import parse_slo
from profiler.records.run_record import CellRecord, CellStatus, RunPurpose, RunStatus, SessionEvent
from profiler.sweep.events import (
    CellAdded,
    CellChanged,
    Happened,
    RunEnded,
    RunMeasuring,
    RunStarted,
    SweepEvent,
    SweepStarted,
)
from profiler.units import percent_text, rate_text

_EVENT_TONES: dict[str, Tone] = {
    "flag": "caution",
    "source absent": "muted",
    "skip": "caution",
    "budget": "caution",
    "cell failed": "broken",
    "model failed": "broken",
    "settled": "met",
}


def _searched_axis(cells: tuple[CellRecord, ...]) -> str:
    """The load that a search looks along."""
    is_closed = all(cell.configuration.get("arrival") == "closed" for cell in cells)
    return "concurrency" if is_closed else "rate"


class LivePage(Page):
    """Watches the bridge's sweep.

    Signals:
        plan_wanted: nothing runs and the user wants to choose what to measure.
        results_wanted: the session file of the sweep that has ended, to be shown.
    """

    TITLE = "Live"

    plan_wanted = Signal()
    results_wanted = Signal(object)

    def __init__(self, settings: Settings, bridge: SweepBridge, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(settings, parent)
        self._bridge = bridge
        self._words = ProgressWords(Plan(), time.monotonic)
        self._cells: dict[int, CellRecord] = {}
        self._running_cell: CellRecord | None = None
        self._session: Path | None = None
        self._slo = parse_slo("")
        self._is_search = False
        self._purpose = RunPurpose.MEASURE
        self.header = PageHeader("Live")
        self.tiles = TileStrip()
        self.board = PlotBoard()
        self.sweep_card = SweepCard()
        self.search_card = SearchCard()
        self.events = EventList()
        self.banner = Sentence()
        self.banner.hide()
        self.cost = Sentence("", "muted", "small")
        self._quiet = QCheckBox(actions.quiet.text())
        self._results_button = QPushButton("Show results")
        self._results_button.setProperty("look", "primary")
        self._results_button.hide()
        self.empty = EmptyState(
            "Nothing is being measured",
            "Choose on the Plan page what to measure and press Start; it can be watched here.",
            "Go to Plan",
        )
        self._lay_out(actions)
        self._connect(actions)

    def _lay_out(self, actions: Actions) -> None:
        for action in (actions.pause, actions.skip_cell, actions.stop):
            self.header.add(ActionButton(action))
        self.header.add(self._results_button)
        happened = Card("What happened")
        happened.body.addWidget(self.events)
        self.events.setMinimumHeight(72)
        self.events.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)  # it takes what the others leave
        watching = Card()
        watching.body.addWidget(self._quiet)
        watching.body.addWidget(self.cost)
        self._quiet.setToolTip(actions.quiet.toolTip())
        side = QWidget()
        side.setAccessibleName("Sweep and events")
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.sweep_card)
        column.addWidget(self.search_card, 2)
        column.addWidget(happened, 1)
        column.addWidget(watching)
        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(16, 12, 16, 12)
        rows.setSpacing(12)
        rows.addWidget(self.header)
        rows.addWidget(self.banner)
        rows.addWidget(self.tiles)
        rows.addWidget(TwoColumns(self.board, side, shares=(1, 0), side_px=280, narrow_px=980), 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(content)

    def _connect(self, actions: Actions) -> None:
        self._quiet.toggled.connect(actions.quiet.setChecked)
        actions.quiet.toggled.connect(self._quiet.setChecked)
        self._quiet.setChecked(actions.quiet.isChecked())
        self._results_button.clicked.connect(self._on_results_clicked)
        self.empty.acted.connect(self.plan_wanted)
        self._bridge.started.connect(self._on_started)
        self._bridge.event_arrived.connect(self._on_event)
        self._bridge.figures_changed.connect(self._on_figures)
        self._bridge.ticked.connect(self._show_words)
        self._bridge.ended.connect(self._on_ended)

    @Slot(object, object)
    def _on_started(self, plan: Plan, session: Path) -> None:
        self._words = ProgressWords(plan, time.monotonic)
        self._slo = parse_slo(plan.need.slo)
        self._session = session
        self._is_search = plan.search.enabled
        self._cells.clear()
        self.events.clear_entries()
        self.banner.hide()
        self._results_button.hide()
        self.tiles.clear("nothing measured yet")
        self.board.clear()
        self.sweep_card.begin(())
        self.search_card.begin(0)
        self._stack.setCurrentIndex(1)
        self._show_words()
        self._show_cost()

    @Slot(object)
    def _on_event(self, event: SweepEvent) -> None:
        self._words.follow(event)
        match event:
            case SweepStarted(machine=machine, cells=cells):
                self._cells = {cell.cell_id: cell for cell in cells}
                self.sweep_card.begin(cells, _searched_axis(cells) if self._is_search else None)
                self.search_card.begin(len(cells) if self._is_search else 0)
                self.tiles.set_slo(self._slo, machine.ceilings.bandwidth_gb_s)
                self.board.set_limits(self._slo, machine.ceilings.bandwidth_gb_s)
            case CellAdded(cell):
                self._cells[cell.cell_id] = cell
                self.sweep_card.add(cell)
            case RunStarted(run=run, cell=cell):
                self._running_cell, self._purpose = cell, run.purpose
                self.sweep_card.set_running(cell.cell_id)
                self.tiles.clear("loading and warming up")
                self.board.clear()
            case RunMeasuring(run):
                held = by_device(run.facts.buffers if run.facts is not None else {})
                if self._running_cell is not None:
                    weights_bytes = sum(each.weights_bytes for each in held.values()) if held else None
                    self.tiles.begin_run(run, self._running_cell, weights_bytes)
                self.board.memory.set_levels(held)
                self.board.step_tokens.set_cache(run.specification.load.prefix_cache)
            case RunEnded(run):
                self.sweep_card.set_running(None)
                self.sweep_card.flag(run)
                self.tiles.show_flags(run.flags)
                if run.status is RunStatus.FAILED:
                    self.tiles.clear("the last run failed")
            case CellChanged():
                self.sweep_card.change(event)
                self._tell_cell(event)
            case Happened(happening):
                self._tell(happening)
        self._show_words()
        self._show_cost()

    def _tell(self, happening: SessionEvent) -> None:
        """A search's steps have a card of their own; its answer stands above all, too."""
        is_told = self._is_search and self.search_card.take(happening)
        if happening.kind == "search answer":
            self.banner.show_text(happening.sentence, "met" if happening.data.get("winner_cell_id") is not None else "broken")
            self.banner.show()
        if is_told:
            return
        at = datetime.fromisoformat(happening.utc).astimezone()
        self.events.add(f"{at:%H:%M:%S}", happening.sentence, _EVENT_TONES.get(happening.kind, "plain"))

    def _tell_cell(self, event: CellChanged) -> None:
        """The session's log has no entry for a cell that simply got done; whoever watches wants to see it pass."""
        speed = (event.figures or {}).get("user_tok_s")
        if event.cell.status is CellStatus.DONE and isinstance(speed, int | float):
            is_look = self._purpose is RunPurpose.LOOK
            words = f"{self._words.cell_words(event.cell)} {'looked at' if is_look else 'done'}"
            told = f"{words}: {rate_text(speed)} for {each_of(event.cell)}"
            self.events.add(f"{datetime.now():%H:%M:%S}", told, "plain" if is_look else "met")

    @Slot(object)
    def _on_figures(self, figures: LiveFigures) -> None:
        self.tiles.show_figures(figures)
        self.board.show_figures(figures)
        self._show_words()
        self._show_cost()

    @Slot()
    def _show_words(self) -> None:
        self.header.show_text(self._words.title, self._words.subtitle)
        self.search_card.show_left(self._words.runs_left)

    def _show_cost(self) -> None:
        share = self._bridge.watching_cost_share
        if self._quiet.isChecked():
            self.cost.show_text("Nothing is drawn during a run.", "muted")
        elif share is not None:
            self.cost.show_text(f"Watching costs {percent_text(share)} of one core.", "muted")
        else:
            self.cost.show_text("What watching costs is told during a run.", "muted")

    @Slot(object)
    def _on_ended(self, outcome: SweepOutcome) -> None:
        self._session = outcome.session
        self.sweep_card.set_running(None)
        self.search_card.end()
        if outcome.sentence:
            self.banner.show_text(outcome.sentence, "broken")
            self.banner.show()
        if outcome.session is None and not outcome.sentence:
            self._stack.setCurrentIndex(0)
            return
        title = "Could not go on" if outcome.sentence else "Stopped" if outcome.stopped else "Done"
        saved = f"everything measured is saved in {outcome.session.name}" if outcome.session else "nothing was measured"
        self.header.show_text(title, saved)
        self._results_button.setVisible(outcome.session is not None)

    @Slot()
    def _on_results_clicked(self) -> None:
        if self._session is not None:
            self.results_wanted.emit(self._session)

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody watches."""
        super().showEvent(event)
        self._bridge.set_watched(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody watches; nothing is drawn."""
        super().hideEvent(event)
        self._bridge.set_watched(False)
