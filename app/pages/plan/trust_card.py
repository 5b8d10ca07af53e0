"""The last card: how often each cell runs, from which seed, for how long, and what the session is called."""

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLineEdit

from app.pages.plan.form_card import Document, FormCard
from app.widgets.axis_field import AxisField
from app.widgets.form_row import FormRow
from app.widgets.number_field import RealField, WholeField
from profiler.plan.plan import Plan


class TrustCard(FormCard):
    """Repetitions, seed, budget and name."""

    def __init__(self) -> None:
        super().__init__("Trust")
        self._repetitions = WholeField(1, 1_000_000)
        self._repetitions.setFixedWidth(80)
        self._repetitions.valueChanged.connect(self.on_edited)
        self._repetitions_row = self.add_row(
            FormRow(
                "Repeats",
                self._repetitions,
                "runs of each cell, in mixed order",
                term="From two on there are intervals; six make them narrow enough for most comparisons",
            ),
            "trust.repetitions",
        )
        self._target = RealField(0.0001, 100, "%", 4)
        self._target.setFixedWidth(90)
        self._target.valueChanged.connect(self.on_edited)
        self._target_row = self.add_row(
            FormRow(
                "Close enough",
                "±",
                self._target,
                "ends a cell that has six runs",
                term="Half the width of the 95 % interval; a cell whose figures are so well known is measured no further",
            ),
            "trust.target_percent",
        )
        self._seed = AxisField(120)
        self._budget = AxisField(120, "none")
        self.add_row(FormRow("Seed", self._seed, term="The same seed makes the same prompts in the same order"), "trust.seed")
        self.add_row(FormRow("Time budget", self._budget, "s, after which no further run starts"), "trust.budget")
        self._most = AxisField(120, "30")
        self._most_row = self.add_row(
            FormRow(
                "Repeats, at the most",
                self._most,
                "of a cell on which the answer hangs",
                term="While the time budget lasts, cells that may be the best or are close to a limit are measured further",
            ),
            "trust.most_repetitions",
        )
        self._name = QLineEdit()
        self._name.setMinimumWidth(240)
        self.add_row(FormRow("Name", self._name, term="What the session is called"), "title")
        for field in (self._seed, self._budget, self._most, self._name):
            field.textEdited.connect(self.on_edited)
        self._budget.textChanged.connect(self._follow_budget)
        self._is_searching = False
        self._follow_budget()

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's repeats and its name."""
        with self.showing():
            self._repetitions.setValue(plan.trust.repetitions)
            self._target.setValue(plan.trust.target_percent)
        self._seed.setText(str(plan.trust.seed))
        self._budget.show_values(None if plan.trust.budget is None else (plan.trust.budget,))
        most = plan.trust.most_repetitions
        self._most.show_values(None if most is None else (most,))
        self._name.setText(plan.title)

    def follow(self, plan: Plan) -> None:
        """A search repeats what it needs to; the fields of a full sweep keep their values meanwhile."""
        self._is_searching = plan.search.enabled
        for row in (self._repetitions_row, self._target_row):
            row.setVisible(not self._is_searching)
        self._follow_budget()

    def suggest_name(self, name: str) -> None:
        """What the session is called while the person names nothing."""
        self._name.setPlaceholderText(name)

    def document(self) -> Document:
        """The values as they are typed."""
        trust = {
            "repetitions": self._repetitions.value(),
            "seed": self._seed.text().strip(),
            "budget": self._budget.text().strip() or None,
            "target_percent": self._target.value(),
            "most_repetitions": self._most.text().strip() or None,
        }
        return {"trust": trust, "title": self._name.text().strip()}

    @Slot()
    def _follow_budget(self) -> None:
        has_more = bool(self._budget.text().strip() or self._most.text().strip())
        self._most_row.setVisible(has_more and not self._is_searching)
