"""The sweep's matrix, colouring in as cells finish, with what its colours mean."""

from dataclasses import replace

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.widgets.card import Card
from app.widgets.matrix import Matrix, MatrixCell, MatrixState
from app.widgets.sentence import Sentence
from app.widgets.sweep_grid import arrange
from profiler.analysis.validity import FITS_IN_CACHE
from profiler.records.run_record import CellRecord, CellStatus, Figures, RunRecord, RunStatus
from profiler.sweep.events import CellChanged
from profiler.units import rate_text, significant

_REVEALED_PX = 40

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
        self.matrix.current_changed.connect(self._on_current_changed)
        self._scroll = _SidewaysScroll(self.matrix)
        self.body.addWidget(self._scroll)
        self.body.addWidget(Sentence("colour: slower → faster · hatched: to come · ✕ failed · ▲ flagged", "muted", "small"))
        self._cells: tuple[CellRecord, ...] = ()
        self._across: str | None = None
        self._flags: dict[int, dict[str, str]] = {}
        self._places: dict[int, tuple[int, int]] = {}
        self._shown: dict[int, MatrixCell] = {}
        self._speeds: dict[int, float] = {}
        self._running: int | None = None

    def begin(self, cells: tuple[CellRecord, ...], across: str | None = None) -> None:
        """A sweep of these cells begins; `across` is the axis that a search goes along."""
        self._across = across
        whose = {each_of(cell) for cell in cells}
        self.set_title("Sweep", f"{whose.pop() if len(whose) == 1 else 'each answer'}'s tok/s")
        self._shown, self._speeds, self._flags, self._running = {}, {}, {}, None
        self.matrix.set_shape((), ())
        self._arrange(cells)

    def add(self, cell: CellRecord) -> None:
        """A search has come to a cell that was not there at the start; the others keep what they show."""
        self._arrange((*self._cells, cell))

    def _arrange(self, cells: tuple[CellRecord, ...]) -> None:
        """Lay these cells out; whichever the keyboard is at stays so, wherever it goes."""
        current = next((cell_id for cell_id, place in self._places.items() if place == self.matrix.current), None)
        self._cells = cells
        grid = arrange([cell.configuration for cell in cells], self._across)
        self._places = dict(zip((cell.cell_id for cell in cells), grid.positions, strict=True))
        for cell in cells:
            self._shown.setdefault(cell.cell_id, MatrixCell(_STATES[cell.status], sentence=cell.reason))
        place = self._places.get(current, (0, 0)) if current is not None else (0, 0)
        self.matrix.set_shape(grid.rows, grid.columns, grid.column_title, current=place)
        self._scroll.fit()
        self._show()

    def set_running(self, cell_id: int | None) -> None:
        """Ring this cell; None when no run is under way."""
        self._running = cell_id
        self._show()
        if cell_id in self._places:
            self._scroll.reveal(self._places[cell_id])

    def flag(self, run: RunRecord) -> None:
        """A run has ended: what casts doubt on it casts it on its cell, if it counts."""
        if run.status is RunStatus.DONE and run.is_valid:
            for flag in run.flags:
                name, _, sentence = flag.partition(": ")
                if name != FITS_IN_CACHE:  # it concerns the bandwidth only
                    self._flags.setdefault(run.cell_id, {})[name] = sentence

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
        flags = self._flags.get(cell_id, {})
        sentence = " ".join([sentence, *(f"▲ {name}: {told}" for name, told in flags.items())]).strip()
        self._shown[cell_id] = MatrixCell(
            _STATES[event.cell.status],
            "" if speed is None else significant(speed, 2),
            sentence=sentence,
            is_flagged=bool(flags),
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

    @Slot(int, int)
    def _on_current_changed(self, row: int, column: int) -> None:
        self._scroll.reveal((row, column))


class _SidewaysScroll(QScrollArea):
    """The matrix, scrolled sideways where it has more columns than there is room for; as high as it is."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__()
        self._matrix = matrix
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._canvas = QWidget()
        self._canvas.setProperty("look", "canvas")
        self._column = QVBoxLayout(self._canvas)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(matrix)
        self._column.addStretch(1)
        self.setWidget(self._canvas)

    def fit(self) -> None:
        """As high as the matrix, and the scroll bar where there is one; at once, so that a cell can be brought into view."""
        needed = self._matrix.minimumSizeHint()
        is_wide = needed.width() > self.viewport().width()
        bar_px = self.horizontalScrollBar().sizeHint().height() if is_wide else 0
        self.setFixedHeight(needed.height() + bar_px)
        self._canvas.resize(max(needed.width(), self.viewport().width()), needed.height())
        self._column.activate()

    def reveal(self, place: tuple[int, int]) -> None:
        """Bring a cell into view."""
        center = self._matrix.center_of(*place)
        self.ensureVisible(center.x(), center.y(), _REVEALED_PX, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """It may fit now, or no longer."""
        super().resizeEvent(event)
        self.fit()
