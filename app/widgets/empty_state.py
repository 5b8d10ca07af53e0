"""What a page shows while it has nothing to show: why, and the one thing to do next."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.typeface import font
from app.widgets.plain_label import PlainLabel
from app.widgets.sentence import Sentence


class EmptyState(QWidget):
    """A heading, a sentence and a button, in the middle.

    Signals:
        acted: the button was pressed.
    """

    acted = Signal()

    def __init__(self, heading: str, sentence: str, button: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = PlainLabel(heading)
        title.setFont(font("page title"))
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words = Sentence(sentence, "muted")
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button = QPushButton(button)
        self.button.setProperty("look", "primary")
        self.button.clicked.connect(self.acted)
        column = QWidget()
        column.setMaximumWidth(440)
        rows = QVBoxLayout(column)
        rows.setSpacing(12)
        rows.addStretch(2)
        rows.addWidget(title)
        rows.addWidget(words)
        rows.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        rows.addStretch(3)
        across = QHBoxLayout(self)  # not an alignment of the column: that would lose the height that its wrapped words need
        across.addStretch(1)
        across.addWidget(column, 100)
        across.addStretch(1)
