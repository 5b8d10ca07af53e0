"""The window's log: versions, starts and ends, mistakes of ours; never a prompt, a key or an error's own words.

It rotates, in the platform's folder for logs.
"""

import logging
import logging.handlers
import sys

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Slot

from app.bridge.sweep_bridge import SweepOutcome
from app.dialogs.report import version_lines
from profiler import paths

_LOG_BYTES = 1_000_000
_LOG_FILES = 3

_log = logging.getLogger("inferometer.window")


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
    logging.getLogger("inferometer").setLevel(logging.INFO)
    _log.info("window starts: %s", ", ".join(version_lines()))


def qt_message_to_log(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Qt's own complaints, for `qInstallMessageHandler`; after a fatal one Qt ends the process, so it is printed as well."""
    if kind == QtMsgType.QtFatalMsg:
        print(f"inferometer: {message}", file=sys.stderr)
    levels = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO, QtMsgType.QtWarningMsg: logging.WARNING}
    logging.getLogger("qt").log(levels.get(kind, logging.ERROR), "%s", message)


class SweepLog(QObject):
    """Sweeps' starts and ends, into the log: for `SweepBridge.started` and `ended`."""

    @Slot(object, object)
    def on_started(self, plan: object, session: object) -> None:
        """A sweep begins; its plan and file are not logged."""
        _log.info("sweep starts")

    @Slot(object)
    def on_ended(self, outcome: SweepOutcome) -> None:
        """It has ended; a fault's sentence names files and stays out."""
        _log.info("sweep ended: %s", "with a fault" if outcome.sentence else "stopped" if outcome.stopped else "complete")
