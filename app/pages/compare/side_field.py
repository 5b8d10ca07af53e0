"""Which session stands on a side: a drop-down of recent ones, a file chooser, and room for a dropped file."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QWidget

from app.file_kind import FileKind, file_kind
from app.pages.compare.comparing import side_names
from app.widgets.choice_field import ChoiceField
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import set_tone

FILTER = "Sessions (*.inferometer);;All files (*)"
_LABEL_PX = 36
_NOT_CHOSEN = ("", "Choose a session…")


class SideField(QWidget):
    """One side.

    Attributes:
        remove_button: hidden, unless the card puts it beside the field: not every side can go.

    Signals:
        chosen: the person chose another file.
        remove_wanted: this side shall go.

    Args:
        label: "Base" or "With".
        folder: where the file chooser begins.
    """

    chosen = Signal()
    remove_wanted = Signal()

    def __init__(self, label: str, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label, self._folder = label, folder
        self._offered: tuple[Path, ...] = ()
        self.setAcceptDrops(True)
        words = QLabel(label)
        words.setFixedWidth(_LABEL_PX)
        set_tone(words, "muted")
        self.choice = ChoiceField([_NOT_CHOSEN])
        self.choice.setAccessibleName(label)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(14)
        self.choice.activated.connect(self._on_activated)
        words.setBuddy(self.choice)
        self.file_button = QPushButton("File…")
        self.file_button.setAccessibleName(f"{label}: choose a file")
        self.file_button.clicked.connect(self._on_file)
        self.remove_button = QPushButton("Remove", self)
        self.remove_button.setProperty("look", "link")
        self.remove_button.setAccessibleName(f"{label}: remove this session")
        self.remove_button.clicked.connect(self.remove_wanted)
        self.remove_button.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(words)
        layout.addWidget(self.choice, 1)
        layout.addWidget(self.file_button)

    @property
    def path(self) -> Path | None:
        """The chosen file."""
        value = self.choice.value()
        return Path(value) if value else None

    def offer(self, paths: Sequence[Path]) -> None:
        """Offer these; what is chosen stays chosen."""
        self._offered = tuple(paths)
        self.show_path(self.path)

    def show_path(self, path: Path | None) -> None:
        """Choose this file, or none."""
        paths = self._offered if path is None or path in self._offered else (path, *self._offered)
        self.choice.clear()
        self.choice.addItem(_NOT_CHOSEN[1], _NOT_CHOSEN[0])
        for each, name in zip(paths, side_names(paths), strict=True):
            self.choice.addItem(name, str(each))
        self.choice.choose("" if path is None else str(path))
        self._tell_path()

    def _tell_path(self) -> None:
        told = str(self.path or "No session is chosen")
        self.choice.setToolTip(plain_tip(told))
        self.choice.setAccessibleDescription(told)

    @Slot()
    def _on_activated(self) -> None:
        self._tell_path()
        self.chosen.emit()

    @Slot()
    def _on_file(self) -> None:
        folder = self.path.parent if self.path is not None else self._folder
        name, _ = QFileDialog.getOpenFileName(self, f"{self._label}: choose a session", str(folder), FILTER)
        if name:
            self._choose(Path(name))

    def _choose(self, path: Path) -> None:
        self.show_path(path)
        self.chosen.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one session; more than one are for the page."""
        if _dropped(event) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Choose it."""
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self._choose(path)


def _dropped(event: QDropEvent) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return paths[0] if len(paths) == 1 and file_kind(paths[0]) is FileKind.SESSION else None
