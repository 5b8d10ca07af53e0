"""Mistakes of ours that reach the top: into the log and into a dialog, instead of a silent end or a torn-down sweep."""

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from app.bridge.inbox import Inbox
from app.dialogs.error_dialog import ErrorDialog
from app.dialogs.report import plain_details
from profiler.records.fingerprint import Fingerprint

_log = logging.getLogger("inferometer.window")


@dataclass(frozen=True, slots=True)
class _Crash:
    kind: type[BaseException]
    error: BaseException
    trace: TracebackType | None


class CrashReporter(QObject):
    """Python's excepthooks for all threads.

    Signals:
        reported: a dialog shows the report.
    """

    reported = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._inbox = Inbox(self._show, self)
        self._dialog: ErrorDialog | None = None
        self._machine_of: Callable[[], Fingerprint | None] = lambda: None

    def ask_for_machine(self, machine_of: Callable[[], Fingerprint | None]) -> None:
        """Where the report's fingerprint comes from: asked on the main thread when a report is shown."""
        self._machine_of = machine_of

    def install(self) -> None:
        """Be the hooks from now on."""
        sys.excepthook = self.on_exception
        threading.excepthook = self._on_thread_exception

    def on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """The hook; any thread."""
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        _log.error("mistake of ours: %s", " | ".join(plain_details(kind, error, trace).splitlines()))
        self._inbox.put(_Crash(kind, error, trace))

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        error = arguments.exc_value or arguments.exc_type()
        self.on_exception(arguments.exc_type, error, arguments.exc_traceback)

    def _show(self, thing: object) -> None:
        assert isinstance(thing, _Crash)
        if self._dialog is None or not self._dialog.isVisible():
            self._dialog = ErrorDialog(machine=self._machine_of())
        self._dialog.add(thing.kind, thing.error, thing.trace)
        self._dialog.show()
        self.reported.emit(self._dialog)
