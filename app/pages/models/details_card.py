"""The selected model: what it is, and what it would take here."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QPushButton

from app.pages.models.fit import Service, footprint_of
from app.pages.models.model_columns import ModelRow
from app.widgets.card import Card
from app.widgets.fact_rows import Fact, FactRows
from app.widgets.form_row import FormRow
from app.widgets.number_field import WholeField
from app.widgets.sentence import Sentence, Tone
from profiler.hardware import main_memory
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.footprint import Footprint, fits
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

    Signals:
        service_changed: another context or number of users.
        measuring_wanted: the person wants the model measured.
    """

    service_changed = Signal()
    measuring_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Memory it would take here")
        self._context = WholeField(1, 10_000_000, "tokens")
        self._context.setValue(Service().ctx_size)
        self._context.setSingleStep(1024)
        self._users = WholeField(1, 1_000)
        self._users.setValue(Service().users)
        for field in (self._context, self._users):
            field.valueChanged.connect(self.service_changed)
        self.body.addWidget(FormRow("Context of each", self._context, term="Tokens that each user's slot may hold (ctx_size)"))
        self.body.addWidget(FormRow("Users at once", self._users, term="Sequences decoded together (slots)"))
        self._facts = FactRows()
        self.body.addWidget(self._facts)
        self._verdict = Sentence()
        self.body.addWidget(self._verdict)
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
        footprint = footprint_of(row, self.service)
        self.measure_button.setEnabled(footprint is not None)
        self._facts.show_facts(_prediction(footprint) if footprint else [])
        self._verdict.setVisible(footprint is not None)
        if footprint is not None:
            self._verdict.show_text(*_verdict(footprint, main_memory.available_bytes()))

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


def _verdict(footprint: Footprint, free_bytes: int) -> tuple[str, Tone]:
    """Whether it fits into the free memory."""
    free = f"{bytes_text(free_bytes)} are free"
    match fits(footprint, free_bytes):
        case True:
            return f"Fits: {free}.", "met"
        case False:
            return f"Does not fit: {free}.", "broken"
    return f"The weights fit; the rest of this architecture is not understood yet. {free}.", "muted"


def _prediction(footprint: Footprint) -> list[Fact]:
    return [
        Fact("Weights", bytes_text(footprint.weights_bytes)),
        Fact("KV cache", bytes_text(footprint.kv_bytes), term=f"{footprint.kv_cells} cells, f16"),
        Fact("Buffers", bytes_text(footprint.compute_bytes), term="llama.cpp's compute and output buffers, an estimate"),
        Fact("Together", bytes_text(footprint.total_bytes)),
        Fact("Speed", "not measured yet", term="Measured rates are the only ground for a prediction of decode speed"),
    ]
