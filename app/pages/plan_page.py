"""What shall be measured: the form, and beside it what it amounts to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QVBoxLayout, QWidget

from app.bridge.job import Job
from app.pages.models.offer_inquiry import OfferInquiry
from app.pages.page import Page
from app.pages.plan.engine_card import EngineCard
from app.pages.plan.first_plan import FIRST_PLAN
from app.pages.plan.form_card import as_sentence
from app.pages.plan.load_card import LoadCard
from app.pages.plan.models_card import ModelsCard
from app.pages.plan.need_card import NeedCard
from app.pages.plan.notes_card import NotesCard
from app.pages.plan.outlook import Note, Outlook, disk_notes, look_ahead
from app.pages.plan.problems import field_words, in_form_words, placed
from app.pages.plan.serving_card import ServingCard
from app.pages.plan.sweep_card import SweepCard, rough_duration
from app.pages.plan.trust_card import TrustCard
from app.settings import Settings
from app.widgets.card import Card
from app.widgets.page_header import PageHeader
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence, Tone
from app.widgets.two_columns import GAP_PX, TwoColumns
from profiler.errors import InferometerError
from profiler.hardware.cpu import default_threads
from profiler.models.sample import sample_model_path
from profiler.plan.plan import SAMPLE_MODEL, Load, Plan, field_problems
from profiler.plan.plan_file import load_plan, save_plan
from profiler.plan.sample_plans import SamplePlan, sample_plans
from profiler.plan.words import in_words, title_of

DEBOUNCE_MS = 150
"""Between an edit and the look at the models' files, so that typing a number is one look."""


class PlanPage(Page):
    """The form of the plan.

    Signals:
        start_requested: the person wants this plan measured now.
    """

    TITLE = "Plan"

    start_requested = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(settings, parent)
        self._plan: Plan | None = None
        self._problems: dict[str, str] = {}
        self._outlook: Outlook | None = None
        self._is_measuring = False
        self._job: Job | None = None
        self._asking = OfferInquiry(self)
        self._asking.changed.connect(self._on_offers_changed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._look_ahead)

        self._header = PageHeader(self.TITLE)
        self.samples_button = QPushButton("Sample plans")
        self._offer_samples(sample_plans())
        self.open_button = QPushButton("Open plan…")
        self.save_button = QPushButton("Save plan…")
        self.start_button = QPushButton()
        self.start_button.setProperty("look", "primary")
        self.open_button.clicked.connect(self._on_open)
        self.save_button.clicked.connect(self._on_save)
        self.start_button.clicked.connect(self.start)
        for button in (self.samples_button, self.open_button, self.save_button, self.start_button):
            self._header.add(button)
        self._message = Sentence()
        self._message.hide()

        self.need, self.models, self.load = NeedCard(), ModelsCard(), LoadCard()
        self.serving, self.engine, self.trust = ServingCard(), EngineCard(default_threads()), TrustCard()
        self._cards = (self.need, self.models, self.load, self.serving, self.engine, self.trust)
        for card in self._cards:
            card.edited.connect(self._on_edited)
        self.need.load_wanted.connect(self._on_load_wanted)
        self.models.quantizations.unfolded.connect(self._ask_for_offers)
        self.words = Sentence(role="statement")
        words_card = Card("In words")
        words_card.body.addWidget(self.words)
        self.sweep, self.notes = SweepCard(), NotesCard()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(GAP_PX)
        layout.addWidget(self._header)
        layout.addWidget(self._message)
        main = _column("The plan", *self._cards)
        side = _column("What it amounts to", words_card, self.sweep, self.notes)
        layout.addWidget(TwoColumns(main, side, shares=(9, 5), side_px=398, narrow_px=820), 1)
        self.set_plan(self._remembered())

    def set_plan(self, plan: Plan) -> None:
        """Show this plan."""
        for card in self._cards:
            card.show_plan(plan)
        self._on_edited()

    def set_model(self, path: Path, quantizations: Sequence[str] = ()) -> None:
        """Measure this model instead of those of the plan; as these types where some are named."""
        name = SAMPLE_MODEL if _is_sample(path) else str(path)
        plan = self._plan or FIRST_PLAN
        update = {"paths": (name,), **({"quant": tuple(quantizations)} if quantizations else {})}
        self.set_plan(plan.model_copy(update={"models": plan.models.model_copy(update=update)}))

    def open_plan_file(self, path: Path, name: str = "") -> None:
        """Show the plan in this file, or tell why not; by another name than the file's where one is given."""
        name = name or path.name
        try:
            plan = load_plan(path)
        except InferometerError as error:
            self._tell(f"{name} was not opened. {as_sentence(error.sentence)}", "broken")
            return
        self.set_plan(plan)
        self._tell(f"{name} was opened.", "met")

    def save_plan_file(self, path: Path) -> None:
        """Write the plan to this file, or tell why not."""
        assert self._plan is not None  # the button is off without one
        try:
            save_plan(self._plan, path)
        except InferometerError as error:
            self._tell(as_sentence(error.sentence), "broken")
            return
        self._tell(f"Saved as {path.name}.", "met")

    def set_measuring(self, is_measuring: bool) -> None:
        """Nothing can be started while a sweep runs."""
        self._is_measuring = is_measuring
        if is_measuring:
            self._asking.cancel()  # what it takes of the processor would show in the figures
        else:
            self._ask_for_offers()
        self._show_start()

    @Slot()
    def start(self) -> None:
        """What the Start button does; nothing while the plan cannot be started."""
        if self._plan is None or self._obstacle():
            return
        named = self._plan if self._plan.title else self._plan.model_copy(update={"title": title_of(self._plan)})
        self.start_requested.emit(named)

    @property
    def plan(self) -> Plan | None:
        """The plan as it stands; None while a field of it makes no sense."""
        return self._plan

    @property
    def outlook(self) -> Outlook | None:
        """What the plan amounts to; None until it has been looked at."""
        return self._outlook

    def _remembered(self) -> Plan:
        document = self.settings.last_plan
        try:
            return FIRST_PLAN if document is None else Plan.from_document(document)
        except InferometerError:  # from another version of the program: not worth a word
            return FIRST_PLAN

    def _document(self) -> dict[str, object]:
        document: dict[str, Any] = {}
        for card in self._cards:
            for section, fields in card.document().items():
                # Load and serving are two cards of one section.
                document[section] = {**document.get(section, {}), **fields} if isinstance(fields, dict) else fields
        return document

    def _offer_samples(self, samples: tuple[SamplePlan, ...]) -> None:
        """A menu of the plans that ship; no button where there are none."""
        menu = QMenu(self.samples_button)
        menu.setToolTipsVisible(True)
        for sample in samples:
            action = QAction(sample.plan.title, menu)
            action.setToolTip(plain_tip(sample.about))
            action.setStatusTip(sample.about)
            action.setData(sample)
            menu.addAction(action)
        menu.triggered.connect(self._on_sample_chosen)
        self.samples_button.setMenu(menu)
        self.samples_button.setHidden(not samples)

    @Slot()
    def _on_edited(self) -> None:
        document = self._document()
        self._problems = placed(field_problems(document))
        self._plan = None if self._problems else Plan.from_document(document)
        for card in self._cards:
            card.show_problems(self._problems)
        self._message.hide()
        if self._plan is None:
            self._outlook = None
            self._timer.stop()
            self.words.show_text("The plan is not complete yet: what is missing is told beside its field.", "muted")
            self.need.show_search_undecided()
            self.sweep.show_nothing()
            self.load.show_outlook(None)
            self._show_notes()
        else:
            self.settings.last_plan = self._plan.to_document()
            self.need.follow(self._plan)
            self.load.follow(self._plan)
            self.serving.follow(self._plan)
            self.engine.follow(self._plan)
            self.trust.follow(self._plan)
            self.trust.suggest_name(title_of(self._plan))
            self._header.show_text(self.TITLE, self._plan.title or title_of(self._plan))
            self._timer.start()
        self._show_start()

    @Slot()
    def _look_ahead(self) -> None:
        """Have the plan's cells and what they take worked out; one at a time, the latest plan last."""
        plan = self._plan
        if plan is None or self._job is not None:
            return
        self._job = Job(lambda line: look_ahead(plan), self)
        self._job.succeeded.connect(self._on_looked_ahead)
        self._job.ended.connect(self._on_job_ended)
        self._job.start()

    @Slot(object)
    def _on_looked_ahead(self, outlook: Outlook) -> None:
        if outlook.plan != self._plan:
            return
        self._outlook = outlook
        self.words.show_text(in_words(outlook.plan, outlook.labels))
        self.models.show_outlook(outlook)
        self.need.show_outlook(outlook)
        self.sweep.show_outlook(outlook, self.models.quantizations.bytes_to_make)
        self._ask_for_offers()
        self.load.show_outlook(outlook)
        self._show_notes()
        self._show_start()

    @Slot()
    def _ask_for_offers(self) -> None:
        """Have llama.cpp asked for sizes, while somebody looks at the list and nothing is measured."""
        quantizations = self.models.quantizations
        if self._outlook is None or not quantizations.is_open or not self.isEnabled():
            return
        if self._is_measuring:
            quantizations.show_state("Sizes are asked for when the sweep has ended.")
            return
        models = self._outlook.plan.models
        files = {model.name: model.source.path for model in self._outlook.models}
        self._asking.ask(files, models.imatrix)

    @Slot()
    def _on_offers_changed(self) -> None:
        self.models.quantizations.show_state(self._asking.sentence)
        self.models.quantizations.show_offers(self._asking.offers)
        if self._outlook is not None and self._outlook.plan == self._plan:
            self.sweep.show_outlook(self._outlook, self.models.quantizations.bytes_to_make)
            self._show_notes()

    @Slot()
    def _on_job_ended(self) -> None:
        assert self._job is not None
        self._job.deleteLater()
        self._job = None
        if self._plan is not None and (self._outlook is None or self._outlook.plan != self._plan):
            self._timer.start()

    def _obstacle(self) -> str:
        """Why the plan cannot be started, empty when it can."""
        if self._is_measuring:
            return "A sweep is running: it has to end first."
        for field, text in self._problems.items():
            return f"{field_words(field)}: {text.rstrip('.')}."
        if self._outlook is not None and self._outlook.plan == self._plan and self._outlook.refusal:
            return as_sentence(in_form_words(self._outlook.refusal))
        return ""

    def _show_start(self) -> None:
        seconds = self._outlook.estimate.seconds if self._outlook and self._outlook.estimate else None
        about = f" · about {rough_duration(seconds)}" if seconds is not None and self._plan is not None else ""
        obstacle = self._obstacle()
        self.start_button.setText(f"▶ Start{about}")
        self.start_button.setAccessibleName(f"Start{about}")
        self.start_button.setEnabled(not obstacle)
        self.start_button.setToolTip(plain_tip(obstacle or "Measure this plan now"))
        self.start_button.setAccessibleDescription(obstacle)
        self.save_button.setEnabled(self._plan is not None)
        self.save_button.setToolTip("" if self._plan is not None else "The plan is not complete yet")

    def _show_notes(self) -> None:
        notes = [Note(f"{field_words(field)}: {text.rstrip('.')}.", "broken") for field, text in self._problems.items()]
        if self._outlook is not None:
            notes += [Note(as_sentence(in_form_words(self._outlook.refusal)), "broken")] if self._outlook.refusal else []
            known_bytes, estimate = self.models.quantizations.bytes_to_make, self._outlook.estimate
            disk_bytes = known_bytes if known_bytes is not None else estimate.disk_bytes if estimate is not None else 0
            notes += [*self._outlook.notes, *disk_notes(self._outlook, disk_bytes)]
        self.notes.show_notes(notes)

    def _tell(self, sentence: str, tone: Tone) -> None:
        self._message.show_text(sentence, tone)
        self._message.show()

    @Slot(object)
    def _on_load_wanted(self, fields: Mapping[str, Any]) -> None:
        """A use case names fields of the load; the card that has the field takes it."""
        wanted = Load.model_validate(dict(fields))
        self.load.set_load(wanted, list(fields))
        self.serving.set_load(wanted, list(fields))

    @Slot(QAction)
    def _on_sample_chosen(self, action: QAction) -> None:
        sample: SamplePlan = action.data()
        self.set_plan(sample.plan)
        self._tell(f"{sample.plan.title} was opened.", "met")

    @Slot()
    def _on_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open a plan", "", "Plans (*.toml);;All files (*)")
        if name:
            self.open_plan_file(Path(name))

    @Slot()
    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the plan", "plan.toml", "Plans (*.toml)")
        if name:
            path = Path(name)
            self.save_plan_file(path if path.suffix else path.with_suffix(".toml"))


def _column(name: str, *cards: QWidget) -> QWidget:
    """Cards below each other."""
    column = QWidget()
    column.setAccessibleName(name)
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GAP_PX)
    for card in cards:
        layout.addWidget(card)
    layout.addStretch(1)
    return column


def _is_sample(path: Path) -> bool:
    try:
        return path == sample_model_path()
    except InferometerError:
        return False
