"""The one Qt application of a test session, without a screen. Import this before anything of Qt."""

import os
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtWidgets import QApplication

from app.garbage import collect_in_this_thread
from app.typeface import load_fonts


def application() -> QApplication:
    """The application, made when it is first asked for."""
    known = QApplication.instance()
    if isinstance(known, QApplication):
        return known
    made = QApplication([])
    load_fonts()
    kept.append(collect_in_this_thread())
    return made


kept: list[Any] = []
"""What collects cyclic garbage in the window's thread; empty as long as there is no application."""


def collect_garbage() -> None:
    """Collect what is due: between tests no event loop runs that would."""
    for collector in kept:
        collector.check()
