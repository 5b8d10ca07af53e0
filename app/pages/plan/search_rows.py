"""The switch between measuring every cell and searching for the best, with what it will do."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app.pages.plan.form_card import as_sentence
from app.pages.plan.outlook import Outlook
from app.pages.plan.problems import in_form_words
from app.pages.plan.search_ahead import SearchAhead
from app.widgets.form_row import FormRow
from app.widgets.number_field import WholeField
from app.widgets.sentence import Sentence
from profiler.plan.plan import Plan, Search


class SearchRows(QWidget):
    """Two rows and a sentence.

    Signals:
        edited: the person changed something.
    """

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.switch = QCheckBox("instead of measuring every cell")
        self.switch.setAccessibleName("Search for the best instead of measuring every cell")
        self.switch.toggled.connect(self._on_toggled)
        self.confirm = WholeField(1, 1000)
        self.confirm.setFixedWidth(80)
        self.confirm.valueChanged.connect(self._on_edited)
        self._words = Sentence(role="small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.row = FormRow(
            "Search",
            self.switch,
            term="The ends of users or of the rate become bounds, between which the largest that meets the need is looked for",
        )
        self.confirm_row = FormRow(
            "Fresh runs",
            self.confirm,
            "of the winner and of the runner-up",
            term="Runs that took no part in the choice: the best of many noisy figures is too good to be true",
        )
        for widget in (self.row, self._words, self.confirm_row):
            layout.addWidget(widget)
        self._is_showing = False
        self.show_search(Search())

    @property
    def words(self) -> str:
        """What a search will do, or why it cannot."""
        return self._words.accessibleName()

    def show_search(self, search: Search) -> None:
        """Show the plan's fields."""
        self._is_showing = True
        self.switch.setChecked(search.enabled)
        self.confirm.setValue(search.confirm_repetitions)
        self._is_showing = False
        self._follow()

    def show_outlook(self, outlook: Outlook | None) -> None:
        """Tell what the search amounts to; None while the plan is not complete."""
        if outlook is None:
            self._words.show_text("What it will do is told when the plan is complete.", "muted")
        elif outlook.search_refusal:
            self._words.show_text(as_sentence(in_form_words(outlook.search_refusal)), "broken")
        elif outlook.search is not None:
            self._words.show_text(search_words(outlook.plan, outlook.search), "muted")

    def document(self) -> dict[str, object]:
        """The fields as they are set."""
        return {"enabled": self.switch.isChecked(), "confirm_repetitions": self.confirm.value()}

    def _follow(self) -> None:
        self.confirm_row.setVisible(self.switch.isChecked())
        self._words.setVisible(self.switch.isChecked())
        self._words.show_text("", "muted")

    @Slot()
    def _on_toggled(self) -> None:
        self._follow()
        self._on_edited()

    @Slot()
    def _on_edited(self) -> None:
        if not self._is_showing:
            self.edited.emit()


def search_words(plan: Plan, search: SearchAhead) -> str:
    """How a search goes, for the reader who thinks of switching it on."""
    who = "1 candidate" if search.candidates == 1 else f"{search.candidates} candidates"
    unit = "requests a second" if search.axis == "rate" else "users"
    ends = f"{search.low:g} {unit}" if search.low == search.high else f"{search.low:g} to {search.high:g} {unit}"
    goal = "the most that keeps to the limits" if plan.need.slo else "without limits, the load from which more gains little"
    return (
        f"{who}, {ends}: {goal}, found by halving in about {search.runs} runs; candidates that can no longer win are left out. "
        "The ends are never exceeded."
    )
