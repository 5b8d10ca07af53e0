"""The text of an error report: versions, details, machine and log, with the user's own folder names shortened."""

import importlib.metadata
import json
import platform
import traceback
from pathlib import Path
from types import TracebackType

import PySide6

from profiler import paths
from profiler.records.fingerprint import Fingerprint

_PACKAGES = ("inferometer", "llama-cpp-python", "numpy", "pyqtgraph")
_LOG_LINES = 30


def version_lines() -> list[str]:
    """Versions that matter, one a line."""
    lines = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    return [*lines, f"PySide6 {PySide6.__version__}", f"Python {platform.python_version()}", platform.platform()]


def full_details(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """An error as Python tells it, its own words and all file names included."""
    return "".join(traceback.format_exception(kind, error, trace)).rstrip()


def plain_details(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Kinds of errors and places in programs, the first cause first. No word of the errors: they may quote prompts."""
    lines: list[str] = []
    told: traceback.TracebackException | None = traceback.TracebackException(kind, error, trace)
    while told is not None:
        name = told.exc_type.__qualname__ if told.exc_type is not None else "error"
        lines[:0] = [name, *(f"  {_place(frame.filename)}:{frame.lineno} in {frame.name}" for frame in told.stack)]
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
    return "\n".join(lines)


def _place(file: str) -> str:
    """The last two parts of a program file's name: enough to find it, nothing of where the user keeps it."""
    return "/".join(Path(file).parts[-2:])


def log_lines() -> list[str]:
    """The log's last lines, our own alone: libraries may name files."""
    try:
        lines = (paths.log_folder() / "window.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if " inferometer." in line][-_LOG_LINES:]


def report_text(details: str, machine: Fingerprint | None = None) -> str:
    """Versions, `details`, the machine and the log; the home folder, which often holds the user's name, becomes "~"."""
    told = ["", "Machine", json.dumps(machine.to_json(), ensure_ascii=False)] if machine is not None else []
    log = log_lines()
    text = "\n".join([*version_lines(), "", details, *told, *(["", "Log", *log] if log else [])])
    return text.replace(str(Path.home()), "~")
