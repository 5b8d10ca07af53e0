"""Where Inferometer keeps things: the platform's own folders, or all below INFEROMETER_HOME when that is set; and how it writes
small files there.
"""

import os
import tempfile
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


def write_in_one_move(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one; its folder is made. Raises OSError, and nothing is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
