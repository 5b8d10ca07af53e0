"""Every action of the window by typing a part of its words."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

_SIZE_PX = (520, 420)


def is_match(typed: str, action: QAction) -> bool:
    """Whether the action's words or its tip hold every word that was typed."""
    words = f"{action.text()} {action.toolTip()}".casefold().replace("&", "")
    return all(word in words for word in typed.casefold().split())


class CommandPalette(QDialog):
    """Return carries the chosen action out; those that are not possible now are shown grey."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Commands")
        self.resize(*_SIZE_PX)
        self._actions = tuple(actions)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Type a part of a command")
        self.field.setAccessibleName("Command")
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Commands that match")
        self.list.itemActivated.connect(self._on_activated)
        layout = QVBoxLayout(self)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        self._fill("")

    @property
    def shown(self) -> list[str]:
        """The words of what matches."""
        return [self.list.item(row).text() for row in range(self.list.count())]

    @Slot(str)
    def _fill(self, typed: str) -> None:
        self.list.clear()
        for number, action in enumerate(self._actions):
            if is_match(typed, action):
                item = QListWidgetItem(action.text().replace("&", ""))
                item.setToolTip(action.toolTip())
                item.setData(Qt.ItemDataRole.UserRole, number)
                if not action.isEnabled():
                    item.setFlags(item.flags() & ~(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable))
                shortcut = action.shortcut().toString()
                if shortcut:
                    item.setText(f"{item.text()}   ({shortcut})")
                self.list.addItem(item)
        self._choose_first()

    def _choose_first(self) -> None:
        possible = (row for row in range(self.list.count()) if self.list.item(row).flags() & Qt.ItemFlag.ItemIsEnabled)
        self.list.setCurrentRow(next(possible, -1))

    @Slot(QListWidgetItem)
    def _on_activated(self, item: QListWidgetItem) -> None:
        action = self._actions[int(item.data(Qt.ItemDataRole.UserRole))]
        self.accept()
        action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """While one types, the arrows move in the list and Return takes what is chosen there."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.list.event(event)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                item = self.list.currentItem()
                if item is not None:
                    self._on_activated(item)
                return True
        return super().eventFilter(watched, event)
