"""What was measured: the answer, its evidence, every cell, and the ways on from there."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.bridge.job import Job
from app.dialogs.export_question import ask_export
from app.pages.page import Page
from app.pages.results.answer_card import AnswerCard
from app.pages.results.breakdown_card import BreakdownCard
from app.pages.results.cell_columns import cell_columns
from app.pages.results.curve_card import CurveCard
from app.pages.results.energy_card import EnergyCard
from app.pages.results.evidence_column import EVIDENCE
from app.pages.results.nothing_open import NothingOpen
from app.pages.results.prediction_card import PredictionCard
from app.pages.results.roofline_card import RooflineCard
from app.pages.results.search_card import SearchCard
from app.pages.results.selection_side import MOST_COMPARED, SelectionSide
from app.pages.results.session_words import subtitle_words, title_words
from app.pages.results.three_way_card import ThreeWayCard
from app.settings import Settings
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.page_header import PageHeader
from app.widgets.sentence import Sentence, Tone
from app.widgets.two_columns import GAP_PX, TwoColumns
from profiler.errors import InferometerError
from profiler.exchange.findings.answer import answer, most_output
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.policy_comparison import compared_cells
from profiler.exchange.findings.session_view import CellView, SessionView, read_session
from profiler.exchange.formats import Format
from profiler.plan.plan import Plan
from profiler.session.reader import SessionReader

MOST_ROWS_IN_SIGHT = 8
"""A longer table scrolls within its card."""


class ResultsPage(Page):
    """One session.

    Signals:
        plan_requested: the person wants the same plan run again.
        session_opened: this session was readable and is shown.
        resume_requested: the person wants the rest of this sweep measured: its plan and its file.
        compare_wanted: the person wants this session (a path) held against another.
        plan_wanted: nothing is open and the person wants to measure something.
    """

    TITLE = "Results"

    plan_requested = Signal(object)
    session_opened = Signal(object)
    plan_wanted = Signal()
    resume_requested = Signal(object, object)
    compare_wanted = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(settings, parent)
        self._view: SessionView | None = None
        self._wanted: Path | None = None
        self._reading: Job | None = None
        self._exporting: Job | None = None

        self._header = PageHeader(self.TITLE)
        self.open_button = QPushButton("Open…")
        self.again_button = QPushButton("Run again")
        self.resume_button = QPushButton("Resume")
        self.compare_button = QPushButton("Compare")
        self.export_button = QPushButton("Export…")
        self.export_button.setProperty("look", "primary")
        self.again_button.setToolTip("Show the plan of this session, with its seeds, ready to start")
        self.open_button.clicked.connect(self._on_open)
        self.again_button.clicked.connect(self._on_again)
        self.export_button.clicked.connect(self._on_export)
        self.resume_button.setToolTip("Measure what is missing of this sweep; the runs that have ended are kept")
        self.resume_button.clicked.connect(self._on_resume)
        self.compare_button.setToolTip("Hold this session against another one, or against the pinned baseline")
        self.compare_button.clicked.connect(self._on_compare)
        for button in (self.open_button, self.again_button, self.resume_button, self.compare_button, self.export_button):
            self._header.add(button)
        self._message = Sentence()
        self._message.hide()

        self.nothing = NothingOpen()
        self.nothing.plan_wanted.connect(self.plan_wanted)
        self.nothing.session_wanted.connect(self.open_session)
        self.answer = AnswerCard()
        self.search = SearchCard()
        self.three_way = ThreeWayCard()
        self.three_way.cell_chosen.connect(self._on_point_chosen)
        self.curve = CurveCard()
        self.curve.cell_chosen.connect(self._on_point_chosen)
        self.roofline = RooflineCard()
        self.roofline.cell_chosen.connect(self._on_point_chosen)
        self.roofline.failed.connect(self._on_failed)
        self.breakdown = BreakdownCard()
        self.breakdown.failed.connect(self._on_failed)
        self.prediction = PredictionCard()
        self.prediction.failed.connect(self._on_failed)
        self.energy = EnergyCard()
        self.energy.failed.connect(self._on_failed)
        self.table: RecordTable[CellView] = RecordTable(())
        self.view = TableView(self.table, "Cells", several=True)
        self.view.chosen.connect(self._on_chosen)
        self.side = SelectionSide()
        self.side.failed.connect(self._on_failed)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.nothing)
        self._stack.addWidget(self._content())

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self._header)
        layout.addWidget(self._message)
        layout.addWidget(self._stack, 1)
        self._show_buttons()

    def _content(self) -> QWidget:
        """The cards of an open session."""
        table_card = Card("Cells")
        table_card.set_title("Cells", "choose up to four to see their distributions")
        table_card.body.addWidget(self.view)
        main = _column(
            "Evidence",
            (self.search, 0),
            (self.curve, 3),
            (self.three_way, 0),
            (table_card, 2),
            (self.roofline, 0),
            (self.prediction, 0),
            (self.energy, 0),
            (self.breakdown, 0),
        )
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self.answer)
        layout.addWidget(TwoColumns(main, self.side, shares=(3, 2), side_px=360, narrow_px=1000), 1)
        return content

    @Slot(object)
    def open_session(self, path: Path) -> None:
        """Show this session, or tell why not."""
        self._wanted = path
        self._message.hide()
        self._read()

    @Slot()
    def refresh(self) -> None:
        """The open session's file has new figures."""
        if self._view is not None and self._wanted is None:
            self._wanted = self._view.path
            self._read()

    def set_measuring(self, is_measuring: bool) -> None:
        """While a sweep is measured, nothing else may take the processor."""
        self.breakdown.set_measuring(is_measuring)
        self.resume_button.setEnabled(not is_measuring)

    @property
    def session(self) -> SessionView | None:
        """What is shown."""
        return self._view

    @property
    def is_busy(self) -> bool:
        """Whether something is being read or written."""
        return (
            self._reading is not None
            or self._exporting is not None
            or self.side.is_busy
            or self.roofline.is_busy
            or self.prediction.is_busy
            or self.energy.is_busy
            or self.breakdown.is_busy
        )

    @property
    def message(self) -> str:
        """What is told under the header, empty when nothing is."""
        return self._message.accessibleName() if self._message.isVisibleTo(self) else ""

    def _read(self) -> None:
        """Read the wanted session; one at a time, the one that was wanted last."""
        path = self._wanted
        if path is None or self._reading is not None:
            return
        self._wanted = None
        self._reading = Job(lambda line: read_session(path), self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self._on_failed)
        self._reading.ended.connect(self._on_reading_ended)
        self._reading.start()

    @Slot(object)
    def _on_read(self, view: SessionView) -> None:
        is_new = self._view is None or self._view.path != view.path
        self._view = view
        self._header.show_text(title_words(view), subtitle_words(view))
        self.answer.show_answer(answer(view))
        self.search.show_session(view)
        self.curve.show_session(view)
        self.three_way.show_session(view)
        self.roofline.show_session(view)
        self.prediction.show_session(view)
        self.energy.show_price(self.settings.energy_price)
        self.energy.show_session(view)
        self.breakdown.show_session(view)
        kept = [] if is_new else self._selected_ids()
        columns = cell_columns(view.varying, view.cells, has_need=view.has_limits)
        self.table.show_records(view.cells, (*columns, EVIDENCE) if view.search is not None else columns)
        self.view.setMinimumHeight(self.view.height_of_rows(MOST_ROWS_IN_SIGHT))
        self._stack.setCurrentIndex(1)
        self.side.show_session(view)
        chosen = [row for row, cell in enumerate(view.cells) if cell.cell_id in kept] or _worth_a_look(view)
        self.view.select_rows(chosen)
        self._show_selected()
        self._show_buttons()
        if is_new:
            self.session_opened.emit(view.path)

    @Slot()
    def _on_reading_ended(self) -> None:
        assert self._reading is not None
        self._reading.deleteLater()
        self._reading = None
        self._read()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._tell(sentence, "broken")

    def _selected_ids(self) -> tuple[int, ...]:
        return tuple(self.table.record(row).cell_id for row in self.view.selected_rows())

    @Slot()
    def _on_chosen(self) -> None:
        self._show_selected()

    def _show_selected(self) -> None:
        """Have the charts and the card show the selected cells."""
        rows = self.view.selected_rows()
        self.curve.show_selected(self._selected_ids())
        self.three_way.show_selected(self._selected_ids())
        current = self.view.current_row()
        shown = current if current in rows else rows[0] if rows else None
        current_cell = None if shown is None else self.table.record(shown)
        self.roofline.show_cells(self._selected_ids(), current_cell)
        self.prediction.show_cell(current_cell)
        self.energy.show_cell(current_cell)
        self.breakdown.show_cell(current_cell)
        self.side.show_cells([self.table.record(row) for row in rows], current_cell)

    @Slot(int)
    def _on_point_chosen(self, cell_id: int) -> None:
        row = next(number for number, cell in enumerate(self.table.records) if cell.cell_id == cell_id)
        self.view.select_rows([row])

    @Slot()
    def _on_open(self) -> None:
        folder = str(self._view.path.parent if self._view else self.settings.sessions_folder)
        name, _ = QFileDialog.getOpenFileName(self, "Open a session", folder, "Sessions (*.inferometer);;All files (*)")
        if name:
            self.open_session(Path(name))

    @Slot()
    def _on_resume(self) -> None:
        assert self._view is not None  # the button is off without a session
        self._with_plan(lambda plan: self.resume_requested.emit(plan, self._view.path if self._view else Path()))

    @Slot()
    def _on_compare(self) -> None:
        assert self._view is not None  # the button is off without a session
        self.compare_wanted.emit(self._view.path)

    @Slot()
    def _on_again(self) -> None:
        self._with_plan(self.plan_requested.emit)

    def _with_plan(self, use: Callable[[Plan], object]) -> None:
        """Have the session's plan used, or tell why it cannot be."""
        assert self._view is not None  # the buttons are off without a session
        try:
            use(Plan.from_document(self._view.plan))
        except InferometerError as error:
            self._tell(f"The plan of this session cannot be used here: {error.sentence}", "broken")

    @Slot()
    def _on_export(self) -> None:
        assert self._view is not None  # the button is off without a session
        chosen = ask_export(self, self._view.path)
        if chosen is not None:
            self._export(self._view.path, *chosen)

    def _export(self, session: Path, item: Format, target: Path) -> None:
        def work(line: object) -> tuple[Path, Sequence[str]]:
            with SessionReader.open(session) as reader:
                return target, item.export(reader, target, force=target.exists()) or ()

        self._exporting = Job(work, self)
        self._exporting.succeeded.connect(self._on_exported)
        self._exporting.failed.connect(self._on_failed)
        self._exporting.ended.connect(self._on_exporting_ended)
        self._exporting.start()
        self._tell(f"Exporting to {target.name}…", "muted")
        self._show_buttons()

    @Slot(object)
    def _on_exported(self, outcome: tuple[Path, Sequence[str]]) -> None:
        target, remarks = outcome
        self._tell(" ".join([f"Exported to {target}.", *remarks]), "met")

    @Slot()
    def _on_exporting_ended(self) -> None:
        assert self._exporting is not None
        self._exporting.deleteLater()
        self._exporting = None
        self._show_buttons()

    def _show_buttons(self) -> None:
        is_open = self._view is not None
        self.again_button.setVisible(is_open)
        self.resume_button.setVisible(self._view is not None and self._view.is_unfinished)
        self.compare_button.setVisible(is_open)
        self.export_button.setVisible(is_open)
        self.export_button.setEnabled(self._exporting is None)

    def _tell(self, sentence: str, tone: Tone) -> None:
        self._message.show_text(sentence, tone)
        self._message.show()

    def event(self, event: QEvent) -> bool:
        """Back from the preferences, the price of energy may be another."""
        if event.type() == QEvent.Type.WindowActivate:
            self.energy.show_price(self.settings.energy_price)
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        """The list of recent sessions may have grown meanwhile, and the price of energy may be another."""
        super().showEvent(event)
        self.energy.show_price(self.settings.energy_price)
        self.nothing.show_recent(self.settings.recent_sessions)


def _column(name: str, *cards: tuple[QWidget, int]) -> QWidget:
    """Cards below each other with their shares of the height."""
    column = QWidget()
    column.setAccessibleName(name)
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GAP_PX)
    for card, share in cards:
        layout.addWidget(card, share)
    return column


def _worth_a_look(view: SessionView) -> Sequence[int]:
    """The rows that are selected first: the cells that the answer is about, else the one with most output."""
    rows = {cell.cell_id: row for row, cell in enumerate(view.cells)}
    if view.search is not None and view.search.confirmed_ids:
        return [rows[cell_id] for cell_id in view.search.confirmed_ids if cell_id in rows][:MOST_COMPARED]
    if compared := compared_cells(view):
        # Of a mix the extremes: each cell has a curve for each of its classes.
        shown = (compared[0], compared[-1]) if compared[0].classes else compared
        return [rows[cell.cell_id] for cell in shown]
    if view.need_users is not None:
        served = [cell for cell in view.measured if cell.users == view.need_users]
        if served:
            return [rows[cell.cell_id] for cell in served[:MOST_COMPARED]]
    best = most_output([cell for cell in view.measured if cell.verdict is Verdict.MET]) or most_output(view.measured)
    if best is not None:
        return [rows[best.cell_id]]
    return [0] if view.cells else []
