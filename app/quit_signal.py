"""Ctrl-C in the terminal and a polite kill close the window as the user would, so that a running sweep is saved."""

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal, Slot

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class QuitSignal(QObject):
    """Python runs signal handlers only between two bytecodes, and Qt's loop runs none while idle: a socket wakes it.

    Signals:
        received: the program shall end.
    """

    received = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._reader.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_woken)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Nothing to do here: the byte that Python writes to the socket wakes the loop."""

    @Slot()
    def _on_woken(self) -> None:
        self._reader.recv(64)
        self.received.emit()

    def close(self) -> None:
        """Give the signals back their defaults."""
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()
