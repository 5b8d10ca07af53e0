"""The window's end of a running sweep: starts it on its own thread, hears its events on the main one, passes wishes on."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.bridge.inbox import Inbox
from app.bridge.redraw_budget import RedrawBudget
from profiler.analysis.live import LiveWindow
from profiler.clock import now_ns
from profiler.errors import InferometerError, Interrupted
from profiler.plan.plan import Plan
from profiler.sweep.events import (
    RowsArrived,
    RunEnded,
    RunMeasuring,
    RunStarted,
    SamplesArrived,
    SweepEnded,
    SweepEvent,
    SweepStarted,
)

_IDLE_TICK_MS = 500
_BUG_SENTENCE = "Something went wrong that should not have; the report has the details. What was measured is kept."


class SweepRunner(Protocol):
    """What is needed of `sweep.runner.Runner`; the tests replay a script instead."""

    def run(self) -> object:
        """Carry the plan out; blocks."""

    def pause(self) -> None:
        """Start no further repetition until `resume`."""

    def resume(self) -> None:
        """Go on."""

    def skip_cell(self) -> None:
        """Leave out the rest of the present cell."""

    def stop(self) -> None:
        """End the sweep, keep what was measured."""


RunnerFactory = Callable[[Plan, Path, Callable[[SweepEvent], None]], SweepRunner]


def real_runner(plan: Plan, output: Path, subscriber: Callable[[SweepEvent], None]) -> SweepRunner:
    """The sweep's own runner; imported by the thread that runs it, since that takes a noticeable moment."""
    from profiler.sweep.runner import Runner

    return Runner(plan, output, subscriber)


ResumerFactory = Callable[[Path, Callable[[SweepEvent], None], bool], SweepRunner]


def real_resumer(session: Path, subscriber: Callable[[SweepEvent], None], accept_changes: bool) -> SweepRunner:
    """The rest of a session's sweep; raises InferometerError when there is none."""
    from profiler.sweep.resume import ResumedRunner

    return ResumedRunner(session, subscriber, accept_changes=accept_changes)


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """How a sweep ended.

    Attributes:
        session: its file, None when none was begun.
        sentence: what stood in the way, empty when nothing did.
        changes: why a session was not gone on with: what is not as it was, each in words.
        asked: the session that was to be gone on with, None for a new one.
    """

    session: Path | None
    stopped: bool
    sentence: str
    changes: tuple[str, ...] = ()
    asked: Path | None = None


@dataclass(frozen=True, slots=True)
class _ThreadEnded:
    error: BaseException | None


class SweepBridge(QObject):
    """At most one sweep at a time. Lives on the main thread; every signal is sent there.

    While a run is measured, rows and samples wait in the inbox and wake nobody; a timer within the redraw budget takes them out.

    Signals:
        started: a sweep begins; the plan and the file it will be in.
        event_arrived: a `SweepEvent` other than rows and samples.
        figures_changed: `LiveFigures` of the measured run, as often as the budget allows and somebody watches.
        ticked: about twice a second while a sweep runs and nothing is measured, for elapsed times.
        ended: a `SweepOutcome`; the thread is gone.
    """

    started = Signal(object, object)
    event_arrived = Signal(object)
    figures_changed = Signal(object)
    ticked = Signal()
    ended = Signal(object)

    def __init__(
        self,
        make_runner: RunnerFactory = real_runner,
        budget: RedrawBudget | None = None,
        parent: QObject | None = None,
        make_resumer: ResumerFactory = real_resumer,
    ) -> None:
        super().__init__(parent)
        self._make_runner, self._make_resumer = make_runner, make_resumer
        self._asked: Path | None = None
        self._budget = budget or RedrawBudget()
        self._inbox = Inbox(self._deliver, self)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self._thread: threading.Thread | None = None
        self._runner: SweepRunner | None = None
        self._runner_lock = threading.Lock()
        self._is_stopping = False
        self._is_watched = False
        self._is_quiet = False
        self._session: Path | None = None
        self._end: SweepEnded | None = None
        self._peak_bandwidth_gb_s: float | None = None
        self._starting: RunStarted | None = None
        self._window: LiveWindow | None = None
        self._run_id = 0
        self._origin_ns = 0

    @property
    def is_running(self) -> bool:
        """Whether a sweep is under way."""
        return self._thread is not None

    @property
    def is_stopping(self) -> bool:
        """Whether the sweep was asked to end."""
        return self._is_stopping

    @property
    def is_measuring(self) -> bool:
        """Whether a run's clock runs."""
        return self._window is not None

    @property
    def watching_cost_share(self) -> float | None:
        """What drawing takes of one core at present; None while nothing is measured or nothing is drawn."""
        return self._budget.cost_share if self.is_measuring and not self._is_quiet else None

    def start(self, plan: Plan, output: Path) -> None:
        """Begin a sweep into `output`; only while none runs."""
        self._asked = None
        self._start(plan, output, lambda: self._make_runner(plan, output, self._take))

    def resume_session(self, plan: Plan, session: Path, *, accept_changes: bool = False) -> None:
        """Go on with the sweep of `session`, whose plan this is; only while none runs."""
        self._asked = session
        self._start(plan, session, lambda: self._make_resumer(session, self._take, accept_changes))

    def _start(self, plan: Plan, output: Path, make: Callable[[], SweepRunner]) -> None:
        assert self._thread is None, "one sweep at a time"
        self._is_stopping = False
        self._session = self._end = None
        self._thread = threading.Thread(target=self._carry_out, args=(make,), name="sweep", daemon=True)
        self._thread.start()
        self._timer.start(_IDLE_TICK_MS)
        self.started.emit(plan, output)

    @Slot()
    def pause(self) -> None:
        """Start no further repetition."""
        if self._runner is not None:
            self._runner.pause()

    @Slot()
    def resume(self) -> None:
        """Go on after a pause."""
        if self._runner is not None:
            self._runner.resume()

    @Slot()
    def skip_cell(self) -> None:
        """Leave out the rest of the present cell."""
        if self._runner is not None:
            self._runner.skip_cell()

    @Slot()
    def stop(self) -> None:
        """End the sweep; `ended` comes when everything is saved."""
        with self._runner_lock:
            self._is_stopping = self._thread is not None
            runner = self._runner
        if runner is not None:
            runner.stop()

    def wait_until_ended(self, timeout_s: float | None = None) -> None:
        """Block until the thread is gone: for the program's very end, after `stop`, when no event loop runs any more.

        Args:
            timeout_s: no longer than that; a sweep that hangs then goes down with the process, its file as it was last written.
        """
        if self._thread is not None:
            self._thread.join(timeout_s)

    def set_watched(self, is_watched: bool) -> None:
        """Whether somebody looks at the figures; nobody, no drawing."""
        self._is_watched = is_watched
        if is_watched and self._window is not None and not self._is_quiet:
            self._on_tick()

    def set_quiet(self, is_quiet: bool) -> None:
        """Draw between runs only."""
        self._is_quiet = is_quiet
        self._set_pace()

    def _carry_out(self, make: Callable[[], SweepRunner]) -> None:
        """The thread."""
        try:
            runner = make()
            with self._runner_lock:
                self._runner = runner
                is_stopping = self._is_stopping
            if is_stopping:
                runner.stop()
            runner.run()
            self._inbox.put(_ThreadEnded(None))
        except BaseException as error:  # whatever it is, the main thread must hear that the sweep is over
            self._inbox.put(_ThreadEnded(error))

    def _take(self, event: SweepEvent) -> None:
        """The subscriber, on the sweep's thread."""
        self._inbox.put(event, wake=not isinstance(event, RowsArrived | SamplesArrived))

    @Slot()
    def _on_tick(self) -> None:
        self._inbox.drain()
        if self._window is None:
            if self._thread is not None:
                self.ticked.emit()
        elif self._is_watched:
            self._budget.note_update()
            self.figures_changed.emit(self._window.snapshot(now_ns() - self._origin_ns))
            self._set_pace()

    def _set_pace(self) -> None:
        """Drawing while measuring goes by the budget; quiet, nothing wakes the window until the run tells something."""
        if self._thread is None or (self._window is not None and self._is_quiet):
            self._timer.stop()
        else:
            self._timer.start(_IDLE_TICK_MS if self._window is None else round(1000 / self._budget.updates_per_s))

    def _deliver(self, thing: object) -> None:
        match thing:
            case RowsArrived(run_id, requests, tokens, steps):
                if self._window is not None and run_id == self._run_id:
                    self._window.feed(requests, tokens, steps)
                return
            case SamplesArrived(run_id, samples):
                if self._window is not None and run_id == self._run_id:
                    self._window.feed_samples(samples)
                return
            case _ThreadEnded(error):
                self._finish(error)
                return
            case SweepStarted(session=session, machine=machine):
                self._session = session
                self._peak_bandwidth_gb_s = machine.ceilings.bandwidth_gb_s
            case RunStarted():
                self._starting = thing
            case RunMeasuring():
                self._begin_measuring(thing)
            case RunEnded():
                self._end_measuring()
            case SweepEnded():
                self._end = thing
        self.event_arrived.emit(thing)

    def _begin_measuring(self, event: RunMeasuring) -> None:
        run = event.run
        costs = self._starting.cell.costs if self._starting is not None else None
        self._window = LiveWindow(costs, run.facts.kv_cells if run.facts else None, self._peak_bandwidth_gb_s)
        self._run_id = run.run_id
        self._origin_ns = run.anchor.monotonic_ns if run.anchor else now_ns()
        context = run.specification.context
        self._budget.begin(max(context.threads, context.threads_batch))
        self._set_pace()

    def _end_measuring(self) -> None:
        if self._window is not None and self._is_watched:
            self.figures_changed.emit(self._window.snapshot(now_ns() - self._origin_ns))
        self._window = None
        self._set_pace()

    def _finish(self, error: BaseException | None) -> None:
        assert self._thread is not None
        self._thread.join()  # its last statement has been reached
        self._thread = self._runner = self._window = self._starting = None
        self._timer.stop()
        stopped = self._is_stopping or isinstance(error, Interrupted) or (self._end is not None and self._end.stopped)
        self._is_stopping = False
        if error is None:
            sentence = self._end.fault if self._end is not None else ""
        elif isinstance(error, Interrupted):
            sentence = ""
        elif isinstance(error, InferometerError):
            sentence = error.sentence
        else:
            sentence = _BUG_SENTENCE
        changes = tuple(getattr(error, "changes", ()))  # of sweep.resume.ChangedSince, which is imported where it is raised
        self.ended.emit(SweepOutcome(self._session, stopped, sentence, changes, self._asked))
        if error is not None and not isinstance(error, InferometerError):
            sys.excepthook(type(error), error, error.__traceback__)
