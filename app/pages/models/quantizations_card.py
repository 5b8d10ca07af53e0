"""The quantizations that were made from the selected model, what they really hold, and what can be done with them."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from app.pages.models.made_columns import MADE_COLUMNS, mix_text
from app.pages.models.made_models import MadeModel, ModelState
from app.pages.models.make_pane import MakePane
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.flow_layout import FlowLayout
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence, set_tone
from profiler.units import bytes_text

_MOST_ROWS = 8


class QuantizationsCard(Card):
    """A table, what the selected row is made of, and buttons.

    Signals:
        plan_wanted, quality_wanted, delete_wanted: for the selected rows.
        delete_all_wanted: for the whole cache.
        reading_wanted: the model's large file shall be read to its end, so that what was made from it can be told.
    """

    plan_wanted = Signal()
    quality_wanted = Signal()
    delete_wanted = Signal()
    delete_all_wanted = Signal()
    reading_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Quantizations")
        self._obstacle = ""
        self.make_button = QPushButton("Make…")
        self.make_button.setCheckable(True)
        self.make_button.toggled.connect(self._on_make_toggled)
        self.header.addWidget(self.make_button)
        self.pane = MakePane()
        self.pane.hide()
        self._nothing = Sentence("", "muted")
        self.read_button = QPushButton("Read the file now")
        self.read_button.clicked.connect(self.reading_wanted)
        self.table = RecordTable(MADE_COLUMNS)
        self.view = TableView(self.table, "Quantizations made from this model", several=True)
        self.view.chosen.connect(self._on_chosen)
        self.mix = Sentence(role="small")
        self.plan_button = QPushButton("Use in plan")
        self.quality_button = QPushButton("Measure quality")
        self.delete_button = QPushButton("Delete")
        self.plan_button.clicked.connect(self.plan_wanted)
        self.quality_button.clicked.connect(self.quality_wanted)
        self.delete_button.clicked.connect(self.delete_wanted)
        self._selected_buttons = (self.plan_button, self.quality_button, self.delete_button)
        self._cache = QLabel()
        set_tone(self._cache, "muted")
        self.delete_all_button = QPushButton("Delete all…")
        self.delete_all_button.setToolTip("Every quantization of every model")
        self.delete_all_button.clicked.connect(self.delete_all_wanted)
        left, right = QWidget(), QWidget()
        flow = QHBoxLayout(left)
        behind = QHBoxLayout(right)
        for row in (flow, behind):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
        for button in self._selected_buttons:
            flow.addWidget(button)
        behind.addWidget(self._cache)
        behind.addWidget(self.delete_all_button)
        bottom = QWidget()
        across = FlowLayout(bottom, spacing_px=8)
        across.addWidget(left)
        across.addWidget(right)
        for widget in (self.pane, self._nothing, self.read_button, self.view, self.mix, bottom):
            self.body.addWidget(widget)

    @property
    def selected(self) -> list[MadeModel]:
        """The selected rows."""
        return [self.table.record(row) for row in self.view.selected_rows()]

    @property
    def is_making(self) -> bool:
        """Whether the list of types to make is shown."""
        return not self.pane.isHidden()

    @property
    def nothing(self) -> str:
        """What is told instead of a table."""
        return self._nothing.accessibleName() if self._nothing.isVisibleTo(self) else ""

    def show_looking(self, name: str) -> None:
        """Another model is looked at; nothing is known of it yet."""
        self.set_title("Quantizations", f"of {name}")
        self.table.show_records([])
        self._show_table("")
        self.read_button.hide()

    def show_state(self, state: ModelState) -> None:
        """Show what there is."""
        before = [each.cached.path for each in self.selected]
        self.table.show_records(state.made)
        kept = [number for number, each in enumerate(state.made) if each.cached.path in before]
        self.view.select_rows(kept or ([0] if state.made else []))
        if not state.is_content_known:
            told = state.problem or (
                "What was made from this file is told by its content, and it is too large to be read without being asked."
            )
            self._show_table(told)
        else:
            self._show_table("Nothing was made from this model yet. “Make…” tells what each type would take.")
        self.read_button.setVisible(not state.is_content_known and not state.problem)
        self._cache.setText(f"Kept of all models: {bytes_text(state.cache_bytes)}" if state.cache_bytes else "")
        self.delete_all_button.setVisible(bool(state.cache_bytes))
        self._on_chosen()

    def set_obstacle(self, obstacle: str) -> None:
        """Why nothing long can be begun now, empty when it can."""
        self._obstacle = obstacle
        self.pane.set_obstacle(obstacle)
        self.read_button.setEnabled(not obstacle)
        self.delete_all_button.setEnabled(not obstacle)
        self._on_chosen()

    def _show_table(self, instead: str) -> None:
        has_rows = bool(self.table.records)
        self.view.setVisible(has_rows)
        self.view.setFixedHeight(self.view.height_of_rows(_MOST_ROWS))
        self._nothing.show_text("" if has_rows else instead, "muted")
        self._nothing.setVisible(not has_rows and bool(instead))
        for button in self._selected_buttons:
            button.setVisible(has_rows)

    def _show_mix(self, selected: Sequence[MadeModel]) -> None:
        told = mix_text(selected[0]) if len(selected) == 1 else ""
        self.mix.show_text(told, "muted")
        self.mix.setVisible(bool(told))

    @Slot()
    def _on_chosen(self) -> None:
        selected = self.selected
        self._show_mix(selected)
        if len(selected) > 1 and any(each.cached.imatrix_name is not None for each in selected):
            self.plan_button.setEnabled(False)
            self.plan_button.setToolTip("One that was made with an importance matrix is measured by itself: choose it alone")
        held = [each.cached.type for each in selected if each.cached.is_in_use]
        for button in self._selected_buttons:
            button.setEnabled(bool(selected))
            button.setToolTip("" if selected else "Choose a row first")
        if self._obstacle:
            self.quality_button.setEnabled(False)
            self.quality_button.setToolTip(plain_tip(self._obstacle))
        if held:
            self.delete_button.setEnabled(False)
            self.delete_button.setToolTip(plain_tip(f"{', '.join(held)} is being measured; delete it when the sweep has ended."))

    @Slot(bool)
    def _on_make_toggled(self, is_on: bool) -> None:
        self.pane.setVisible(is_on)
        self.make_button.setText("Close the list" if is_on else "Make…")
        if is_on:
            self.pane.asked.emit()
