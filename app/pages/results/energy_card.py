"""The energy of the chosen cell: what its meters counted, what it costs, and how a meter at the wall calibrates them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QPushButton

from app.bridge.job import Job
from app.pages.results.energy_words import facts, meters_sentence
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from app.widgets.number_field import RealField
from app.widgets.sentence import Sentence
from profiler.analysis.energy import wall_calibration
from profiler.analysis.energy_account import CellEnergy
from profiler.errors import InferometerError
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.session_energy import SessionEnergy, read_energy
from profiler.hardware import wall_meter
from profiler.records.energy_settings import EnergyPrice, WallCalibration
from profiler.session.reader import SessionReader
from profiler.units import significant

_TITLE = "Energy"
_MOST_WATTS = 100_000.0

_Found = tuple[Path, SessionEnergy, Mapping[str, Any]]


class EnergyCard(Card):
    """Reads a session's samples on a worker thread, those of new runs only when the file has grown. Hidden without a cell.

    Signals:
        failed: a sentence: the samples could not be read.
    """

    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self._wanted: SessionView | None = None
        self._reading: Job | None = None
        self._found: SessionEnergy | None = None
        self._machine: Mapping[str, Any] = {}
        self._current: CellView | None = None
        self._price: EnergyPrice | None = None
        self._rows = FactRows()
        self.remark = Sentence(role="small")
        self.calibration = Fold("Meter at the wall", "the calibration by a meter at the wall")
        self.wall_watts = RealField(0, _MOST_WATTS, "W", decimals=1)
        self.wall_watts.setAccessibleName("Watts at the wall while this cell was measured")
        self.wall_idle_watts = RealField(0, _MOST_WATTS, "W", decimals=1)
        self.wall_idle_watts.setAccessibleName("Watts at the wall at rest")
        self.wall_idle_watts.setSpecialValueText("not known")
        self.keep_button = QPushButton("Keep")
        self.keep_button.setAccessibleName("Keep the calibration")
        self.forget_button = QPushButton("Forget")
        self.forget_button.setAccessibleName("Forget the calibration")
        self.keep_button.clicked.connect(self._on_keep)
        self.forget_button.clicked.connect(self._on_forget)
        term = "What a meter between machine and socket showed on average; kept for this machine and these meters"
        self.wall_row = FormRow("My meter showed", self.wall_watts, "in this cell, at rest", self.wall_idle_watts, term=term)
        self.calibration.body.addWidget(self.wall_row)
        self.calibration.body.addWidget(FormRow("", self.keep_button, self.forget_button))
        self.body.addWidget(self._rows)
        self.body.addWidget(self.remark)
        self.body.addWidget(self.calibration)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether something is being read."""
        return self._reading is not None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The figures."""
        return self._rows.facts

    def show_price(self, price: EnergyPrice | None) -> None:
        """Tell costs by this price; None tells none."""
        if price != self._price:
            self._price = price
            self._show()

    def show_session(self, view: SessionView) -> None:
        """Show its cells as soon as their samples are read."""
        is_new = self._view is None or self._view.path != view.path
        self._view = self._wanted = view
        if is_new:
            self._found = None
            self._show()
            if self._reading is not None:
                self._reading.cancel()
        self._read()

    def show_cell(self, cell: CellView | None) -> None:
        """Tell the energy of this one."""
        self._current = cell
        self._show()

    def _read(self) -> None:
        view = self._wanted
        if view is None or self._reading is not None:
            return
        self._wanted = None
        path, known = view.path, self._found

        def work(line: Any) -> _Found:
            with SessionReader.open(path) as reader:
                return path, read_energy(reader, known, line.cancel), reader.machine()

        self._reading = Job(work, self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self.failed)
        self._reading.ended.connect(self._on_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, found: _Found) -> None:
        path, energies, machine = found
        if self._view is not None and self._view.path == path:
            self._found, self._machine = energies, machine
            self._show()

    @Slot()
    def _on_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()

    def _account(self) -> tuple[CellEnergy | None, WallCalibration | None]:
        """The current cell's, with the calibration that holds for its meters."""
        if self._found is None or self._current is None:
            return None, None
        metered = self._found.cell(self._current.cell_id)
        if metered is None:
            return None, None
        calibration = wall_meter.kept(self._machine, metered.meters)
        return self._found.cell(self._current.cell_id, calibration), calibration

    def _show(self) -> None:
        found, current = self._found, self._current
        has_figures = current is not None and current.figures is not None
        self.setVisible(found is not None and has_figures)
        if found is None or current is None or not has_figures:
            return
        account, calibration = self._account()
        self.calibration.setVisible(account is not None)
        if account is None:
            self.set_title(_TITLE, "not available")
            self._rows.show_facts([])
            self.remark.show_text(found.why_not.get(current.cell_id, "The runs were measured by different meters."), "muted")
            return
        runs = "1 run" if account.runs == 1 else f"median of {account.runs} runs"
        self.set_title(_TITLE, f"{current.title} · {runs}")
        self._rows.show_facts(facts(account, self._price))
        self.remark.show_text(meters_sentence(account), "muted")
        self.forget_button.setEnabled(calibration is not None)
        self.calibration.set_summary(_calibration_words(calibration))

    @Slot()
    def _on_keep(self) -> None:
        account, _ = self._account()
        if account is None:
            return
        idle = self.wall_idle_watts.value()
        try:
            made = wall_calibration(
                account.meters,
                wall_watts=self.wall_watts.value(),
                metered_watts=account.gross.watts.joules,
                wall_idle_watts=idle if idle > 0 else None,
                metered_idle_watts=account.idle_watts,
            )
            now = datetime.now(UTC).isoformat(timespec="seconds")
            wall_meter.keep(self._machine, WallCalibration(made.meters, made.factor, made.rest_watts, now))
        except ValueError as error:
            self.wall_row.show_problem(_sentence(error))
        except InferometerError as error:
            self.wall_row.show_problem(error.sentence)
        else:
            self.wall_row.show_problem("")
            self._show()

    @Slot()
    def _on_forget(self) -> None:
        account, _ = self._account()
        if account is None:
            return
        try:
            wall_meter.forget(self._machine, account.meters)
        except InferometerError as error:
            self.wall_row.show_problem(error.sentence)
        else:
            self._show()


def _sentence(error: ValueError) -> str:
    text = str(error)
    return text if text.endswith(".") else "Give what the meter at the wall showed, in watts, above 0."


def _calibration_words(calibration: WallCalibration | None) -> str:
    if calibration is None:
        return "not calibrated: these are the machine's own meters"
    rest = f"{significant(calibration.rest_watts)} W + " if calibration.rest_watts else ""
    return f"at the wall {rest}{significant(calibration.factor)} × the machine's own meters"
