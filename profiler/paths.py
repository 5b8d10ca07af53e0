"""Where Inferometer keeps things: the platform's own folders, or all below INFEROMETER_HOME when that is set."""

import os
from pathlib import Path

import platformdirs

APP_NAME = "inferometer"


def _home() -> Path | None:
    value = os.environ.get("INFEROMETER_HOME")
    return Path(value) if value else None


def cache_folder() -> Path:
    """Things that can be made again: quantized models, hashes."""
    home = _home()
    return home / "cache" if home else Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False))


def data_folder() -> Path:
    """Things learned about this machine: its measured ceilings."""
    home = _home()
    return home / "data" if home else Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


def settings_file() -> Path:
    """The window's own settings (an INI file)."""
    home = _home()
    folder = home / "config" if home else Path(platformdirs.user_config_dir(APP_NAME, appauthor=False))
    return folder / "window.ini"


def log_folder() -> Path:
    """Rotating logs of the window."""
    home = _home()
    return home / "log" if home else Path(platformdirs.user_log_dir(APP_NAME, appauthor=False))


def sessions_folder() -> Path:
    """Where sessions made in the window go, unless the user chose another folder."""
    home = _home()
    documents = home / "documents" if home else Path(platformdirs.user_documents_dir())
    return documents / "Inferometer"
