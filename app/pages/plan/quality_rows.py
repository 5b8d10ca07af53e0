"""Whether the models' quality is scored with the sweep, on how many tokens of which text, and how long that takes."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from app.pages.plan.quality_ahead import DEFAULT_TOKENS
from app.pages.plan.sweep_card import rough_duration
from app.widgets.elided_label import ElidedLabel
from app.widgets.form_row import FormRow
from app.widgets.number_field import WholeField
from app.widgets.sentence import set_tone
from profiler.plan.plan import Models

MOST_TOKENS = 10_000_000


class QualityRows(QWidget):
    """A switch, a budget and a text.

    Signals:
        edited: the person changed something.
    """

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text: str | None = None
        self._is_showing = False
        self.switch = QCheckBox("Score")
        self.switch.setAccessibleName("Score quality")
        self.switch.toggled.connect(self._on_toggled)
        self.tokens = WholeField(1, MOST_TOKENS, "tokens")
        self.tokens.setAccessibleName("Tokens to score with each model")
        self.tokens.setFixedWidth(124)
        self.tokens.setSingleStep(255)
        self.tokens.setValue(DEFAULT_TOKENS)
        self.tokens.valueChanged.connect(self._on_edited)
        self._of = ElidedLabel(least_px=80)
        set_tone(self._of, "muted")
        self.choose = QPushButton()
        self.choose.setProperty("look", "link")
        self.choose.clicked.connect(self._on_choose)
        self._seconds = QLabel()
        set_tone(self._seconds, "muted")
        self.row = FormRow(
            "Quality",
            self.switch,
            self.tokens,
            self._of,
            self.choose,
            self._seconds,
            term="Perplexity, and KL divergence against the best model present, before the first run; "
            "what was scored before is not scored again. Off: only what is known already is told",
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.row)
        self._follow()

    @property
    def told(self) -> str:
        """What scoring adds to the time, in words."""
        return self._seconds.text()

    def show_models(self, models: Models) -> None:
        """Show the plan's budget and text."""
        self._is_showing = True
        self.switch.setChecked(models.quality_tokens is not None)
        if models.quality_tokens is not None:
            self.tokens.setValue(models.quality_tokens)
        self._text = models.quality_text
        self._is_showing = False
        self._follow()

    def show_seconds(self, seconds: float | None) -> None:
        """Tell what scoring adds to the time; None where that cannot be told."""
        self._seconds.setText(f"adds about {rough_duration(seconds)}" if seconds else "")
        self._seconds.setVisible(bool(seconds) and self.switch.isChecked())

    def document(self) -> dict[str, object]:
        """The fields of the plan's models that are answered here."""
        return {"quality_tokens": self.tokens.value() if self.switch.isChecked() else None, "quality_text": self._text}

    def _follow(self) -> None:
        is_on = self.switch.isChecked()
        for widget in (self.tokens, self._of, self.choose):
            widget.setVisible(is_on)
        self._seconds.setVisible(is_on and bool(self._seconds.text()))
        self._of.show_text("of the text that ships" if self._text is None else f"of {Path(self._text).name}")
        self._of.setAccessibleDescription(self._text or "")
        self.choose.setText("Another text…" if self._text is None else "The one that ships")
        self.choose.setAccessibleName("Choose another text" if self._text is None else "Score on the text that ships")

    @Slot()
    def _on_toggled(self) -> None:
        self._follow()
        self._on_edited()

    @Slot()
    def _on_edited(self) -> None:
        if not self._is_showing:
            self.edited.emit()

    @Slot()
    def _on_choose(self) -> None:
        if self._text is not None:
            self._text = None
        else:
            name, _ = QFileDialog.getOpenFileName(self, "Choose a text", "", "Texts (*.txt *.md *.raw);;All files (*)")
            if not name:
                return
            self._text = name
        self._follow()
        self._on_edited()
