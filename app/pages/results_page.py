"""What was measured: the answer, its evidence, every cell, and the ways on from there."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFileDialog, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.bridge.job import Job
from app.dialogs.export_question import ask_export
from app.pages.page import Page
from app.pages.results.answer_card import AnswerCard
from app.pages.results.breakdown_card import BreakdownCard
from app.pages.results.cell_columns import cell_columns
from app.pages.results.cell_selection import CellSelection, worth_a_look
from app.pages.results.copied_figures import copied_bars, copied_energy, copied_records, copied_roofline
from app.pages.results.curve_card import CurveCard
from app.pages.results.energy_card import EnergyCard
from app.pages.results.evidence_column import EVIDENCE
from app.pages.results.heatmap_card import HeatmapCard
from app.pages.results.nothing_open import NothingOpen
from app.pages.results.prediction_card import PredictionCard
from app.pages.results.roofline_card import RooflineCard
from app.pages.results.search_card import SearchCard
from app.pages.results.selection_side import SelectionSide
from app.pages.results.session_exporter import SessionExporter
from app.pages.results.session_words import subtitle_words, title_words
from app.pages.results.three_way_card import ThreeWayCard
from app.pages.results.timeline_card import TimelineCard
from app.pages.results.where_time_went_card import WhereTimeWentCard
from app.settings import Settings
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.copy_menu import CopyMenu
from app.widgets.page_header import PageHeader
from app.widgets.sentence import Sentence, Tone
from app.widgets.two_columns import GAP_PX, TwoColumns
from profiler.errors import InferometerError
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.answer_reasons import limit_reasons
from profiler.exchange.findings.roofline_reading import RooflineReading
from profiler.exchange.findings.session_view import CellView, SessionView, read_session
from profiler.plan.plan import Plan

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
        self._winner_id: int | None = None
        self._wanted: Path | None = None
        self._reading: Job | None = None
        self._exporter = SessionExporter(self)
        self._exporter.told.connect(self._tell)
        self._exporter.changed.connect(self._show_buttons)

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
        self.roofline.read.connect(self._on_roofline_read)
        self.heatmap = HeatmapCard()
        self.heatmap.cell_chosen.connect(self._on_point_chosen)
        self.breakdown = BreakdownCard()
        self.breakdown.failed.connect(self._on_failed)
        self.prediction = PredictionCard()
        self.prediction.failed.connect(self._on_failed)
        self.energy = EnergyCard()
        self.energy.failed.connect(self._on_failed)
        self.where_time_went = WhereTimeWentCard()
        self.where_time_went.failed.connect(self._on_failed)
        self.timeline = TimelineCard()
        self.timeline.failed.connect(self._on_failed)
        self.table: RecordTable[CellView] = RecordTable(())
        self.view = TableView(self.table, "Cells", several=True)
        self.selection = CellSelection(self.table, self.view)
        self.selection.changed.connect(self._on_chosen)
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
        self._copies = (
            CopyMenu(table_card, lambda: copied_records(self.view, "Cells")),
            CopyMenu(self.curve, self.curve.copied),
            CopyMenu(self.three_way, self.three_way.copied),
            CopyMenu(self.heatmap, self.heatmap.copied),
            CopyMenu(self.roofline, lambda: copied_roofline(self.roofline)),
            CopyMenu(self.prediction, lambda: copied_records(self.prediction.view, "Predicted and measured")),
            CopyMenu(self.energy, lambda: copied_energy(self.energy)),
            CopyMenu(self.breakdown, lambda: copied_bars(self.breakdown, self.breakdown.layers, self.breakdown.bars)),
            CopyMenu(self.where_time_went, lambda: copied_bars(self.where_time_went, self.where_time_went.bars)),
            CopyMenu(self.timeline, lambda: copied_records(self.timeline.requests, "Requests, the longest first")),
            *self.side.copies,
        )
        for copy in self._copies:
            copy.copied.connect(self._on_copied)
        main = _column(
            "Evidence",
            (self.search, 0),
            (self.curve, 3),
            (self.three_way, 0),
            (table_card, 2),
            (self.heatmap, 0),
            (self.where_time_went, 0),
            (self.timeline, 0),
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
            or self._exporter.is_busy
            or self.side.is_busy
            or self.roofline.is_busy
            or self.prediction.is_busy
            or self.energy.is_busy
            or self.breakdown.is_busy
            or self.where_time_went.is_busy
            or self.timeline.is_busy
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
        told = answer(view)
        self._winner_id = told.winner_id
        self.answer.show_answer(told)
        self.search.show_session(view)
        self.curve.show_session(view)
        self.three_way.show_session(view)
        self.heatmap.show_session(view)
        self.roofline.show_session(view)
        self.prediction.show_session(view)
        self.energy.show_price(self.settings.energy_price)
        self.energy.show_session(view)
        self.breakdown.show_session(view)
        self.where_time_went.show_session(view)
        self.timeline.show_session(view)
        kept = () if is_new else self.selection.ids
        columns = cell_columns(view.varying, view.cells, has_need=view.has_limits)
        self.table.show_records(view.cells, (*columns, EVIDENCE) if view.search is not None else columns)
        self.view.setMinimumHeight(self.view.height_of_rows(MOST_ROWS_IN_SIGHT))
        self._stack.setCurrentIndex(1)
        self.side.show_session(view)
        self.selection.choose([cell.cell_id for cell in view.cells if cell.cell_id in kept] or worth_a_look(view))
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

    @Slot(str)
    def _on_copied(self, sentence: str) -> None:
        self._tell(sentence, "muted")

    @Slot(object)
    def _on_roofline_read(self, found: RooflineReading) -> None:
        """What limits the cell that the answer names."""
        self.answer.show_limits(limit_reasons(found.cells.get(self._winner_id) if self._winner_id is not None else None))

    @Slot()
    def _on_chosen(self) -> None:
        self._show_selected()

    def _show_selected(self) -> None:
        """Have the charts and the card show the selected cells."""
        ids, current_cell = self.selection.ids, self.selection.current
        self.curve.show_selected(ids)
        self.three_way.show_selected(ids)
        self.heatmap.show_selected(ids, current_cell)
        self.roofline.show_cells(ids, current_cell)
        self.prediction.show_cell(current_cell)
        self.energy.show_cell(current_cell)
        self.breakdown.show_cell(current_cell)
        self.where_time_went.show_cell(current_cell)
        self.timeline.show_cell(current_cell)
        self.side.show_cells(self.selection.cells, current_cell)

    @Slot(int)
    def _on_point_chosen(self, cell_id: int) -> None:
        """With Ctrl it is chosen beside the others."""
        if QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier:
            self.selection.toggle(cell_id)
        else:
            self.selection.choose((cell_id,))

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
            self._exporter.export(self._view.path, *chosen)

    @Slot()
    def _show_buttons(self) -> None:
        is_open = self._view is not None
        self.again_button.setVisible(is_open)
        self.resume_button.setVisible(self._view is not None and self._view.is_unfinished)
        self.compare_button.setVisible(is_open)
        self.export_button.setVisible(is_open)
        self.export_button.setEnabled(not self._exporter.is_busy)

    @Slot(str, str)
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
