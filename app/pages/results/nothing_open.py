"""What the Results page shows while no session is open: the way to one, and those of lately."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.widgets.empty_state import EmptyState
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import set_tone

_MOST_SHOWN = 6


class NothingOpen(QWidget):
    """Heading, sentence, the way to the plan, and the recent sessions.

    Signals:
        plan_wanted: the way to the plan.
        session_wanted: a recent session.
    """

    plan_wanted = Signal()
    session_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.empty = EmptyState(
            "No session is open",
            "Measure something, or open a session that was saved: its figures are those of the run, at any time.",
            "Go to Plan",
        )
        self.empty.acted.connect(self.plan_wanted)
        self._heading = QLabel("Recent sessions")
        set_tone(self._heading, "muted")
        self._buttons: list[QPushButton] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(self.empty)
        layout.addWidget(self._heading, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(self._list)
        layout.addStretch(2)

    @property
    def buttons(self) -> list[QPushButton]:
        """The recent sessions."""
        return self._buttons

    def show_recent(self, sessions: Sequence[Path]) -> None:
        """Offer these."""
        for button in self._buttons:
            self._list.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for path in sessions[:_MOST_SHOWN]:
            button = QPushButton(path.stem)
            button.setProperty("look", "link")
            button.setToolTip(plain_tip(str(path)))
            button.setAccessibleName(f"Open {path.stem}")
            button.setObjectName(str(path))
            button.clicked.connect(self._on_clicked)
            self._buttons.append(button)
            self._list.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._heading.setVisible(bool(self._buttons))

    @Slot()
    def _on_clicked(self) -> None:
        self.session_wanted.emit(Path(self.sender().objectName()))
