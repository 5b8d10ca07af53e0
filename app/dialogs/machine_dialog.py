"""The machine: what is here, its measured ceilings as bars, which telemetry can be read and why the rest cannot."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.bridge.job import Job, JobLine
from app.bridge.sweep_bridge import SweepBridge
from app.dialogs.machine_words import (
    bandwidth_bars,
    bandwidth_words,
    compute_bars,
    compute_words,
    facts,
    measured_words,
    source_name,
)
from app.typeface import font
from app.widgets.bar_rows import BarRows
from app.widgets.card import Card
from app.widgets.fact_rows import FactRows
from app.widgets.sentence import Sentence
from app.widgets.two_columns import ScrollColumn
from app.widgets.work_strip import WorkStrip
from profiler.errors import Interrupted
from profiler.records.fingerprint import Fingerprint, TelemetrySource
from profiler.sweep.events import SweepEvent, SweepStarted

_SIZE_PX = (760, 620)
_LEAST_WIDTH_PX = 720
_REASON_PX = 440  # a wrapped label that may become narrower claims the height that it would need there
_SWEEP_RUNS = "A sweep is running: measuring the machine meanwhile would spoil both."

Describe = Callable[[JobLine, bool], Fingerprint]
"""Tells the machine on a job's thread; True measures its ceilings anew."""


def described(line: JobLine, refresh: bool) -> Fingerprint:
    """The real machine, told by an engine of its own; raises Interrupted once the line was cancelled."""
    # Imported by the thread that needs it, since that takes a noticeable moment.
    from profiler.child.engine_child import EngineChild
    from profiler.sweep.preparation import describe_machine

    def go_on() -> None:
        if line.cancel.is_set():
            raise Interrupted("Measuring the machine was stopped.")

    def report(sentence: str, share: float | None) -> None:
        go_on()
        line.progress(sentence, share)

    with EngineChild() as child:
        machine = describe_machine(child, report, refresh=refresh, cancel=line.cancel)
    go_on()
    return machine


class MachineDialog(QDialog):
    """One for a window, which opens it with `look`. Nothing is measured or started while a sweep runs.

    Signals:
        machine_told: a `Fingerprint` that was read here.

    Args:
        bridge: tells whether a sweep runs, and what it was told of the machine.
        describe: reads the machine.
    """

    machine_told = Signal(object)

    def __init__(self, bridge: SweepBridge, parent: QWidget | None = None, *, describe: Describe = described) -> None:
        super().__init__(parent)
        self._bridge, self._describe = bridge, describe
        self._machine: Fingerprint | None = None
        self._job: Job | None = None
        self.setWindowTitle("This machine")
        self.setMinimumWidth(_LEAST_WIDTH_PX)
        self.resize(*_SIZE_PX)
        self.facts = FactRows()
        self.bandwidth = BarRows("Read bandwidth by threads")
        self.bandwidth_told = Sentence(role="small")
        self.compute = BarRows("Compute")
        self.compute_told = Sentence(role="small")
        self.sources = _SourceRows()
        self.here = Card("What is here")
        self.here.body.addWidget(self.facts)
        self.ceilings = Card("Ceilings")
        for title, bars, told in (
            ("Memory", self.bandwidth, self.bandwidth_told),
            ("Compute", self.compute, self.compute_told),
        ):
            heading = QLabel(title)
            heading.setFont(font("small"))
            told.setMinimumWidth(_REASON_PX)
            for widget in (heading, bars, told):
                self.ceilings.body.addWidget(widget)
        self.telemetry = Card("Telemetry")
        self.telemetry.body.addWidget(self.sources)
        self._scroll = ScrollColumn("This machine")
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # to be scrolled by keys
        self._scroll.setProperty("look", "keys")
        self._scroll.setFrameShape(QFrame.Shape.StyledPanel)  # without one the stylesheet's border is painted over
        self._cards = (self.here, self.ceilings, self.telemetry)
        for card in self._cards:
            self._scroll.column.addWidget(card)
            card.hide()
        self._scroll.column.addStretch(1)
        self.work = WorkStrip()
        self.work.cancelled.connect(self._on_cancelled)
        self.why_not = Sentence(_SWEEP_RUNS, "muted", "small")
        self.again = QPushButton("Measure again")
        self.again.setToolTip("Bandwidth and compute, in about ten seconds; nothing else should run meanwhile")
        self.again.clicked.connect(self._on_again)
        self.close_button = QPushButton("Close")
        self.close_button.setDefault(True)
        self.close_button.clicked.connect(self.close)
        bottom = QHBoxLayout()
        bottom.addWidget(self.work, 1)
        bottom.addWidget(self.why_not, 1)
        bottom.addStretch(0)
        bottom.addWidget(self.again, 0, Qt.AlignmentFlag.AlignBottom)
        bottom.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(bottom)
        bridge.started.connect(self._on_sweep_started)
        bridge.event_arrived.connect(self._on_sweep_event)
        bridge.ended.connect(self._on_sweep_ended)

    @property
    def machine(self) -> Fingerprint | None:
        """What is shown."""
        return self._machine

    @property
    def is_busy(self) -> bool:
        """Whether the machine is being read or measured."""
        return self._job is not None

    def look(self, known: Fingerprint | None) -> None:
        """Open it on what is known of the machine already; without anything it is read, unless a sweep runs."""
        self.work.show_end("", "plain")
        if known is not None:
            self.show_machine(known)
        self.open()
        self.close_button.setFocus()
        if self._machine is None and not self._bridge.is_running:
            self._start(refresh=False)
        self._show_state()

    def show_machine(self, machine: Fingerprint) -> None:
        """Show this one."""
        self._machine = machine
        ceilings = machine.ceilings
        self.facts.show_facts(facts(machine))
        self.ceilings.set_title("Ceilings", measured_words(ceilings))
        self.bandwidth.show_bars(bandwidth_bars(ceilings))
        self.bandwidth_told.show_text(bandwidth_words(ceilings), "muted")
        self.compute.show_bars(compute_bars(ceilings))
        self.compute_told.show_text(compute_words(ceilings), "muted")
        self.sources.show_sources(machine.telemetry)
        for card in self._cards:
            card.setVisible(card is not self.telemetry or bool(machine.telemetry))

    def _start(self, *, refresh: bool) -> None:
        if self._job is not None:
            return
        describe = self._describe
        self._job = Job(lambda line: describe(line, refresh), self)
        self._job.progressed.connect(self.work.show_progress)
        self._job.succeeded.connect(self._on_told)
        self._job.failed.connect(self._on_failed)
        self._job.ended.connect(self._on_ended)
        self.work.begin("measuring this machine" if refresh else "asking llama.cpp what is here")
        self._job.start()
        self._show_state()

    def _show_state(self) -> None:
        is_sweeping = self._bridge.is_running
        self.again.setEnabled(self._job is None and not is_sweeping)
        self.why_not.setVisible(is_sweeping)

    @Slot()
    def _on_again(self) -> None:
        self._start(refresh=True)

    @Slot()
    def _on_cancelled(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.work.show_progress("stopping", None)

    @Slot(object)
    def _on_told(self, machine: Fingerprint) -> None:
        self.work.show_end("", "plain")
        self.show_machine(machine)
        self.machine_told.emit(machine)

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.work.show_end(sentence, "broken")

    @Slot()
    def _on_ended(self) -> None:
        assert self._job is not None
        if self.work.cancel_button.isVisibleTo(self.work):  # neither told nor failed
            self.work.show_end("Stopped.", "muted")
        self._job.deleteLater()
        self._job = None
        self._show_state()

    @Slot(object, object)
    def _on_sweep_started(self, plan: object, session: object) -> None:
        if self._job is not None:
            self._job.cancel()
        self._show_state()

    @Slot(object)
    def _on_sweep_event(self, event: SweepEvent) -> None:
        if isinstance(event, SweepStarted):
            self.show_machine(event.machine)

    @Slot(object)
    def _on_sweep_ended(self, outcome: object) -> None:
        self._show_state()

    def done(self, result: int) -> None:
        """Who closes it wants nothing measured any more."""
        if self._job is not None:
            self._job.cancel()
        super().done(result)


class _SourceRows(QWidget):
    """Each source of readings with its mark, and the reason of one that cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.told: tuple[str, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)

    def show_sources(self, sources: Sequence[TelemetrySource]) -> None:
        """Show these instead, those that can be read first."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.setParent(None)
                widget.deleteLater()
        ordered = sorted(sources, key=lambda source: not source.is_available)
        told = []
        for row, source in enumerate(ordered):
            words = source_name(source)
            name = Sentence(words, "met" if source.is_available else "muted", "small")
            reason = "can be read" if source.is_available else f"✕ {source.reason}"
            name.setWordWrap(False)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            why = Sentence(reason, "muted", "small")
            why.setMinimumWidth(_REASON_PX)
            self._grid.addWidget(why, row, 1)
            told.append(f"{words}: {reason}")
        self.told = tuple(told)
