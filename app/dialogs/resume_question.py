"""Asks before a sweep goes on with another model file, engine or machine than it began with."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QMessageBox, QWidget


class ResumeQuestion(QMessageBox):
    """Measure the rest all the same, or leave it."""

    def __init__(self, changes: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something has changed")
        self.setAccessibleName("Something has changed since this session began")
        self.setIcon(QMessageBox.Icon.Question)
        self.setText("This session began with something else. Measure the rest all the same?")
        told = "\n".join(f"• {change}" for change in changes)
        self.setInformativeText(f"{told}\n\nFurther runs may not be comparable with the earlier ones; each will say so.")
        self.resume_button = self.addButton("Measure the rest", QMessageBox.ButtonRole.AcceptRole)
        self.leave_button = self.addButton("Leave it", QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.leave_button)
        self.setEscapeButton(self.leave_button)

    @classmethod
    def put(cls, changes: Sequence[str], parent: QWidget, accepted: Callable[[], None]) -> "ResumeQuestion":
        """Ask without holding anything up; `accepted` is called when the rest shall be measured."""
        question = cls(changes, parent)
        question.buttonClicked.connect(lambda button: accepted() if button is question.resume_button else None)
        question.finished.connect(question.deleteLater)
        question.open()
        return question
