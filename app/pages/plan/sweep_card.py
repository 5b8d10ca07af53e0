"""The sweep beside the form: its matrix of cells, and what it will take held against what is here."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from app.pages.plan.outlook import Outlook
from app.pages.plan.search_ahead import SearchAhead
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.matrix import Matrix, MatrixCell
from app.widgets.sentence import Sentence, Tone
from app.widgets.sweep_grid import arrange
from profiler.records.axis import Configuration
from profiler.sweep.estimate import Estimate
from profiler.units import NOT_AVAILABLE, bytes_text, duration_text

MOST_CELLS_DRAWN = 400
_TALLEST_MATRIX_PX = 320


def rough_duration(seconds: float | None) -> str:
    """A stretch of time that is only a guess: 40 s, 3 min, 2 h."""
    if seconds is None:
        return NOT_AVAILABLE
    for step, below in ((5, 60), (30, 300), (60, 1800), (300, 7200), (1800, 36_000)):
        if seconds < below:
            return duration_text(max(step, round(seconds / step) * step))
    return duration_text(round(seconds / 3600) * 3600)


def spread_text(low_s: float, high_s: float) -> str:
    """Between what a guess lies, in one unit, since the column is narrow: "30 to 120 s", "1.5 to 7 min", "1 to 3.5 h"."""
    unit, unit_s = ("s", 1) if high_s < 180 else ("min", 60) if high_s < 7200 else ("h", 3600)
    low, high = (float(f"{seconds / unit_s:.2g}") for seconds in (low_s, high_s))
    return f"{low:g} to {high:g} {unit}"


class SweepCard(Card):
    """Cells, runs, time, memory and disk."""

    def __init__(self) -> None:
        super().__init__("Sweep")
        self.matrix = Matrix("Cells of the sweep")
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        canvas = QWidget()
        canvas.setProperty("look", "canvas")
        grid = QGridLayout(canvas)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.matrix, 0, 0, Qt.AlignmentFlag.AlignTop)
        self._area.setWidget(canvas)
        self._instead = Sentence("", "muted")
        self.body.addWidget(self._area)
        self.body.addWidget(self._instead)
        self._rows = FactRows(("estimate", "this plan", "here"))
        self.body.addWidget(self._rows)
        self.body.addStretch(1)
        self.show_nothing()

    def show_outlook(self, outlook: Outlook, disk_bytes: int | None = None) -> None:
        """Show what the plan amounts to; of the disk, `disk_bytes` where they are known better."""
        count, repetitions = len(outlook.cells), outlook.plan.trust.repetitions
        if not count or outlook.estimate is None:
            self.set_title("Sweep")
            self._show_words("This plan cannot be swept; the reason stands below.")
            self._rows.hide()
            return
        if outlook.search is not None:
            self._show_search(outlook, outlook.search, disk_bytes)
            return
        cells = "1 cell" if count == 1 else f"{count} cells"
        runs = "1 run" if repetitions == 1 else f"{repetitions} runs"
        self.set_title(f"Sweep: {cells} × {runs}")
        if count > MOST_CELLS_DRAWN:
            self._show_words(f"{count} cells are too many to be drawn here.")
        else:
            self._show_cells(outlook.cells, outlook.estimate)
        self._rows.show_facts(_facts(outlook, outlook.estimate, disk_bytes))
        self._rows.show()

    def _show_search(self, outlook: Outlook, search: SearchAhead, disk_bytes: int | None) -> None:
        """The ends of the ladder only: which cells between them will be measured, nobody knows yet."""
        who = "1 candidate" if search.candidates == 1 else f"{search.candidates} candidates"
        unit = "req/s" if search.axis == "rate" else "user" if search.high == 1 else "users"
        ends = f"{search.low:g}" if search.low == search.high else f"{search.low:g} to {search.high:g}"
        self.set_title(f"Search: {who}", f"{ends} {unit}")
        if len(search.cells) > MOST_CELLS_DRAWN:
            self._show_words(f"{search.candidates} candidates are too many to be drawn here.")
        else:
            self._show_cells(search.cells, search.estimate, "an end of the search")
        facts = _facts(outlook, outlook.estimate or search.estimate, disk_bytes)
        runs = Fact(
            "runs",
            f"about {search.runs}",
            term="A look at each candidate at the highest load, one for each halving, and the fresh runs of the best two; "
            "candidates that cannot win take fewer",
        )
        self._rows.show_facts([runs, *facts])
        self._rows.show()

    def show_nothing(self) -> None:
        """There is no complete plan."""
        self.set_title("Sweep")
        self._show_words("The cells appear here when the plan is complete.")
        self._rows.hide()

    def _show_words(self, sentence: str) -> None:
        self._instead.show_text(sentence, "muted")
        self._instead.show()
        self._area.hide()

    def _show_cells(self, cells: tuple[Configuration, ...], estimate: Estimate, told: str = "") -> None:
        grid = arrange(cells)
        self.matrix.set_shape(grid.rows, grid.columns, grid.column_title)
        for configuration, (row, column) in zip(cells, grid.positions, strict=True):
            reason = next((words for other, words in estimate.does_not_fit if other == configuration), "")
            cell = MatrixCell(figure="▲" if reason else "", sentence=f"will not fit: {reason}" if reason else told)
            self.matrix.set_cell(row, column, cell)
        needed_px = self.matrix.sizeHint().height() + 2
        self._area.setFixedHeight(min(needed_px + 8, _TALLEST_MATRIX_PX))
        self._area.show()
        self._instead.hide()


def _facts(outlook: Outlook, estimate: Estimate, disk_bytes: int | None) -> list[Fact]:
    """The estimate held against what is here."""
    spread = ""
    if estimate.seconds_low is not None and estimate.seconds_high is not None:
        spread = spread_text(estimate.seconds_low, estimate.seconds_high)
    memory, disk = estimate.memory_bytes, estimate.disk_bytes if disk_bytes is None else disk_bytes
    disk_free = outlook.disk_free_bytes
    return [
        Fact(
            "time",
            f"about {rough_duration(estimate.seconds)}",
            spread,
            term="From what such runs took here before; a rule of thumb where none was timed yet",
        ),
        Fact(
            "memory at the most",
            bytes_text(memory),
            "" if memory is None else f"of {bytes_text(outlook.memory_free_bytes)} free",
            _tone(memory, outlook.memory_free_bytes),
            "Weights, KV cache and buffers of the largest cell",
        ),
        Fact(
            "disk at the most" if disk_bytes is None else "disk",
            bytes_text(disk) if disk else "none",
            "" if not disk or disk_free is None else f"of {bytes_text(disk_free)} free",
            _tone(disk, disk_free),
            "Of the quantizations that are made; they are kept for later sweeps",
        ),
    ]


def _tone(needed: int | None, free: int | None) -> Tone:
    if needed is None or free is None:
        return "muted"
    return "met" if needed <= free else "caution"
