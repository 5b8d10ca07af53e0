"""The composition root: builds settings, theme, bridge and window, opens the given files, runs the event loop."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Signal, qInstallMessageHandler
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.bridge.sweep_bridge import SweepBridge
from app.crash import CrashReporter
from app.garbage import collect_in_this_thread
from app.icons import application_icon
from app.logs import SweepLog, qt_message_to_log, start_log
from app.main_window import MainWindow
from app.quit_signal import QuitSignal
from app.settings import Settings
from app.theme import ThemeSwitch
from app.typeface import load_fonts

_LAST_WAIT_S = 0.5
"""For a sweep that has not ended although the window waited for it: quitting must work, and its file keeps what is written."""


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
    reporter = CrashReporter(application)
    reporter.install()
    settings = Settings()
    theme = ThemeSwitch(application, settings.theme)
    bridge = SweepBridge(parent=application)
    window = MainWindow(settings, theme, bridge)
    reporter.ask_for_machine(lambda: window.status.machine)
    sweep_log = SweepLog(application)
    bridge.started.connect(sweep_log.on_started)
    bridge.ended.connect(sweep_log.on_ended)
    application.file_requested.connect(window.open_file)
    quit_signal = QuitSignal(application)
    quit_signal.received.connect(window.close_unasked)
    window.show()
    for path in files:
        window.open_file(path)
    garbage = collect_in_this_thread()
    gc.freeze()  # what stands now stays; looking through it in every full collection would stall the window for 40 ms
    try:
        return application.exec()
    finally:
        # However the loop ended, no sweep goes on without a window.
        bridge.stop()
        bridge.wait_until_ended(_LAST_WAIT_S)
        quit_signal.close()
        del garbage
