"""Draws SVG as PNG with Qt, for `export --to png`. Imports nothing of Qt until asked, so that no other command needs it."""

import os
import sys
from typing import TYPE_CHECKING

from profiler.errors import EnvironmentFault

if TYPE_CHECKING:
    from PySide6.QtGui import QGuiApplication

_application: "QGuiApplication | None" = None


def rasterize(svg: str, scale: float) -> bytes:
    """A document of SVG as the bytes of a PNG file, `scale` pixels for each of its own.

    Raises:
        EnvironmentFault: Qt, or one of the system's libraries that it needs, is not there.
    """
    try:
        from PySide6.QtCore import QBuffer, QByteArray, QIODevice
        from PySide6.QtGui import QImage, QImageWriter, QPainter
        from PySide6.QtSvg import QSvgRenderer
    except ImportError as error:
        raise EnvironmentFault(_missing(error)) from error
    _make_application()
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    size = renderer.defaultSize() * scale
    image = QImage(size, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())


def _make_application() -> None:
    """Text needs one; it is drawn in memory, so no display is asked for. Within the window there is one already."""
    global _application
    from PySide6.QtGui import QGuiApplication

    if QGuiApplication.instance() is not None:
        return
    from app.typeface import load_fonts

    if sys.platform == "linux":  # elsewhere the system's own platform needs no display to paint in memory
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    _application = QGuiApplication(sys.argv[:1])
    load_fonts()


def _missing(error: ImportError) -> str:
    from app.qt_libraries import library_named_in

    library = library_named_in(str(error))
    what = f"{library}, which this system lacks" if library else f"Qt, which cannot be loaded here ({error})"
    return f"A PNG is drawn with {what}; `--to svg` writes the same figures without it."
