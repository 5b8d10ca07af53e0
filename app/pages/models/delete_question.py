"""Asks before every quantization is deleted."""

from PySide6.QtWidgets import QMessageBox, QWidget

from profiler.units import bytes_text


class DeleteQuestion(QMessageBox):
    """Delete all, or keep them."""

    def __init__(self, cache_bytes: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Delete all quantizations")
        self.setIcon(QMessageBox.Icon.Question)
        self.setText(f"Delete every quantization that was made here, {bytes_text(cache_bytes)}?")
        self.setInformativeText("The models that they were made from stay, and what is measured of them. They can be made again.")
        self.delete_button = self.addButton("Delete all", QMessageBox.ButtonRole.DestructiveRole)
        self.keep_button = self.addButton("Keep them", QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.keep_button)
        self.setEscapeButton(self.keep_button)

    @classmethod
    def ask(cls, parent: QWidget, cache_bytes: int) -> bool:
        """True: delete them."""
        question = cls(cache_bytes, parent)
        question.exec()
        return question.clickedButton() is question.delete_button
