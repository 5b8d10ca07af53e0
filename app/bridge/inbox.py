"""The one door through which other threads reach the window: they put things in, the main thread is woken and takes them out."""

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot


class Inbox(QObject):
    """A queue from any thread to the main thread, which must own this object.

    Many things put in before the main thread gets to it wake it once; order is kept.

    Args:
        deliver: gets each thing, on the main thread.
    """

    _woken = Signal()

    def __init__(self, deliver: Callable[[object], None], parent: QObject) -> None:
        super().__init__(parent)
        self._deliver = deliver
        self._things: deque[object] = deque()  # its append and popleft are atomic
        self._is_waking = False
        self._woken.connect(self.drain, Qt.ConnectionType.QueuedConnection)

    def put(self, thing: object, *, wake: bool = True) -> None:
        """Hand something over, from any thread. Without `wake` it waits for the next waking or for `drain`."""
        self._things.append(thing)
        if wake and not self._is_waking:
            self._is_waking = True
            self._woken.emit()

    @Slot()
    def drain(self) -> None:
        """Deliver everything that is there now; main thread only."""
        self._is_waking = False  # before the look: what is put from here on wakes again
        for _ in range(len(self._things)):
            self._deliver(self._things.popleft())
