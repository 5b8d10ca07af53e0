"""Tells that something of ours went wrong, with a report to copy."""

from types import TracebackType

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.dialogs.report import full_details, plain_details, report_text
from app.widgets.sentence import Sentence
from profiler.records.fingerprint import Fingerprint

_MOST_ERRORS = 20


class ErrorDialog(QDialog):
    """What happened in a sentence, and the report.

    It does not block: whatever else runs goes on. Errors that follow are added to the one that is open.
    """

    def __init__(self, parent: QWidget | None = None, machine: Fingerprint | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)  # an open report never keeps the program
        self._machine = machine
        self._errors: list[tuple[str, str]] = []  # each without and with its own words
        self.setWindowTitle("Something went wrong")
        self.resize(640, 420)
        self._report = QPlainTextEdit()
        self._report.setReadOnly(True)
        self._report.setAccessibleName("Report")
        self._report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.copy_button = QPushButton("Copy report")
        self.copy_button.clicked.connect(self._on_copy)
        close = QPushButton("Close")
        close.setProperty("look", "primary")
        close.setDefault(True)
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(
            Sentence(
                "This is a mistake in Inferometer, not yours; sorry. What was measured is saved, and what runs goes on. "
                "The report below says where it happened; copy it into an issue so that it can be mended."
            )
        )
        layout.addWidget(self._report, 1)
        self.words_box = QCheckBox("Include the errors' own words and folders (they may quote a file name or a prompt)")
        self.words_box.toggled.connect(self._show_report)
        layout.addWidget(self.words_box)
        layout.addLayout(buttons)

    @property
    def report(self) -> str:
        """The report as it would be copied."""
        return self._report.toPlainText()

    def add(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show this error, below those that are there."""
        self._errors.append((plain_details(kind, error, trace), full_details(kind, error, trace)))
        del self._errors[:-_MOST_ERRORS]  # one that comes with every tick must not fill the memory
        self._show_report()

    @Slot()
    def _show_report(self) -> None:
        has_words = self.words_box.isChecked()
        details = "\n\n".join(full if has_words else plain for plain, full in self._errors)
        self._report.setPlainText(report_text(details, self._machine))
        self.copy_button.setText("Copy report")

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report)
        self.copy_button.setText("Copied ✓")
