"""Mistakes of ours that reach the top: into the log and into a dialog, instead of a silent end or a torn-down sweep."""

import logging
import logging.handlers
import sys
import threading
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal

from app.bridge.inbox import Inbox
from app.dialogs.error_dialog import ErrorDialog
from profiler import paths

_LOG_BYTES = 1_000_000
_LOG_FILES = 3

_log = logging.getLogger("inferometer.window")


@dataclass(frozen=True, slots=True)
class _Crash:
    kind: type[BaseException]
    error: BaseException
    trace: TracebackType | None


def start_log() -> None:
    """Write a rotating log; where it cannot be written there is none, which is no reason not to work."""
    try:
        paths.log_folder().mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            paths.log_folder() / "window.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(handler)


def qt_message_to_log(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Qt's own complaints, for `qInstallMessageHandler`; after a fatal one Qt ends the process, so it is printed as well."""
    if kind == QtMsgType.QtFatalMsg:
        print(f"inferometer: {message}", file=sys.stderr)
    levels = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO, QtMsgType.QtWarningMsg: logging.WARNING}
    logging.getLogger("qt").log(levels.get(kind, logging.ERROR), "%s", message)


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

    def install(self) -> None:
        """Be the hooks from now on."""
        sys.excepthook = self.on_exception
        threading.excepthook = self._on_thread_exception

    def on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """The hook; any thread."""
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        _log.error("unexpected", exc_info=(kind, error, trace))
        self._inbox.put(_Crash(kind, error, trace))

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        error = arguments.exc_value or arguments.exc_type()
        self.on_exception(arguments.exc_type, error, arguments.exc_traceback)

    def _show(self, thing: object) -> None:
        assert isinstance(thing, _Crash)
        if self._dialog is None or not self._dialog.isVisible():
            self._dialog = ErrorDialog()
        self._dialog.add(thing.kind, thing.error, thing.trace)
        self._dialog.show()
        self.reported.emit(self._dialog)
