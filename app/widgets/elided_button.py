"""A flat button of one line that gives way like an elided label: what does not fit ends in …."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter, QWidget

from app.typeface import Role, font
from app.widgets.plain_tip import plain_tip

_LEAST_PX = 64


class ElidedButton(QPushButton):
    """Plain text that leads somewhere; the tooltip says where, and the whole text.

    Args:
        name: what the text tells, for the screen reader, in front of it.
        tip: where a click leads.
    """

    def __init__(self, name: str, tip: str, role: Role = "body", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._tip = name, tip
        self.setFont(font(role))
        self.setProperty("look", "quiet")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.show_text("")

    def show_text(self, text: str) -> None:
        """Show this from now on."""
        self.setText(text)
        self.setAccessibleName(f"{self._name}: {text}")
        self.setToolTip(plain_tip(f"{text}\n{self._tip}"))

    def minimumSizeHint(self) -> QSize:
        """What it can shrink to."""
        return QSize(min(self.sizeHint().width(), _LEAST_PX), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the button with the text that fits."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, self).width()
        option.text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.end()
