"""The composition root: builds settings, theme, bridge and window, opens the given files, runs the event loop."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Signal, qInstallMessageHandler
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.bridge.sweep_bridge import SweepBridge
from app.crash import CrashReporter, qt_message_to_log, start_log
from app.icons import application_icon
from app.main_window import MainWindow
from app.quit_signal import QuitSignal
from app.settings import Settings
from app.theme import ThemeSwitch
from app.typeface import load_fonts


class Application(QApplication):
    """Qt's application, which also hears of files that the desktop opens with it (macOS).

    Signals:
        file_requested: the path of such a file.
    """

    file_requested = Signal(object)

    def event(self, event: QEvent) -> bool:
        """Tell of a file to open."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.file_requested.emit(Path(event.file()))
            return True
        return super().event(event)


def run(files: Sequence[Path]) -> int:
    """Show the window with `files` open until it is closed; returns the exit status."""
    start_log()
    qInstallMessageHandler(qt_message_to_log)
    application = Application(sys.argv[:1])
    application.setApplicationName("Inferometer")
    application.setDesktopFileName("inferometer")
    application.setWindowIcon(application_icon())
    load_fonts()
    CrashReporter(application).install()
    settings = Settings()
    theme = ThemeSwitch(application, settings.theme)
    bridge = SweepBridge(parent=application)
    window = MainWindow(settings, theme, bridge)
    application.file_requested.connect(window.open_file)
    quit_signal = QuitSignal(application)
    quit_signal.received.connect(window.close_unasked)
    window.show()
    for path in files:
        window.open_file(path)
    gc.freeze()  # what stands now stays; looking through it in every full collection would stall the window for 40 ms
    try:
        return application.exec()
    finally:
        # However the loop ended, no sweep goes on without a window.
        bridge.stop()
        bridge.wait_until_ended()
        quit_signal.close()
