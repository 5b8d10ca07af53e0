import signal

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.quit_signal import QuitSignal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_wakes_the_loop_and_is_told(qtbot: QtBot, qapp: QApplication, number: signal.Signals) -> None:
    before = {known: signal.getsignal(known) for known in (signal.SIGINT, signal.SIGTERM)}
    quit_signal = QuitSignal(qapp)
    try:
        with qtbot.waitSignal(quit_signal.received, timeout=2000):
            signal.raise_signal(number)
    finally:
        quit_signal.close()
        quit_signal.deleteLater()
        for known, handler in before.items():
            signal.signal(known, handler)
