"""A label of one line that gives way: what does not fit ends in … and is told in full by the tooltip."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.typeface import Role, font
from app.widgets.plain_tip import plain_tip


class ElidedLabel(QLabel):
    """Plain text that may become narrower than itself, down to `least_px`."""

    def __init__(self, text: str = "", role: Role = "body", *, least_px: int = 48, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least_px = least_px
        self.setFont(font(role))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.show_text(text)

    def show_text(self, text: str) -> None:
        """Show this from now on."""
        if text != self.text():
            self.setText(text)
            self._tell_in_full()

    def _elided(self) -> str:
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())

    def _tell_in_full(self) -> None:
        self.setToolTip(plain_tip("" if self._elided() == self.text() else self.text()))

    def minimumSizeHint(self) -> QSize:
        """What it can shrink to."""
        return QSize(min(super().sizeHint().width(), self._least_px), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The tooltip appears when the text no longer fits."""
        super().resizeEvent(event)
        self._tell_in_full()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what fits, in the colour that the stylesheet gave."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), self.alignment(), self._elided())
        painter.end()
