"""Tells that something of ours went wrong, with a report to copy."""

import traceback
from types import TracebackType

from PySide6.QtCore import Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.dialogs.report import report_text
from app.widgets.sentence import Sentence


class ErrorDialog(QDialog):
    """What happened in a sentence, and the report.

    It does not block: whatever else runs goes on. Errors that follow are added to the one that is open.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
                "This is a mistake in Inferometer, not yours. What was measured is saved. The report below says where it "
                "happened; it holds file names, but nothing of your prompts or results."
            )
        )
        layout.addWidget(self._report, 1)
        layout.addLayout(buttons)

    @property
    def report(self) -> str:
        """The report as it would be copied."""
        return self._report.toPlainText()

    def add(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Show this error, below those that are there."""
        details = "".join(traceback.format_exception(kind, error, trace))
        self._report.appendPlainText(details if self.report else report_text(details))

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report)
        self.copy_button.setText("Copied ✓")
