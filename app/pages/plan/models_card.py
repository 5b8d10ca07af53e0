"""The second card: which files are measured, and which quantizations are made from each."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.pages.models.type_rows import Source
from app.pages.plan.form_card import Document, FormCard
from app.pages.plan.outlook import Outlook
from app.pages.plan.quality_rows import QualityRows
from app.pages.plan.quantization_part import QuantizationPart
from app.tokens import tokens
from app.widgets.elided_label import ElidedLabel
from app.widgets.form_row import FormRow
from app.widgets.sentence import Sentence, set_tone
from profiler.errors import EnvironmentFault
from profiler.modelfile.description import ModelDescription
from profiler.models.sample import sample_model_path
from profiler.plan.cells import model_labels
from profiler.plan.plan import SAMPLE_MODEL, Plan
from profiler.units import bytes_text, count_text

_BOX_PX = 30


class _Box(QWidget):
    """The ground of something chosen, as a field has it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_BOX_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A bordered rounded ground."""
        colors = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(QColor(colors.line), 1))
        painter.setBrush(QColor(colors.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()


class _ModelLine(QWidget):
    """One model of the plan: its name, what it is, and how to take it out."""

    def __init__(self, label: str, path: str, remove: QPushButton | None) -> None:
        super().__init__()
        self._name = ElidedLabel(label, least_px=120)
        self._name.setAccessibleDescription(path)
        self._facts = ElidedLabel()
        set_tone(self._facts, "muted")
        self._problem = Sentence(role="small")
        self._problem.hide()
        box = _Box()
        line = QHBoxLayout(box)
        line.setContentsMargins(9, 0, 9 if remove is None else 2, 0)
        line.setSpacing(8)
        line.addWidget(self._name)
        line.addWidget(self._facts)
        if remove is not None:
            line.addWidget(remove, 0, Qt.AlignmentFlag.AlignVCenter)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(box, 0, Qt.AlignmentFlag.AlignLeft)
        outer.addWidget(self._problem)

    def show_facts(self, facts: str, problem: str) -> None:
        """Tell what the file is, or why it cannot be read."""
        self._facts.show_text(facts)
        self._problem.show_text(problem, "broken")
        self._problem.setVisible(bool(problem))


class ModelsCard(FormCard):
    """Models and quantizations."""

    def __init__(self) -> None:
        super().__init__("Models and quantizations")
        self._paths: tuple[str, ...] = (SAMPLE_MODEL,)
        self._lines: dict[str, _ModelLine] = {}
        self._list = QWidget()
        self._list.setMinimumHeight(_BOX_PX)
        self._list_layout = QVBoxLayout(self._list)
        self._list_layout.setContentsMargins(0, 0, 0, 0)
        self._list_layout.setSpacing(2)
        self._add_file = QPushButton("Add a file…")
        self._add_sample = QPushButton("Add the sample model")
        for button in (self._add_file, self._add_sample):
            button.setProperty("look", "link")
        self._add_file.clicked.connect(self._on_add_file)
        self._add_sample.clicked.connect(self._on_add_sample)
        self.add_row(FormRow("Model", self._list, self._add_file, self._add_sample), "models.paths")
        self.quantizations = QuantizationPart()
        self.quantizations.edited.connect(self.on_edited)
        self.body.addWidget(self.quantizations)
        self.register_row(self.quantizations.row, "models.quant")
        self.register_row(self.quantizations.imatrix_row, "models.imatrix")
        self.quality = QualityRows()
        self.quality.edited.connect(self.on_edited)
        self.body.addWidget(self.quality)
        self.register_row(self.quality.row, "models.quality_tokens", "models.quality_text")
        self._list_models()

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's models and types."""
        self._paths = plan.models.paths
        self.quantizations.show_models(plan.models)
        self.quality.show_models(plan.models)
        self._list_models()

    def document(self) -> Document:
        """Models and types as they are chosen."""
        return {"models": {"paths": list(self._paths), **self.quantizations.document(), **self.quality.document()}}

    def show_outlook(self, outlook: Outlook) -> None:
        """Tell what the plan's files are, and what their quantizations and scoring them would take."""
        for path, line in self._lines.items():
            description = outlook.descriptions.get(path)
            line.show_facts(facts_of(description) if description else "", outlook.unreadable.get(path, ""))
        sources = [
            Source(model.name, model.source, outlook.beside_weights_bytes.get(model.label), model.files)
            for model in outlook.models
        ]
        self.quantizations.show_sources(sources if not outlook.unreadable else (), outlook.memory_free_bytes)
        self.quality.show_seconds(outlook.quality_s)

    def _list_models(self) -> None:
        for line in self._lines.values():
            self._list_layout.removeWidget(line)
            line.deleteLater()
        self._lines = {}
        labels = model_labels([_file_of(path) for path in self._paths])
        for path, label in zip(self._paths, labels, strict=True):
            remove = None
            if len(self._paths) > 1:
                remove = QPushButton("Remove")
                remove.setProperty("look", "link")
                remove.setAccessibleName(f"Remove {label}")
                remove.clicked.connect(self._on_remove)
                remove.setObjectName(path)
            self._lines[path] = _ModelLine(label, path, remove)
            self._list_layout.addWidget(self._lines[path])
        self._add_sample.setVisible(SAMPLE_MODEL not in self._paths)

    def _set_paths(self, paths: Sequence[str]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._list_models()
        self.on_edited()

    @Slot()
    def _on_add_file(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add models", "", "GGUF models (*.gguf);;All files (*)")
        if names:
            self._set_paths([*self._paths, *names])

    @Slot()
    def _on_add_sample(self) -> None:
        self._set_paths([*self._paths, SAMPLE_MODEL])

    @Slot()
    def _on_remove(self) -> None:
        sender = self.sender()
        self._set_paths([path for path in self._paths if path != sender.objectName()])


def facts_of(description: ModelDescription) -> str:
    """A model in one line: "llama · 135 M · Q4_1 · 98.4 MB"."""
    return " · ".join(
        (
            description.architecture,
            count_text(description.parameters),
            description.quantization,
            bytes_text(description.file_bytes),
        )
    )


def _file_of(path: str) -> str:
    """The file that a plan's path means; the sample keeps its name where it is not installed."""
    try:
        return str(sample_model_path()) if path == SAMPLE_MODEL else path
    except EnvironmentFault:
        return path
