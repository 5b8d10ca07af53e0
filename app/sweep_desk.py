"""The sweep as the frame handles it: started, paused, stopped and resumed, and told on the status line."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from app.actions import Actions
from app.bridge.sweep_bridge import SweepBridge, SweepOutcome
from app.dialogs.message import tell
from app.dialogs.resume_question import ResumeQuestion
from app.session_name import session_path
from app.settings import Settings
from app.status_line import StatusLine
from profiler.errors import InferometerError
from profiler.plan.plan import Plan
from profiler.sweep.events import CellChanged, Progress, SweepEvent, SweepStarted


class SweepDesk(QObject):
    """One sweep at a time.

    Attributes:
        begun: one begins, or goes on: something is to be seen on the page Live.
        measuring_changed: whether a sweep runs.
        machine_told: the fingerprint that a sweep took (`Fingerprint`).
        session_changed: there is more in this session file (`Path`).
        ended: it has ended and its file is closed.
    """

    begun = Signal()
    measuring_changed = Signal(bool)
    machine_told = Signal(object)
    session_changed = Signal(object)
    ended = Signal()

    def __init__(self, settings: Settings, bridge: SweepBridge, commands: Actions, status: StatusLine, window: QWidget) -> None:
        super().__init__(window)
        self._settings, self._bridge, self._commands, self._status, self._window = settings, bridge, commands, status, window
        self._is_paused = False
        self._measured_session: Path | None = None
        self._plan: Plan | None = None
        self._asks_nothing = False
        commands.pause.triggered.connect(self._on_pause)
        commands.skip_cell.triggered.connect(bridge.skip_cell)
        commands.stop.triggered.connect(self.stop)
        commands.quiet.toggled.connect(self._on_quiet_toggled)
        bridge.started.connect(self._on_started)
        bridge.event_arrived.connect(self._on_event)
        bridge.ended.connect(self._on_ended)

    @property
    def is_running(self) -> bool:
        """Whether a sweep runs."""
        return self._bridge.is_running

    @Slot(object)
    def start(self, plan: Plan) -> None:
        """Measure a plan into a new session file; why it cannot is told in a sentence."""
        if self._bridge.is_running:
            return
        try:
            session = session_path(self._settings.sessions_folder, plan, datetime.now())
        except InferometerError as error:
            tell(self._window, "Cannot start", error.sentence)
            return
        self.begun.emit()
        self._bridge.start(plan, session)

    @Slot(object, object)
    def resume(self, plan: Plan, session: Path, accept_changes: bool = False) -> None:
        """Measure what an unfinished session lacks."""
        if not self._bridge.is_running:
            self.begun.emit()
            self._bridge.resume_session(plan, session, accept_changes=accept_changes)

    @Slot()
    def stop(self) -> None:
        """End it, its data kept."""
        self._bridge.stop()
        self._status.show_saving()
        self._show_state()

    def close(self) -> None:
        """The window goes: end it, and ask nothing any more."""
        self._asks_nothing = True
        if self._bridge.is_running:
            self.stop()

    @Slot()
    def _on_pause(self) -> None:
        self._is_paused = not self._is_paused
        if self._is_paused:
            self._bridge.pause()
        else:
            self._bridge.resume()
        self._show_state()

    @Slot(bool)
    def _on_quiet_toggled(self, is_quiet: bool) -> None:
        self._settings.quiet = is_quiet
        self._bridge.set_quiet(is_quiet)

    @Slot(object, object)
    def _on_started(self, plan: Plan, session: Path) -> None:
        self._is_paused = False
        self._plan = plan
        self.measuring_changed.emit(True)
        self._show_state()

    @Slot(object)
    def _on_event(self, event: SweepEvent) -> None:
        match event:
            case SweepStarted(session=session, machine=machine):
                self._measured_session = session
                self.machine_told.emit(machine)
                self._status.show_recording(session)
                self._settings.add_recent_session(session)
            case Progress(state=state):
                self._is_paused = state == "paused"
                self._show_state()
            case CellChanged() if self._measured_session is not None:
                self.session_changed.emit(self._measured_session)

    @Slot(object)
    def _on_ended(self, outcome: SweepOutcome) -> None:
        self._measured_session = None
        self.measuring_changed.emit(False)
        self._show_state()
        if outcome.changes and outcome.asked is not None:
            self._ask_about_changes(outcome.changes, outcome.asked)
        if outcome.sentence:
            self._status.show_trouble(outcome.sentence)
        elif outcome.session is not None:
            self._status.show_saved(outcome.session)
        else:
            self._status.show_idle()
        if outcome.session is not None:
            self.session_changed.emit(outcome.session)
        self.ended.emit()

    def _ask_about_changes(self, changes: Sequence[str], session: Path) -> None:
        plan = self._plan
        if plan is not None and not self._asks_nothing:
            ResumeQuestion.put(changes, self._window, lambda: self.resume(plan, session, accept_changes=True))

    def _show_state(self) -> None:
        self._commands.show_sweep_state(
            is_running=self._bridge.is_running, is_stopping=self._bridge.is_stopping, is_paused=self._is_paused
        )
