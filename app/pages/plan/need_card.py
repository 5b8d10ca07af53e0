"""The first card: what has to be served, and how fast."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QLineEdit

from app.pages.plan.form_card import Document, FormCard
from app.pages.plan.outlook import Outlook
from app.pages.plan.search_rows import SearchRows
from app.widgets.chips import Chips, Choice
from app.widgets.choice_field import ChoiceField
from app.widgets.form_row import FormRow
from app.widgets.number_field import RealField, WholeField
from app.widgets.sentence import Sentence
from profiler.plan.limits import LEAST_READING_TOK_S, MOST_FIRST_TOKEN_MS, MOST_READING_TOK_S, Limits
from profiler.plan.plan import Plan
from profiler.plan.use_case import CHAT, OWN, USE_CASES, UseCase, use_case_of

_SHARES = (("p50", "50 %"), ("p90", "90 %"), ("p95", "95 %"), ("p99", "99 %"), ("max", "100 %"))


class NeedCard(FormCard):
    """The use case, the users and the limits.

    Signals:
        load_wanted: a use case that was chosen also sets these fields of the load (a mapping of them).
    """

    load_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__("What do you need?")
        self._case = Chips([Choice(case.name, case.label, case.reason) for case in USE_CASES])
        self._case.setAccessibleName("Use case")
        self._case.chosen.connect(self._on_case_chosen)
        self._reason = Sentence(role="small")
        self.body.addWidget(self._case)
        self.body.addWidget(self._reason)

        self._users = WholeField(0, 1_000_000)
        self._users.setSpecialValueText("any number")
        self._users.setFixedWidth(124)
        self._users.valueChanged.connect(self.on_edited)
        self.add_row(
            FormRow("Users at once", self._users, term="How many people are to be served at the same time"), "need.users"
        )

        self._has_first_token = QCheckBox()
        self._has_first_token.setAccessibleName("Limit the first token")
        self._has_first_token.toggled.connect(self._on_toggled)
        self._first_token = RealField(0.001, MOST_FIRST_TOKEN_MS, "ms", 3)
        self._first_token.setSingleStep(100)
        self._first_token.setFixedWidth(100)
        self._first_token.valueChanged.connect(self.on_edited)
        self._share = ChoiceField(_SHARES)
        self._share.setAccessibleName("For this share of requests")
        self._share.currentIndexChanged.connect(self.on_edited)
        self._first_token_row = self.add_row(
            FormRow(
                "First token within",
                self._has_first_token,
                self._first_token,
                "for",
                self._share,
                "of requests",
                term="TTFT, time to first token, from when the request was due (ttft_ms)",
            )
        )

        self._has_reading = QCheckBox()
        self._has_reading.setAccessibleName("Limit the reading speed")
        self._has_reading.toggled.connect(self._on_toggled)
        self._reading = RealField(LEAST_READING_TOK_S, MOST_READING_TOK_S, "tok/s", 4)
        self._reading.setFixedWidth(100)
        self._reading.valueChanged.connect(self.on_edited)
        self.add_row(
            FormRow(
                "Each user reads at",
                self._has_reading,
                self._reading,
                "or more, for 95 % of requests",
                term="A limit on TPOT, the time per output token: 7 tok/s is tpot_ms.p95<=142.857. 7 tok/s is a fast reader",
            )
        )

        self._others = QLineEdit()
        self._others.setFixedWidth(240)
        self._others.setPlaceholderText("e2e_ms.p99<=5000")
        self._others.textEdited.connect(self.on_edited)
        self._others_row = self.add_row(
            FormRow("Other limits", self._others, term="Latency, percentile and milliseconds, separated by commas"), "need.slo"
        )
        self.search = SearchRows()
        self.search.edited.connect(self.on_edited)
        self.body.addWidget(self.search)
        self.register_row(self.search.row, "search.enabled", "search")
        self.register_row(self.search.confirm_row, "search.confirm_repetitions")
        self._show_fields(Limits.from_text(CHAT.slo), CHAT.users)
        self._choose(CHAT)

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's need."""
        self._show_fields(Limits.from_text(plan.need.slo), plan.need.users)
        self._choose(use_case_of(plan))
        self.search.show_search(plan.search)

    def show_outlook(self, outlook: Outlook) -> None:
        """Tell what a search amounts to."""
        self.search.show_outlook(outlook)

    def show_search_undecided(self) -> None:
        """The plan is not complete: nothing can be said of a search."""
        self.search.show_outlook(None)

    def follow(self, plan: Plan) -> None:
        """Fields that no longer are those of the use case make it the person's own; which it stays until another is chosen."""
        if self._case.value() != OWN.name and not self._chosen().fits(plan):
            self._choose(use_case_of(plan))

    def document(self) -> Document:
        """The need as it is typed."""
        limits = Limits(
            self._first_token.value() if self._has_first_token.isChecked() else None,
            self._share.value(),
            self._reading.value() if self._has_reading.isChecked() else None,
            self._others.text(),
        )
        need = {"slo": limits.to_text(), "users": self._users.value() or None}
        return {"need": need, "search": self.search.document()}

    def _chosen(self) -> UseCase:
        return next(case for case in USE_CASES if case.name == self._case.value())

    def _choose(self, case: UseCase) -> None:
        self._case.choose(case.name)
        self._reason.show_text(case.reason, "muted")
        self._show_others()

    def _show_fields(self, limits: Limits, users: int | None) -> None:
        """Fill the fields; a limit that is off keeps its field's last value for when it is switched on."""
        with self.showing():
            self._users.setValue(users or 0)
            self._has_first_token.setChecked(limits.first_token_ms is not None)
            self._first_token.setValue(limits.first_token_ms or self._first_token.value())
            self._share.choose(limits.first_token_statistic)
            self._has_reading.setChecked(limits.reading_tok_s is not None)
            self._reading.setValue(limits.reading_tok_s or self._reading.value())
            self._others.setText(limits.others)

    def _follow_switches(self) -> None:
        self._first_token.setEnabled(self._has_first_token.isChecked())
        self._share.setEnabled(self._has_first_token.isChecked())
        self._reading.setEnabled(self._has_reading.isChecked())

    def _show_others(self) -> None:
        self._others_row.setVisible(self._case.value() == OWN.name or bool(self._others.text()))

    @Slot()
    def _on_case_chosen(self) -> None:
        case = self._chosen()
        if case is not OWN:
            self._show_fields(Limits.from_text(case.slo), case.users)
        self._choose(case)
        if case.load:
            self.load_wanted.emit(case.load)
        self.edited.emit()

    @Slot()
    def _on_toggled(self) -> None:
        self._follow_switches()
        self.on_edited()
