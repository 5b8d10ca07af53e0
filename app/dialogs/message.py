"""A sentence that the user has to see: what stood in the way of what they asked for."""

from PySide6.QtWidgets import QMessageBox, QWidget


def tell(parent: QWidget, heading: str, sentence: str) -> None:
    """Show it above `parent` without holding anything up."""
    box = QMessageBox(QMessageBox.Icon.Warning, heading, sentence, QMessageBox.StandardButton.Ok, parent)
    box.setAccessibleName(heading)
    box.setModal(False)
    box.open()
