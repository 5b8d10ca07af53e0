"""An X server without a screen (Xvfb): what it shows is looked at from outside, and its keyboard and pointer are worked."""

import ctypes
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

_WIDTH_PX, _HEIGHT_PX = 1440, 900
_BYTES_PER_PIXEL = 4


def missing_parts() -> str:
    """What this machine lacks for a virtual screen; empty when all is there."""
    if shutil.which("Xvfb") is None:
        return "Xvfb (package xvfb)"
    try:
        ctypes.CDLL("libXtst.so.6")
    except OSError:
        return "libXtst (package libxtst6)"
    return ""


class VirtualScreen:
    """A context manager; `name` is what DISPLAY must be."""

    def __init__(self, folder: Path) -> None:
        reader, writer = os.pipe()
        size = f"{_WIDTH_PX}x{_HEIGHT_PX}x24"
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", size, "-fbdir", str(folder), "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as answer:
            self.name = f":{answer.readline().strip()}"
        self._frame_file = folder / "Xvfb_screen0"
        self._x11, self._xtst = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._x11.XStringToKeysym.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(self.name.encode()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._x11.XCloseDisplay(self._display)
        self._server.terminate()
        self._server.wait()

    def pixels(self) -> bytes:
        """The whole screen, 4 bytes a pixel: blue, green, red, unused."""
        frame = self._frame_file.read_bytes()
        header_bytes, colors = struct.unpack_from(">I", frame)[0], struct.unpack_from(">19I", frame, 4)[18]
        start = header_bytes + 12 * colors  # the X window dump format: header, colour map, rows
        return frame[start : start + _WIDTH_PX * _HEIGHT_PX * _BYTES_PER_PIXEL]

    def color_count(self) -> int:
        """Different colours on the screen, looked for at every seventh pixel."""
        pixels = self.pixels()
        return len({pixels[start : start + 3] for start in range(0, len(pixels), 7 * _BYTES_PER_PIXEL)})

    def save(self, path: Path) -> None:
        """Write the screen as a picture."""
        from PySide6.QtGui import QImage

        assert QImage(self.pixels(), _WIDTH_PX, _HEIGHT_PX, QImage.Format.Format_RGB32).save(str(path))

    def click(self, x_px: int, y_px: int) -> None:
        """Move the pointer there and press its first button once."""
        self._xtst.XTestFakeMotionEvent(self._display, 0, x_px, y_px, 0)
        for is_press in (1, 0):
            self._xtst.XTestFakeButtonEvent(self._display, 1, is_press, 0)
        self._x11.XSync(self._display, 0)

    def press(self, *keys: str) -> None:
        """Press keys together, named as X names them ("Control_L", "Return")."""
        codes = [self._x11.XKeysymToKeycode(self._display, self._x11.XStringToKeysym(key.encode())) for key in keys]
        for code, is_press in [*((code, 1) for code in codes), *((code, 0) for code in reversed(codes))]:
            self._xtst.XTestFakeKeyEvent(self._display, code, is_press, 0)
        self._x11.XSync(self._display, 0)


def wait_until(is_true: Callable[[], bool], limit_s: float) -> float:
    """The seconds it took; fails when it stays false."""
    started_s = time.monotonic()
    while not is_true():
        assert time.monotonic() - started_s < limit_s, f"not within {limit_s} s"
        time.sleep(0.05)
    return time.monotonic() - started_s
