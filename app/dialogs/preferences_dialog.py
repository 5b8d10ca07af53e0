"""Preferences: theme, folders, quiet measuring, the price of energy. They apply when OK is pressed."""

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.folder_list import FolderList
from app.settings import Settings
from app.theme import THEME_CHOICES, ThemeChoice
from app.widgets.chips import Chips, Choice
from app.widgets.form_row import FormRow
from app.widgets.number_field import RealField
from app.widgets.sentence import Sentence
from profiler.records.energy_settings import EnergyPrice

_MOST_A_KWH = 1_000_000.0


class PreferencesDialog(QDialog):
    """Shows the settings; `chosen_theme` and the settings themselves are up to date once it was accepted."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(560)
        self.theme = Chips([Choice(choice, choice.capitalize()) for choice in THEME_CHOICES])
        self.theme.choose(settings.theme)
        self.sessions = QLineEdit(str(settings.sessions_folder))
        self.sessions.setMinimumWidth(300)
        browse = QPushButton("Choose…")
        browse.setAccessibleName("Choose the folder for sessions")
        browse.clicked.connect(self._on_browse_sessions)
        self.library = QListWidget()
        self.library.setAccessibleName("Folders with models")
        self.library.setFixedSize(300, 96)
        self.library.addItems([str(folder) for folder in settings.library_folders])
        add = QPushButton("Add…")
        add.setAccessibleName("Add a folder with models")
        add.clicked.connect(self._on_add_library)
        self.remove = QPushButton("Remove")
        self.remove.setAccessibleName("Remove the chosen folder")
        self.remove.setEnabled(False)
        self.remove.clicked.connect(self._on_remove_library)
        self.library.currentRowChanged.connect(self._on_library_row_changed)
        library_buttons = QWidget()
        column = QVBoxLayout(library_buttons)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(add)
        column.addWidget(self.remove)
        column.addStretch(1)
        self.runs = FolderList("Folders with runs", settings.run_folders)
        self.quiet = QCheckBox("Draw between runs only")
        self.quiet.setChecked(settings.quiet)
        price = settings.energy_price
        self.price = RealField(0, _MOST_A_KWH, decimals=4)
        self.price.setAccessibleName("Price of a kilowatt-hour")
        self.price.setSpecialValueText("not given")
        self.price.setValue(0 if price is None else price.per_kwh)
        self.currency = QLineEdit("" if price is None else price.currency)
        self.currency.setAccessibleName("Currency of the price")
        self.currency.setPlaceholderText("EUR")
        self.currency.setMaxLength(8)
        self.currency.setFixedWidth(72)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setProperty("look", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(FormRow("Theme", self.theme))
        self.sessions_row = FormRow("Sessions go to", self.sessions, browse)
        layout.addWidget(self.sessions_row)
        why_runs = "The library on the page Compare lists the sessions in these folders and in the one above"
        layout.addWidget(FormRow("More runs in", self.runs, term=why_runs))
        layout.addWidget(FormRow("Folders with models", self.library, library_buttons))
        known = "The caches of Hugging Face, LM Studio, Ollama, llama.cpp, Jan and GPT4All are searched anyway."
        layout.addWidget(Sentence(known, "muted", "small"))
        why_quiet = "Watching takes a little of the processor; quiet takes none."
        layout.addWidget(FormRow("While measuring", self.quiet, term=why_quiet))
        why_price = "Results then tells what a million tokens cost, where a meter was read."
        layout.addWidget(FormRow("Price of energy", self.price, self.currency, "a kilowatt-hour", term=why_price))
        bottom = QHBoxLayout()
        bottom.addStretch(1)
        bottom.addWidget(buttons)
        layout.addLayout(bottom)

    @property
    def chosen_theme(self) -> ThemeChoice:
        """The theme that is on."""
        return next(choice for choice in THEME_CHOICES if choice == self.theme.value())

    def accept(self) -> None:
        """Keep what was chosen, unless the folder for sessions makes no sense."""
        folder = Path(self.sessions.text().strip()).expanduser()
        if not self.sessions.text().strip() or not folder.is_absolute() or (folder.exists() and not folder.is_dir()):
            self.sessions_row.show_problem("Give a folder with its full path; it is made when it does not exist.")
            self.sessions.setFocus()
            return
        self._settings.theme = self.chosen_theme
        self._settings.sessions_folder = folder
        self._settings.library_folders = self._folders()
        self._settings.run_folders = self.runs.folders
        self._settings.quiet = self.quiet.isChecked()
        per_kwh = self.price.value()
        self._settings.energy_price = EnergyPrice(per_kwh, self.currency.text().strip()) if per_kwh > 0 else None
        super().accept()

    def _folders(self) -> tuple[Path, ...]:
        return tuple(Path(self.library.item(row).text()) for row in range(self.library.count()))

    @Slot()
    def _on_browse_sessions(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for sessions", self.sessions.text())
        if folder:
            self.sessions.setText(folder)

    @Slot()
    def _on_add_library(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with models")
        if folder and Path(folder) not in self._folders():
            self.library.addItem(folder)

    @Slot()
    def _on_remove_library(self) -> None:
        self.library.takeItem(self.library.currentRow())

    @Slot(int)
    def _on_library_row_changed(self, row: int) -> None:
        self.remove.setEnabled(row >= 0)
