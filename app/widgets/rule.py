"""A faint line between rows."""

from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.tokens import tokens


class Rule(QWidget):
    """One pixel high, as wide as there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The grid's colour."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens().grid))
        painter.end()
