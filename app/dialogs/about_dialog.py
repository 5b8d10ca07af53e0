"""What this is, which versions are at work, under which licences, and where it keeps things."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from app.dialogs.report import version_lines
from app.icons import application_icon
from app.settings import Settings
from app.typeface import font
from app.widgets.form_row import FormRow
from app.widgets.sentence import Sentence
from profiler import paths


class AboutDialog(QDialog):
    """Read and close."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Inferometer")
        self.setMinimumWidth(520)
        icon = QLabel()
        icon.setPixmap(application_icon().pixmap(56, 56))
        title = QLabel("Inferometer")
        title.setFont(font("page title"))
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(icon)
        layout.addWidget(title)
        layout.addWidget(Sentence("A performance profiler for local language models."))
        for label, words in (
            ("Versions", ", ".join(version_lines())),
            ("Licence", "Apache License 2.0. Qt and PySide6: LGPL 3. llama.cpp and pyqtgraph: MIT. Inter: SIL OFL 1.1."),
            ("Sessions", str(settings.sessions_folder)),
            ("Made models", str(paths.cache_folder())),
            ("Settings", str(paths.settings_file())),
            ("Logs", str(paths.log_folder())),
        ):
            sentence = Sentence(words, "plain", "small")
            sentence.setMinimumWidth(340)
            layout.addWidget(FormRow(label, sentence))
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
