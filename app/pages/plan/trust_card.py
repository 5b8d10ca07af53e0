"""The last card: how often each cell runs, from which seed, for how long, and what the session is called."""

from PySide6.QtWidgets import QLineEdit

from app.pages.plan.form_card import Document, FormCard
from app.widgets.axis_field import AxisField
from app.widgets.form_row import FormRow
from app.widgets.number_field import WholeField
from profiler.plan.plan import Plan


class TrustCard(FormCard):
    """Repetitions, seed, budget and name."""

    def __init__(self) -> None:
        super().__init__("Trust")
        self._repetitions = WholeField(1, 1_000_000)
        self._repetitions.setFixedWidth(80)
        self._repetitions.valueChanged.connect(self.on_edited)
        self.add_row(
            FormRow(
                "Repeats",
                self._repetitions,
                "runs of each cell, in mixed order",
                term="From two on there are intervals; six make them narrow enough for most comparisons",
            ),
            "trust.repetitions",
        )
        self._seed = AxisField(120)
        self._budget = AxisField(120, "none")
        self.add_row(FormRow("Seed", self._seed, term="The same seed makes the same prompts in the same order"), "trust.seed")
        self.add_row(FormRow("Time budget", self._budget, "s, after which no further run starts"), "trust.budget")
        self._name = QLineEdit()
        self._name.setMinimumWidth(240)
        self.add_row(FormRow("Name", self._name, term="What the session is called"), "title")
        for field in (self._seed, self._budget, self._name):
            field.textEdited.connect(self.on_edited)

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's repeats and its name."""
        with self.showing():
            self._repetitions.setValue(plan.trust.repetitions)
        self._seed.setText(str(plan.trust.seed))
        self._budget.show_values(None if plan.trust.budget is None else (plan.trust.budget,))
        self._name.setText(plan.title)

    def suggest_name(self, name: str) -> None:
        """What the session is called while the person names nothing."""
        self._name.setPlaceholderText(name)

    def document(self) -> Document:
        """The values as they are typed."""
        trust = {
            "repetitions": self._repetitions.value(),
            "seed": self._seed.text().strip(),
            "budget": self._budget.text().strip() or None,
        }
        return {"trust": trust, "title": self._name.text().strip()}
