"""The one door through which other threads reach the window: they put things in, the main thread is woken and takes them out."""

import sys
from collections import deque
from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid


class _Doorbell(QObject):
    """Wakes the main thread. There is one, and it lives as long as the process: the only Qt object that other threads touch.

    A page may be destroyed while its job's thread runs; a signal sent by an object that dies meanwhile ends the process.
    """

    _rung = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._callers: deque[Inbox] = deque()
        self._rung.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    def ring(self, caller: "Inbox") -> None:
        """From any thread: have the caller drained."""
        self._callers.append(caller)
        self._rung.emit()

    @Slot()
    def _answer(self) -> None:
        if self._callers:
            self._callers.popleft().drain()


@cache
def _doorbell() -> _Doorbell:
    return _Doorbell()


class Inbox(QObject):
    """A queue from any thread to the main thread, which must own this object.

    Many things put in before the main thread gets to it wake it once; order is kept. What is put in after the object was
    destroyed is dropped.

    Args:
        deliver: gets each thing, on the main thread. What it raises goes to `sys.excepthook`, and the next thing is delivered.
    """

    def __init__(self, deliver: Callable[[object], None], parent: QObject) -> None:
        super().__init__(parent)
        self._deliver = deliver
        self._things: deque[object] = deque()  # its append and popleft are atomic
        self._is_waking = False
        self._doorbell = _doorbell()  # made here, on the main thread, which thereby owns it

    def put(self, thing: object, *, wake: bool = True) -> None:
        """Hand something over, from any thread. Without `wake` it waits for the next waking or for `drain`."""
        self._things.append(thing)
        if wake and not self._is_waking:
            self._is_waking = True
            self._doorbell.ring(self)

    @Slot()
    def drain(self) -> None:
        """Deliver everything that is there now; main thread only."""
        self._is_waking = False  # before the look: what is put from here on wakes again
        for _ in range(len(self._things)):
            if not isValid(self) or not self._things:  # a delivery destroyed the owner, or drained in a loop of its own
                break
            try:
                self._deliver(self._things.popleft())
            except Exception as error:  # one bad delivery must not leave those behind it undelivered
                sys.excepthook(type(error), error, error.__traceback__)
        if not isValid(self):
            self._things.clear()
