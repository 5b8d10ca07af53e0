"""The sweep's matrix, colouring in as cells finish, with what its colours mean."""

from dataclasses import replace

from PySide6.QtWidgets import QWidget

from app.widgets.card import Card
from app.widgets.matrix import Matrix, MatrixCell, MatrixState
from app.widgets.sentence import Sentence
from app.widgets.sweep_grid import arrange
from profiler.records.run_record import CellRecord, CellStatus, Figures
from profiler.sweep.events import CellChanged
from profiler.units import rate_text, significant

_STATES = {
    CellStatus.PENDING: MatrixState.PENDING,
    CellStatus.PARTIAL: MatrixState.PARTIAL,
    CellStatus.DONE: MatrixState.DONE,
    CellStatus.FAILED: MatrixState.FAILED,
}


def _speed(figures: Figures | None) -> float | None:
    """What each user, or each answer, gets."""
    value = (figures or {}).get("user_tok_s")
    return value if isinstance(value, int | float) else None


def each_of(cell: CellRecord) -> str:
    """Who gets a cell's speed: users come back for their next answer in a closed loop only."""
    return "each user" if cell.configuration.get("arrival") == "closed" else "each answer"


class SweepCard(Card):
    """A matrix of cells by their figure for each user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Sweep", parent)
        self.matrix = Matrix("Sweep")
        self.body.addWidget(self.matrix)
        self.body.addWidget(Sentence("colour: slower → faster · hatched: to come · ✕ failed", "muted", "small"))
        self._places: dict[int, tuple[int, int]] = {}
        self._shown: dict[int, MatrixCell] = {}
        self._speeds: dict[int, float] = {}
        self._running: int | None = None

    def begin(self, cells: tuple[CellRecord, ...]) -> None:
        """A sweep of these cells begins."""
        whose = {each_of(cell) for cell in cells}
        self.set_title("Sweep", f"{whose.pop() if len(whose) == 1 else 'each answer'}'s tok/s")
        grid = arrange([cell.configuration for cell in cells])
        self._places = dict(zip((cell.cell_id for cell in cells), grid.positions, strict=True))
        self._shown, self._speeds, self._running = {}, {}, None
        self.matrix.set_shape(grid.rows, grid.columns, grid.column_title)
        for cell in cells:
            self._shown[cell.cell_id] = MatrixCell(_STATES[cell.status], sentence=cell.reason)
        self._show()

    def set_running(self, cell_id: int | None) -> None:
        """Ring this cell; None when no run is under way."""
        self._running = cell_id
        self._show()

    def change(self, event: CellChanged) -> None:
        """A cell's status or figures are others now."""
        cell_id = event.cell.cell_id
        speed = _speed(event.figures)
        sentence = event.cell.reason
        if speed is not None:
            self._speeds[cell_id] = speed
            interval = event.intervals.get("user_tok_s")
            within = f", 95 % interval {significant(interval[0])} to {significant(interval[1])}" if interval else ""
            runs = f"{event.runs_done} run" + ("" if event.runs_done == 1 else "s")
            sentence = f"{rate_text(speed)} for {each_of(event.cell)}{within}, {runs}. {sentence}".strip()
        self._shown[cell_id] = MatrixCell(
            _STATES[event.cell.status], "" if speed is None else significant(speed, 2), sentence=sentence
        )
        self._show()

    def _show(self) -> None:
        """Colours compare the cells with each other, so one new figure may change them all."""
        lowest = min(self._speeds.values(), default=0.0)
        span = max(self._speeds.values(), default=0.0) - lowest
        for cell_id, cell in self._shown.items():
            speed = self._speeds.get(cell_id)
            share = None if speed is None else 1.0 if span <= 0 else (speed - lowest) / span
            state = MatrixState.RUNNING if cell_id == self._running else cell.state
            self.matrix.set_cell(*self._places[cell_id], replace(cell, state=state, share=share))
