"""What a page shows while it has nothing to show: why, and the one thing to do next."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.typeface import font
from app.widgets.sentence import Sentence


class EmptyState(QWidget):
    """A heading, a sentence and a button, in the middle.

    Signals:
        acted: the button was pressed.
    """

    acted = Signal()

    def __init__(self, heading: str, sentence: str, button: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(heading)
        title.setFont(font("page title"))
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words = Sentence(sentence, "muted")
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words.setFixedWidth(440)
        self.button = QPushButton(button)
        self.button.setProperty("look", "primary")
        self.button.clicked.connect(self.acted)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(2)
        layout.addWidget(title)
        layout.addWidget(words, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
