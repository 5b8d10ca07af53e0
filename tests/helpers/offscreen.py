"""The one Qt application of a test session, without a screen. Import this before anything of Qt."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtWidgets import QApplication

from app.typeface import load_fonts


def application() -> QApplication:
    """The application, made when it is first asked for."""
    known = QApplication.instance()
    if isinstance(known, QApplication):
        return known
    made = QApplication([])
    load_fonts()
    return made
