"""Whether the window can be shown here at all, told before Qt ends the process by itself. Imports nothing of Qt until asked."""

import ctypes
import importlib.util
import os
import re
import sys
from pathlib import Path

APT_LINE = "sudo apt install libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 \
libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0"
"""What a bare Debian or Ubuntu lacks; found by ldd on PySide6's libraries and its X11 and offscreen platforms."""

_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*)")
_WITHOUT_WINDOW = "`inferometer run` and the other commands work without it"


def problem_with_window() -> str:
    """One sentence that says what is missing and what to install; empty when the window can be shown."""
    try:
        import PySide6.QtWidgets  # noqa: F401  # the import is the question
    except ImportError as error:
        return _missing(str(error))
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if sys.platform != "linux" or (platform and not platform.startswith("xcb")):
        return ""
    if not platform and not os.environ.get("DISPLAY"):
        if os.environ.get("WAYLAND_DISPLAY"):
            return ""
        return f"There is no display here for the window (neither DISPLAY nor WAYLAND_DISPLAY is set); {_WITHOUT_WINDOW}."
    return _problem_with_xcb()


def _problem_with_xcb() -> str:
    """Qt aborts when its X11 plugin cannot be loaded, so it is loaded here first."""
    specification = importlib.util.find_spec("PySide6")
    folders = specification.submodule_search_locations if specification else None
    for folder in folders or []:
        plugin = Path(folder) / "Qt" / "plugins" / "platforms" / "libqxcb.so"
        if plugin.is_file():
            try:
                ctypes.CDLL(str(plugin))
            except OSError as error:
                return _missing(str(error))
    if not _is_display_open():
        return f"The display {os.environ.get('DISPLAY')} of the window cannot be reached; {_WITHOUT_WINDOW}."
    return ""


def _is_display_open() -> bool:
    """Whether the X server answers; the plugin that has just been loaded brought libxcb with it."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    is_open = bool(xcb.xcb_connection_has_error(connection) == 0)
    xcb.xcb_disconnect(connection)
    return is_open


def library_named_in(message: str) -> str:
    """The library that a loader's message names; empty where it names none, or where none can be installed by itself."""
    match = _LIBRARY.search(message)
    return match[1] if match is not None and sys.platform == "linux" else ""


def _missing(message: str) -> str:
    """The loader's message as a sentence that names the library."""
    library = library_named_in(message)
    if not library:
        return f"The window cannot be shown ({message}); install inferometer again. {_WITHOUT_WINDOW}."
    return f"The window needs {library}, which this system lacks; on Debian and Ubuntu: {APT_LINE}. {_WITHOUT_WINDOW}."
