"""Asks before a window that measures is closed."""

from PySide6.QtWidgets import QMessageBox, QWidget


class CloseQuestion(QMessageBox):
    """Stop and close, or go on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A sweep is running")
        self.setIcon(QMessageBox.Icon.Question)
        self.setText("A sweep is running. Stop it and close?")
        self.setInformativeText("Everything measured so far is saved; the run under way is kept as unfinished.")
        self.stop_button = self.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
        self.go_on_button = self.addButton("Keep measuring", QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.go_on_button)
        self.setEscapeButton(self.go_on_button)

    @classmethod
    def ask(cls, parent: QWidget) -> bool:
        """True: stop and close."""
        question = cls(parent)
        question.exec()
        return question.clickedButton() is question.stop_button
