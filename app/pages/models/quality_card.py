"""How well the selected model and what was made from it predict a text, beside the best of them."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QPushButton

from app.pages.models.made_columns import QUALITY_COLUMNS
from app.pages.models.made_models import ModelState, ScoredModel
from app.pages.plan.quality_ahead import DEFAULT_TOKENS
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.elided_label import ElidedLabel
from app.widgets.form_row import FormRow
from app.widgets.number_field import WholeField
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence, set_tone

_MOST_ROWS = 10
_MOST_TOKENS = 10_000_000


class QualityCard(Card):
    """A table of figures, the budget and the text.

    Signals:
        measure_wanted: of all rows that are not known.
        text_changed: figures of another text are wanted.
    """

    measure_wanted = Signal()
    text_changed = Signal()

    def __init__(self) -> None:
        super().__init__("Quality")
        self.text: Path | None = None
        self._obstacle = ""
        self.measure_button = QPushButton("Measure all")
        self.measure_button.clicked.connect(self.measure_wanted)
        self.header.addWidget(self.measure_button)
        self.table = RecordTable(QUALITY_COLUMNS)
        self.view = TableView(self.table, "Quality of the model and its quantizations")
        self._about = Sentence(role="small")
        self.tokens = WholeField(1, _MOST_TOKENS, "tokens")
        self.tokens.setAccessibleName("Tokens to score with each model")
        self.tokens.setFixedWidth(124)
        self.tokens.setSingleStep(255)
        self.tokens.setValue(DEFAULT_TOKENS)
        self._of = ElidedLabel(least_px=80)
        set_tone(self._of, "muted")
        self.choose_button = QPushButton()
        self.choose_button.setProperty("look", "link")
        self.choose_button.clicked.connect(self._on_choose)
        self.body.addWidget(self.view)
        self.body.addWidget(self._about)
        self.body.addWidget(
            FormRow(
                "Score",
                self.tokens,
                self._of,
                self.choose_button,
                term="A budget: at most so many tokens, in windows of 512 of which the second half is scored",
            )
        )
        self._follow_text()

    @property
    def about(self) -> str:
        """What the figures are of."""
        return self._about.accessibleName()

    def show_looking(self, name: str) -> None:
        """Another model is looked at; nothing is known of it yet."""
        self.set_title("Quality", f"of {name}")
        self.table.show_records([])
        self.view.hide()
        self._about.show_text("")
        self._show_button()

    def show_state(self, state: ModelState) -> None:
        """Show what is known."""
        self.table.show_records(state.scored)
        self.view.setVisible(bool(state.scored))
        self.view.setFixedHeight(self.view.height_of_rows(_MOST_ROWS))
        self._about.show_text(_about(state), "muted")
        self._about.setVisible(bool(self._about.text()))
        self._show_button()

    def set_obstacle(self, obstacle: str) -> None:
        """Why nothing can be measured now, empty when it can."""
        self._obstacle = obstacle
        self._show_button()

    def _show_button(self) -> None:
        scored = self.table.records
        self.measure_button.setEnabled(bool(scored) and not self._obstacle)
        self.measure_button.setToolTip(plain_tip(self._obstacle or "What was measured with this budget before is known at once"))

    def _follow_text(self) -> None:
        self._of.show_text("of the text that ships" if self.text is None else f"of {self.text.name}")
        self.choose_button.setText("Another text…" if self.text is None else "The one that ships")
        self.choose_button.setAccessibleName("Choose another text" if self.text is None else "Score on the text that ships")

    @Slot()
    def _on_choose(self) -> None:
        if self.text is not None:
            self.text = None
        else:
            name, _ = QFileDialog.getOpenFileName(self, "Choose a text", "", "Texts (*.txt *.md *.raw);;All files (*)")
            if not name:
                return
            self.text = Path(name)
        self._follow_text()
        self.text_changed.emit()


def _about(state: ModelState) -> str:
    """Against which base and on which text; and what a base of few bits means."""
    base = state.base
    if base is None:
        return state.problem
    known: list[ScoredModel] = [each for each in state.scored if each.record is not None]
    with_what = f"{base.path.name} ({base.type}), the best file here"
    if not known:
        return f"Nothing was measured yet on {state.text_name}; the others would be compared with {with_what}."
    told = f"On {state.text_name}, compared with {with_what}."
    if len({each.record.tokens for each in known if each.record is not None}) > 1:
        told += " Figures over different numbers of tokens do not compare closely."
    return told
