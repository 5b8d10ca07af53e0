"""The sweep beside the form: its matrix of cells, and what it will take held against what is here."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QWidget

from app.pages.plan.outlook import Outlook
from app.typeface import font
from app.widgets.card import Card
from app.widgets.matrix import Matrix, MatrixCell
from app.widgets.rule import Rule
from app.widgets.sentence import Sentence, Tone, marked, set_tone
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
    for step in (5, 10, 60, 300, 600, 1800):
        if seconds < 12 * step:
            return duration_text(max(step, round(seconds / step) * step))
    return duration_text(round(seconds / 3600) * 3600)


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
        self._rows = _EstimateRows()
        self.body.addWidget(self._rows)
        self.body.addStretch(1)
        self.show_nothing()

    def show_outlook(self, outlook: Outlook) -> None:
        """Show what the plan amounts to."""
        count, repetitions = len(outlook.cells), outlook.plan.trust.repetitions
        if not count or outlook.estimate is None:
            self.set_title("Sweep")
            self._show_words("This plan cannot be swept; the reason stands below.")
            self._rows.hide()
            return
        cells = "1 cell" if count == 1 else f"{count} cells"
        runs = "1 run" if repetitions == 1 else f"{repetitions} runs"
        self.set_title(f"Sweep: {cells} × {runs}")
        if count > MOST_CELLS_DRAWN:
            self._show_words(f"{count} cells are too many to be drawn here.")
        else:
            self._show_cells(outlook.cells, outlook.estimate)
        self._rows.show_estimate(outlook, outlook.estimate)

    def show_nothing(self) -> None:
        """There is no complete plan."""
        self.set_title("Sweep")
        self._show_words("The cells appear here when the plan is complete.")
        self._rows.hide()

    def _show_words(self, sentence: str) -> None:
        self._instead.show_text(sentence, "muted")
        self._instead.show()
        self._area.hide()

    def _show_cells(self, cells: tuple[Configuration, ...], estimate: Estimate) -> None:
        grid = arrange(cells)
        self.matrix.set_shape(grid.rows, grid.columns, grid.column_title)
        for configuration, (row, column) in zip(cells, grid.positions, strict=True):
            reason = next((words for other, words in estimate.does_not_fit if other == configuration), "")
            cell = MatrixCell(figure="▲" if reason else "", sentence=f"will not fit: {reason}" if reason else "")
            self.matrix.set_cell(row, column, cell)
        needed_px = self.matrix.sizeHint().height() + 2
        self._area.setFixedHeight(min(needed_px + 8, _TALLEST_MATRIX_PX))
        self._area.show()
        self._instead.hide()


class _EstimateRows(QWidget):
    """The table of estimates: what, for this plan, and against what is here."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(0, 1)
        self._values: dict[str, tuple[QLabel, QLabel]] = {}
        for column, text in enumerate(("estimate", "this plan", "here")):
            head = self._label(text)
            head.setFont(font("label"))
            set_tone(head, "muted")
            self._grid.addWidget(head, 0, column, Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft)
        for number, name in enumerate(("time", "memory at the most", "disk for quantizations"), 1):
            row = 2 * number
            self._grid.addWidget(Rule(), row - 1, 0, 1, 3)
            value, here = self._label(""), self._label("")
            for label in (value, here):
                label.setFont(font("body"))
            self._values[name] = (value, here)
            self._grid.addWidget(self._label(name), row, 0)
            self._grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(here, row, 2, Qt.AlignmentFlag.AlignRight)
        self.hide()

    @staticmethod
    def _label(text: str) -> QLabel:
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def show_estimate(self, outlook: Outlook, estimate: Estimate) -> None:
        """Fill the rows."""
        spread = ""
        if estimate.seconds_low is not None and estimate.seconds_high is not None:
            spread = f"{rough_duration(estimate.seconds_low)} to {rough_duration(estimate.seconds_high)}"
        self._show("time", f"about {rough_duration(estimate.seconds)}", spread, "muted")
        memory = estimate.memory_bytes
        fits = memory is not None and memory <= outlook.memory_free_bytes
        self._show(
            "memory at the most",
            bytes_text(memory),
            "" if memory is None else f"of {bytes_text(outlook.memory_free_bytes)} free",
            "met" if fits else "caution",
        )
        free, disk = outlook.disk_free_bytes, estimate.disk_bytes
        if disk == 0:
            self._show("disk for quantizations", "none", "", "muted")
        else:
            here = "" if free is None else f"of {bytes_text(free)} free"
            self._show("disk for quantizations", bytes_text(disk), here, "met" if free is None or disk <= free else "caution")
        self.show()

    def _show(self, name: str, value: str, here: str, tone: Tone) -> None:
        value_label, here_label = self._values[name]
        value_label.setText(value)
        value_label.setAccessibleName(f"{name}: {value}")
        here_label.setText(marked(here, tone))
        set_tone(here_label, tone)
