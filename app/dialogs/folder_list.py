"""A list of folders that grows and shrinks."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QListWidget, QPushButton, QVBoxLayout, QWidget

_LIST_PX = (300, 72)


class FolderList(QWidget):
    """The list with its buttons.

    Args:
        name: what is in these folders ("Folders with runs").
        folders: shown at first.
    """

    def __init__(self, name: str, folders: Sequence[Path], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setAccessibleName(name)
        self.list = QListWidget()
        self.list.setAccessibleName(name)
        self.list.setFixedSize(*_LIST_PX)
        self.list.addItems([str(folder) for folder in folders])
        self.add_button = QPushButton("Add…")
        self.add_button.setAccessibleName(f"Add to {name.lower()}")
        self.remove_button = QPushButton("Remove")
        self.remove_button.setAccessibleName(f"Remove from {name.lower()}")
        self.remove_button.setEnabled(False)
        self.add_button.clicked.connect(self._on_add)
        self.remove_button.clicked.connect(self._on_remove)
        self.list.currentRowChanged.connect(self._on_row_changed)
        buttons = QVBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addLayout(buttons)

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(Path(self.list.item(row).text()) for row in range(self.list.count()))

    @Slot()
    def _on_add(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self._name)
        if folder and Path(folder) not in self.folders:
            self.list.addItem(folder)

    @Slot()
    def _on_remove(self) -> None:
        self.list.takeItem(self.list.currentRow())

    @Slot(int)
    def _on_row_changed(self, row: int) -> None:
        self.remove_button.setEnabled(row >= 0)
