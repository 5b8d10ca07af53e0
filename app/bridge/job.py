"""Long work of one kind on a thread of its own: a scan, a hash, an export. The page starts it, hears of it, may cancel it."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from app.bridge.inbox import Inbox
from profiler.errors import InferometerError, Interrupted


@dataclass(frozen=True, slots=True)
class _Progress:
    sentence: str
    share: float | None


@dataclass(frozen=True, slots=True)
class _Item:
    value: object


@dataclass(frozen=True, slots=True)
class _End:
    value: object = None
    error: BaseException | None = None


class JobLine:
    """What the work gets: whether it shall stop, and where it tells how far it is. Used on the job's thread.

    Attributes:
        cancel: set when the user no longer wants the work; functions of `profiler` take it as it is.
    """

    def __init__(self, inbox: Inbox) -> None:
        self.cancel = threading.Event()
        self._inbox = inbox

    def progress(self, sentence: str, share: float | None = None) -> None:
        """Tell what is being done, and the share done when it is known."""
        self._inbox.put(_Progress(sentence, share))

    def item(self, value: object) -> None:
        """Hand over something found on the way."""
        self._inbox.put(_Item(value))


class Job(QObject):
    """One piece of work, once. The owner is its parent: a page that goes cancels its jobs, and hears nothing more of them.

    The work must not touch a widget. A failure for the user arrives as a sentence; a mistake of ours goes to the error dialog.

    Signals:
        progressed: a sentence and the share done (None when unknown).
        item_found: something that the work handed over on the way.
        succeeded: what the work returned.
        failed: a sentence; not sent when it was cancelled.
        ended: after one of these, or after a cancel.
    """

    progressed = Signal(str, object)
    item_found = Signal(object)
    succeeded = Signal(object)
    failed = Signal(str)
    ended = Signal()

    def __init__(self, work: Callable[[JobLine], object], parent: QObject) -> None:
        super().__init__(parent)
        self._work = work
        self._inbox = Inbox(self._deliver, self)
        self._line = JobLine(self._inbox)
        self._thread = threading.Thread(
            target=self._carry_out, name="job", daemon=True
        )  # work that hangs never keeps the program
        self._has_ended = False
        self.destroyed.connect(self._line.cancel.set)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread.ident is not None and not self._has_ended

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop; `ended` comes when it has."""
        self._line.cancel.set()

    def _carry_out(self) -> None:
        """The thread."""
        try:
            self._inbox.put(_End(self._work(self._line)))
        except BaseException as error:  # whatever it is, the main thread must hear that the work is over
            self._inbox.put(_End(error=error))

    def _deliver(self, thing: object) -> None:
        match thing:
            case _Progress(sentence, share):
                self.progressed.emit(sentence, share)
            case _Item(value):
                self.item_found.emit(value)
            case _End(value, error):
                self._has_ended = True
                self._thread.join()  # its last statement has been reached
                self._tell_end(value, error)
                self.ended.emit()

    def _tell_end(self, value: object, error: BaseException | None) -> None:
        if error is None:
            self.succeeded.emit(value)
        elif isinstance(error, Interrupted):
            return
        elif isinstance(error, InferometerError):
            self.failed.emit(error.sentence)
        else:
            self.failed.emit("Something went wrong that should not have; the report has the details.")
            sys.excepthook(type(error), error, error.__traceback__)
