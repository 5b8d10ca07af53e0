"""A drop-down of a few values that scrolling the page cannot change."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget


class ChoiceField(QComboBox):
    """One of several values, each with its words."""

    def __init__(self, choices: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for value, label in choices:
            self.addItem(label, value)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def value(self) -> str:
        """What is chosen."""
        return str(self.currentData())

    def choose(self, value: str) -> None:
        """Choose `value`, which is one of the choices."""
        self.setCurrentIndex(self.findData(value))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling the page must not change the choice."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
