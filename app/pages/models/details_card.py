"""The selected model: what it is, and what it would take here."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QPushButton

from app.pages.models import fit_words
from app.pages.models.fit import Service, fit_of, free_memory
from app.pages.models.model_columns import ModelRow
from app.plots.stacked_bars import StackedBars
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.form_row import FormRow
from app.widgets.number_field import WholeField
from app.widgets.sentence import Sentence
from profiler.modelfile.description import ModelDescription
from profiler.records.fingerprint import Fingerprint
from profiler.units import NOT_AVAILABLE, bytes_text, count_text, significant

_MOST_TYPES_TOLD = 4


class DetailsCard(Card):
    """What the file is."""

    def __init__(self) -> None:
        super().__init__("Model")
        self._problem = Sentence()
        self._problem.hide()
        self._facts = FactRows()
        self._path = Sentence(role="small")
        self._path.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        for widget in (self._problem, self._facts, self._path):
            self.body.addWidget(widget)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is told."""
        return self._facts.facts

    def show_model(self, row: ModelRow) -> None:
        """Tell what this file is."""
        self.set_title(row.name)
        self._problem.show_text(row.problem, "broken")
        self._problem.setVisible(bool(row.problem))
        self._facts.show_facts(_facts(row.description, row.same_types) if row.description else [])
        self._path.show_text(str(row.path), "muted")


class PredictionCard(Card):
    """What it would take, for a context and a number of users that the person may change.

    Attributes:
        machine: whose GPUs count; None before the engine was asked, when main memory alone does.

    Signals:
        service_changed: another context or number of users.
        measuring_wanted: the person wants the model measured.
    """

    service_changed = Signal()
    measuring_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Memory it would take here")
        self.machine: Fingerprint | None = None
        self._context = WholeField(1, 10_000_000, "tokens")
        self._context.setValue(Service().ctx_size)
        self._context.setSingleStep(1024)
        self._users = WholeField(1, 1_000)
        self._users.setValue(Service().users)
        for field in (self._context, self._users):
            field.valueChanged.connect(self.service_changed)
        self.body.addWidget(FormRow("Context of each", self._context, term="Tokens that each user's slot may hold (ctx_size)"))
        self.body.addWidget(FormRow("Users at once", self._users, term="Sequences decoded together (slots)"))
        self._verdict = Sentence()
        self.bars = StackedBars("Memory needed and free", fit_words.KINDS)
        self._facts = FactRows()
        for widget in (self._verdict, self.bars, self._facts):
            self.body.addWidget(widget)
        self.measure_button = QPushButton("Measure this model")
        self.measure_button.setProperty("look", "primary")
        self.measure_button.clicked.connect(self._on_measure)
        self.body.addWidget(self.measure_button)

    @property
    def service(self) -> Service:
        """What is asked for."""
        return Service(self._context.value(), self._users.value())

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is told."""
        return self._facts.facts

    def show_model(self, row: ModelRow) -> None:
        """Tell what this model would take."""
        found = fit_of(row, self.service, free_memory(self.machine))
        self.measure_button.setEnabled(found is not None)
        self._facts.show_facts([] if found is None else fit_words.facts(found, self.service.users, self.service.ctx_size))
        bars, unit = ([], "") if found is None else fit_words.bars(found)
        self.bars.setVisible(bool(bars))
        self.bars.show_bars(bars, unit)
        self._verdict.setVisible(found is not None)
        if found is not None:
            self._verdict.show_text(*fit_words.verdict(found, fit_words.free_words(found)))

    @property
    def verdict(self) -> str:
        """Whether it fits, in words."""
        return self._verdict.accessibleName()

    @Slot()
    def _on_measure(self) -> None:
        self.measuring_wanted.emit()


def _facts(description: ModelDescription, same_types: tuple[str, ...]) -> list[Fact]:
    parts = len(description.parts)
    types = list(description.type_mix.items())
    mix = " · ".join(f"{name} {bytes_text(share.bytes)}" for name, share in types[:_MOST_TYPES_TOLD])
    also = [Fact("Also here as", ", ".join(same_types), term="Other files that are the same model")] if same_types else []
    return [
        Fact("Name inside the file", description.name, term="general.name"),
        Fact("Architecture", description.architecture, term="general.architecture"),
        Fact("Parameters", count_text(description.parameters)),
        Fact("Quantization", description.quantization, term="The file's type, general.file_type"),
        *also,
        Fact("Size", bytes_text(description.file_bytes) + (f" in {parts} files" if parts > 1 else "")),
        Fact("Bits per weight", significant(description.bits_per_weight)),
        Fact("Layers", NOT_AVAILABLE if description.block_count is None else str(description.block_count), term="block_count"),
        Fact(
            "Trained context",
            NOT_AVAILABLE if description.context_train is None else f"{description.context_train} tokens",
            term="context_length",
        ),
        Fact("Tensor types", mix + (" · …" if len(types) > _MOST_TYPES_TOLD else ""), term="Bytes by type of tensor"),
    ]
