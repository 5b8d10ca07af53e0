"""The text of an error report: versions and details, with the user's own folder names shortened."""

import importlib.metadata
import platform
from pathlib import Path

import PySide6

_PACKAGES = ("inferometer", "llama-cpp-python", "numpy", "pyqtgraph")


def version_lines() -> list[str]:
    """Versions that matter, one a line."""
    lines = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    return [*lines, f"PySide6 {PySide6.__version__}", f"Python {platform.python_version()}", platform.platform()]


def report_text(details: str) -> str:
    """A report of `details`; the home folder, which often holds the user's name, becomes "~"."""
    return "\n".join([*version_lines(), "", details.replace(str(Path.home()), "~")])
