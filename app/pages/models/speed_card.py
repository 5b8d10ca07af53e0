"""How fast the selected model would likely be here, on what that rests, and the way to know it better."""

from collections.abc import Callable

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QPushButton, QWidget

from app.bridge.job import Job, JobLine
from app.pages.models.fit import Service
from app.pages.models.speed_outlook import SpeedOutlook, basis_words, calibrate, facts, look, residual_words
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.sentence import Sentence
from app.widgets.work_strip import WorkStrip
from profiler.modelfile.description import ModelDescription

_TIP = (
    "Measures this machine's kernels for the types of this model: one to two seconds for each; nothing else should run meanwhile"
)
_SWEEP_RUNS = "A sweep is running: calibrating would show in its figures."

Look = Callable[[ModelDescription, Service], SpeedOutlook]
Calibrate = Callable[[JobLine, ModelDescription], object]


class SpeedCard(Card):
    """Reads what is kept of this machine on a worker thread; measures only when it is told to.

    Signals:
        calibrated: this machine's kernels are known better.

    Args:
        look: tells what to expect.
        calibrate: measures.
    """

    calibrated = Signal()

    def __init__(self, look: Look = look, calibrate: Calibrate = calibrate, parent: QWidget | None = None) -> None:
        super().__init__("Speed to expect here", parent)
        self._look, self._calibrate = look, calibrate
        self._wanted: tuple[ModelDescription, Service] | None = None
        self._shown: tuple[ModelDescription, Service] | None = None
        self._looking: Job | None = None
        self._working: Job | None = None
        self._is_measuring = False
        self._rows = FactRows()
        self.basis = Sentence(role="small")
        self.residual = Sentence(role="small")
        self.strip = WorkStrip()
        self.strip.cancelled.connect(self._on_cancelled)
        self.calibrate_button = QPushButton("Calibrate")
        self.calibrate_button.setToolTip(_TIP)
        self.calibrate_button.clicked.connect(self._on_calibrate)
        for widget in (self._rows, self.basis, self.residual, self.strip, self.calibrate_button):
            self.body.addWidget(widget)

    @property
    def is_busy(self) -> bool:
        """Whether something is read or measured."""
        return self._looking is not None or self._working is not None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is told."""
        return self._rows.facts

    def show_model(self, description: ModelDescription, service: Service) -> None:
        """Tell what to expect of this model."""
        self._wanted = self._shown = (description, service)
        self._start_looking()

    def set_measuring(self, is_measuring: bool) -> None:
        """Nothing is measured beside a sweep."""
        self._is_measuring = is_measuring
        if is_measuring and self._working is not None:
            self._working.cancel()
        self._show_button()
        if not is_measuring and self._shown is not None:  # the sweep's own runs may have told more
            self.show_model(*self._shown)

    def _show_button(self) -> None:
        self.calibrate_button.setEnabled(not self._is_measuring and self._working is None)
        self.calibrate_button.setToolTip(_SWEEP_RUNS if self._is_measuring else _TIP)

    def _start_looking(self) -> None:
        wanted = self._wanted
        if wanted is None or self._looking is not None:
            return
        self._wanted = None
        self._looking = Job(lambda line: (wanted, self._look(*wanted)), self)
        self._looking.succeeded.connect(self._on_looked)
        self._looking.failed.connect(self._on_look_failed)
        self._looking.ended.connect(self._on_look_ended)
        self._looking.start()

    @Slot(object)
    def _on_looked(self, found: tuple[tuple[ModelDescription, Service], SpeedOutlook]) -> None:
        of, outlook = found
        if of is not self._shown:
            return
        self._rows.show_facts(facts(outlook))
        self.basis.show_text(basis_words(outlook), "muted")
        told = residual_words(outlook)
        self.residual.show_text(told, "plain")
        self.residual.setVisible(bool(told))
        self.calibrate_button.setText("Calibrate again" if outlook.is_calibrated else "Calibrate")
        self.calibrate_button.setProperty("look", "link" if outlook.is_calibrated else None)
        self.calibrate_button.style().polish(self.calibrate_button)

    @Slot(str)
    def _on_look_failed(self, sentence: str) -> None:
        self._rows.show_facts([])
        self.basis.show_text(sentence, "broken")

    @Slot()
    def _on_look_ended(self) -> None:
        assert self._looking is not None
        self._looking.deleteLater()
        self._looking = None
        self._start_looking()

    @Slot()
    def _on_calibrate(self) -> None:
        if self._shown is None or self._working is not None or self._is_measuring:
            return
        description, _ = self._shown
        self._working = Job(lambda line: self._calibrate(line, description), self)
        self._working.progressed.connect(self.strip.show_progress)
        self._working.succeeded.connect(self._on_calibrated)
        self._working.failed.connect(self._on_failed)
        self._working.ended.connect(self._on_work_ended)
        self.strip.begin("starting the engine")
        self._show_button()
        self._working.start()

    @Slot(object)
    def _on_calibrated(self, result: object) -> None:
        self.strip.show_end("Calibrated; it is kept for this machine.", "met")
        self.calibrated.emit()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self.strip.show_end(sentence, "broken")

    @Slot()
    def _on_cancelled(self) -> None:
        if self._working is not None:
            self._working.cancel()

    @Slot()
    def _on_work_ended(self) -> None:
        assert self._working is not None
        self._working.deleteLater()
        self._working = None
        if self.strip.cancel_button.isVisibleTo(self.strip):  # neither of the ends above: it was cancelled
            self.strip.show_end("Stopped; what was known before is kept.", "muted")
        self._show_button()
        if self._shown is not None and self.isEnabled():
            self.show_model(*self._shown)
