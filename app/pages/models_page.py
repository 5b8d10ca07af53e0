"""What is on this computer: models with what they are, whether they fit, and the way to have one measured."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.bridge.job import Job
from app.pages.models.details_card import DetailsCard, PredictionCard
from app.pages.models.fit import free_memory, judged
from app.pages.models.library_search import SearchEnd, read, search
from app.pages.models.model_columns import MODEL_COLUMNS, ModelRow, grouped
from app.pages.models.model_desk import ModelDesk
from app.pages.models.speed_card import SpeedCard
from app.pages.page import Page
from app.settings import Settings
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.page_header import PageHeader
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence
from app.widgets.two_columns import GAP_PX, TwoColumns
from profiler.records.fingerprint import Fingerprint

_MOST_TOLD = 2
_FEWEST_LISTED, _MOST_LISTED = 3, 8
"""Rows of the list that are in sight without scrolling."""


class ModelsPage(Page):
    """The library.

    Signals:
        model_chosen: the person wants this file measured.
        types_chosen: the person wants a file (a path) measured as these types (a tuple).
    """

    TITLE = "Models"

    model_chosen = Signal(object)
    types_chosen = Signal(object, object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(settings, parent)
        self._search_job: Job | None = None
        self._wanted: Path | None = None
        self._header = PageHeader(self.TITLE)
        self.folder_button = QPushButton("Add folder…")
        self.scan_button = QPushButton()
        self.folder_button.clicked.connect(self._on_add_folder)
        self.scan_button.clicked.connect(self._on_scan)
        for button in (self.folder_button, self.scan_button):
            self._header.add(button)

        self.table = RecordTable(MODEL_COLUMNS)
        self.view = TableView(self.table, "Models on this computer")
        self.view.chosen.connect(self._on_chosen)
        self.view.activated.connect(self._on_measuring_wanted)
        self.search_field = QLineEdit()
        self.search_field.setPlaceholderText("name, architecture, type, place…")
        self.search_field.setAccessibleName("Search the models")
        self.search_field.setClearButtonEnabled(True)
        self.search_field.textChanged.connect(self._on_searched)
        self._nothing = Sentence("", "muted")
        self._nothing.hide()
        self._unreadable = Sentence(role="small")
        self._unreadable.hide()
        list_card = Card()
        list_card.setAccessibleName("Models on this computer")
        for widget in (self.search_field, self.view, self._nothing, self._unreadable):
            list_card.body.addWidget(widget)

        self.desk = ModelDesk()
        self.desk.types_chosen.connect(self.types_chosen)
        self.desk.hide()
        main = QWidget()
        main.setAccessibleName("Models and their quantizations")
        main_layout = QVBoxLayout(main)
        main_layout.setContentsMargins(0, 0, 0, 0)
        main_layout.setSpacing(GAP_PX)
        main_layout.addWidget(list_card)
        main_layout.addWidget(self.desk)
        main_layout.addStretch(1)
        self._fit_list()

        self.details, self.prediction, self.speed = DetailsCard(), PredictionCard(), SpeedCard()
        self.prediction.service_changed.connect(self._on_service_changed)
        self.prediction.measuring_wanted.connect(self._on_measuring_wanted)
        side = QWidget()
        side.setAccessibleName("The selected model")
        side_layout = QVBoxLayout(side)
        side_layout.setContentsMargins(0, 0, 0, 0)
        side_layout.setSpacing(GAP_PX)
        for card in (self.prediction, self.speed, self.details):
            side_layout.addWidget(card)
            card.hide()
        side_layout.addStretch(1)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self._header)
        layout.addWidget(TwoColumns(main, side, shares=(9, 4), side_px=360, narrow_px=820), 1)
        self._start_search()

    @property
    def is_searching(self) -> bool:
        """Whether a search is under way."""
        return self._search_job is not None

    def set_measuring(self, is_measuring: bool) -> None:
        """While a sweep is measured, nothing else may take the processor."""
        self.desk.set_measuring(is_measuring)
        self.speed.set_measuring(is_measuring)

    @Slot(object)
    def set_machine(self, machine: Fingerprint | None) -> None:
        """What the engine told of this machine: its GPUs count from now on."""
        self.prediction.machine = machine
        self._on_service_changed()

    def open_model(self, path: Path) -> None:
        """List, select and describe this file."""
        self._wanted = path
        if self._select(path):
            return
        job = Job(lambda line: read(path), self)
        job.succeeded.connect(self._on_found)
        job.ended.connect(job.deleteLater)
        job.start()

    def _start_search(self) -> None:
        folders = self.settings.library_folders
        self._search_job = Job(lambda line: search(line, folders), self)
        self._search_job.item_found.connect(self._on_found)
        self._search_job.progressed.connect(self._on_progressed)
        self._search_job.succeeded.connect(self._on_searched_all)
        self._search_job.ended.connect(self._on_search_ended)
        self._search_job.start()
        self._header.show_text(self.TITLE, "looking…")
        self._show_scan_button()

    def _show_scan_button(self) -> None:
        self.scan_button.setText("Stop the search" if self.is_searching else "Search again")

    def _select(self, path: Path) -> bool:
        """Select a file's row; returns whether there is one."""
        row = next((number for number, known in enumerate(self.table.records) if known.path == path), None)
        if row is None:
            return False
        if row not in self.view.selected_rows():
            self.search_field.clear()
            self.view.select_rows([row])
        self._wanted = None
        return True

    def _fit_list(self) -> None:
        """As high as the files need, so that what belongs to the selected one is in sight."""
        count = max(_FEWEST_LISTED, min(len(self.table.records), _MOST_LISTED))
        row_px = self.view.verticalHeader().defaultSectionSize()
        # The search may hide rows: the height stays as it is then.
        self.view.setFixedHeight(self.view.height_of_rows(0) + count * row_px)

    def _group(self) -> None:
        """Mark the files that are one model."""
        self.table.show_records(grouped(self.table.records))
        self._on_chosen()

    def _selected(self) -> ModelRow | None:
        rows = self.view.selected_rows()
        return self.table.record(rows[0]) if rows else None

    @Slot(object)
    def _on_found(self, found: ModelRow) -> None:
        row = judged(found, self.prediction.service, free_memory(self.prediction.machine))
        known = next((number for number, other in enumerate(self.table.records) if other.path == found.path), None)
        if known is None:
            known = self.table.add(row)
            self._fit_list()
        else:
            self.table.replace(known, row)
        if not self.is_searching:
            self._group()
        if self._wanted == found.path:
            self._select(found.path)
        elif not self.view.selected_rows():
            self.view.select_rows([0])
        elif known in self.view.selected_rows():
            self._on_chosen()

    @Slot(str, object)
    def _on_progressed(self, sentence: str, share: object) -> None:
        self._header.show_text(self.TITLE, f"looking… {sentence}")

    @Slot(object)
    def _on_searched_all(self, end: SearchEnd) -> None:
        told = [sentence for _, sentence in end.unreadable]
        if end.without_sample:
            told.insert(0, end.without_sample)
        more = f" And {len(told) - _MOST_TOLD} more." if len(told) > _MOST_TOLD else ""
        self._unreadable.show_text(
            " ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in told[:_MOST_TOLD]) + more, "caution"
        )
        self._unreadable.setToolTip(plain_tip("\n".join(told)))
        self._unreadable.setVisible(bool(told))

    @Slot()
    def _on_search_ended(self) -> None:
        assert self._search_job is not None
        self._search_job.deleteLater()
        self._search_job = None
        self._group()
        count = len(self.table.records)
        self._header.show_text(self.TITLE, "1 on this computer" if count == 1 else f"{count} on this computer")
        self._nothing.show_text("No model was found. Add a folder that holds GGUF files, or drop a file on the window.", "muted")
        self._nothing.setVisible(count == 0)
        self._show_scan_button()

    @Slot()
    def _on_scan(self) -> None:
        if self._search_job is not None:
            self._search_job.cancel()
            return
        self.table.show_records([])
        self._fit_list()
        self._start_search()

    @Slot()
    def _on_add_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add a folder with models")
        if name:
            self.settings.library_folders = tuple(dict.fromkeys((*self.settings.library_folders, Path(name))))
            if self._search_job is None:
                self._on_scan()

    @Slot(str)
    def _on_searched(self, text: str) -> None:
        self.view.search(text)

    @Slot()
    def _on_chosen(self) -> None:
        row = self._selected()
        for card in (self.prediction, self.details):
            card.setVisible(row is not None)
            if row is not None:
                card.show_model(row)
        is_readable = row is not None and row.description is not None
        self.speed.setVisible(is_readable)
        if row is not None and row.description is not None:
            self.speed.show_model(row.description, self.prediction.service)
        self.desk.setVisible(is_readable)
        if row is not None and is_readable:
            siblings = [each for each in self.table.records if each.path in row.same_model]
            self.desk.show_model(row, siblings, self.prediction.service)

    @Slot()
    def _on_service_changed(self) -> None:
        free = free_memory(self.prediction.machine)
        self.table.show_records([judged(row, self.prediction.service, free) for row in self.table.records])
        self._on_chosen()

    @Slot()
    def _on_measuring_wanted(self) -> None:
        row = self._selected()
        if row is not None and row.description is not None:
            self.model_chosen.emit(row.path)
