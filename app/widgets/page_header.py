"""The head of a page: its title, a line beside it, and what can be done here at the right."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app.widgets.elided_label import ElidedLabel
from app.widgets.sentence import set_tone


class ActionButton(QPushButton):
    """A button that is an action: its words, tip and state are the action's, wherever they change."""

    def __init__(self, action: QAction, look: str = "plain", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self.setProperty("look", look)
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        self.setText(self._action.iconText())
        self.setEnabled(self._action.isEnabled())
        self.setVisible(self._action.isVisible())
        self.setToolTip(self._action.toolTip())
        self.setAccessibleName(self._action.iconText())


class PageHeader(QWidget):
    """Title, subtitle and buttons in one line; the subtitle gives way first."""

    def __init__(self, title: str, subtitle: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ElidedLabel(title, "page title", least_px=320)
        self._subtitle = ElidedLabel(subtitle)
        set_tone(self._subtitle, "muted")
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(10)
        self._line.addWidget(self._title, 0, Qt.AlignmentFlag.AlignVCenter)
        self._line.addWidget(self._subtitle, 0, Qt.AlignmentFlag.AlignVCenter)
        self._line.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(32)

    @property
    def title(self) -> str:
        """The title that is shown."""
        return self._title.text()

    @property
    def subtitle(self) -> str:
        """The line beside the title."""
        return self._subtitle.text()

    def show_text(self, title: str, subtitle: str = "") -> None:
        """Change the words."""
        self._title.show_text(title)
        self._subtitle.show_text(subtitle)

    def add(self, widget: QWidget) -> None:
        """Put a button or another small control at the right end."""
        self._line.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
