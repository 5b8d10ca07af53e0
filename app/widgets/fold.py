"""A part of a card that is folded to one line until somebody wants to change it."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.typeface import font
from app.widgets.elided_label import ElidedLabel
from app.widgets.plain_label import PlainLabel
from app.widgets.sentence import set_tone


class Fold(QWidget):
    """A line that sums up, a button, and under them what the button unfolds.

    Attributes:
        body: where the content goes.

    Signals:
        toggled: it was folded or unfolded.

    Args:
        title: in front of the line; may be empty.
        name: what is folded, for the screen reader.
    """

    toggled = Signal(bool)

    def __init__(self, title: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._summary = ElidedLabel()
        set_tone(self._summary, "muted")
        self.button = QPushButton()
        self.button.setProperty("look", "link")
        self.button.clicked.connect(self._on_clicked)
        line = QHBoxLayout()
        line.setSpacing(8)
        if title:
            heading = PlainLabel(title)
            heading.setFont(font("card title"))
            line.addWidget(heading)
        line.addWidget(self._summary, 1)
        line.addStretch(0)
        line.addWidget(self.button)
        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addLayout(line)
        outer.addWidget(self._content)
        self._is_open = True
        self.set_open(False)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return self._is_open

    @property
    def summary(self) -> str:
        """The line that sums up."""
        return self._summary.text()

    def set_summary(self, text: str) -> None:
        """Change the line that sums up."""
        self._summary.show_text(text)

    def set_open(self, is_open: bool) -> None:
        """Show or hide the content."""
        if is_open != self._is_open:
            self._is_open = is_open
            self._content.setVisible(is_open)
            self.button.setText("Done" if is_open else "Change…")
            self.button.setAccessibleName(f"{self.button.text().removesuffix('…')}: {self._name}")
            self.toggled.emit(is_open)

    @Slot()
    def _on_clicked(self) -> None:
        self.set_open(not self._is_open)
