"""The rail at the window's left: one button a page, the shown one marked."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QAction, QColor, QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from app.icons import pixmap
from app.keyboard_focus import is_by_keyboard
from app.tokens import tokens
from app.typeface import font

_WIDTH_PX = 76
_BUTTON_PX = QSize(64, 56)
_ICON_PX = 22


class RailButton(QAbstractButton):
    """A page's icon above its name; it is its action."""

    def __init__(self, action: QAction, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self._icon = icon
        self._shows_focus = False
        self.setCheckable(True)
        self.setText(action.text())
        self.setAccessibleName(action.text())
        self.setToolTip(action.toolTip())
        self.setFixedSize(_BUTTON_PX)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.clicked.connect(self._on_clicked)
        action.toggled.connect(self.setChecked)

    @Slot()
    def _on_clicked(self) -> None:
        self.setChecked(self._action.isChecked())  # the window decides which page is shown
        self._action.trigger()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus to who came by keyboard; who clicked sees the page."""
        super().focusInEvent(event)
        self._shows_focus = is_by_keyboard(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The focus goes elsewhere."""
        super().focusOutEvent(event)
        self._shows_focus = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint ground, icon and name."""
        colors = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.isChecked() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.raised))
            painter.drawRoundedRect(area, 6, 6)
        if self._shows_focus:
            painter.setPen(QPen(QColor(colors.accent), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 6, 6)
        picture = pixmap(self._icon, colors.accent if self.isChecked() else colors.muted, _ICON_PX, self.devicePixelRatioF())
        painter.drawPixmap((self.width() - _ICON_PX) // 2, 8, picture)
        painter.setFont(font("rail"))
        painter.setPen(QColor(colors.text if self.isChecked() else colors.muted))
        painter.drawText(QRectF(0, 34, self.width(), 18), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class Rail(QWidget):
    """The buttons in order.

    Args:
        entries: each page's action and the name of its icon.
    """

    def __init__(self, entries: Sequence[tuple[QAction, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(_WIDTH_PX)
        self.setAccessibleName("Pages")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 10, 6, 10)
        layout.setSpacing(4)
        self.buttons = [RailButton(action, icon) for action, icon in entries]
        for button in self.buttons:
            layout.addWidget(button)
        layout.addStretch(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A surface with a line at its right."""
        colors = tokens()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colors.surface))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), QColor(colors.line))
        painter.end()
