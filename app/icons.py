"""Icons from `resources/icons`: SVG drawings in one colour, tinted when they are drawn."""

from functools import lru_cache
from importlib import resources

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer


def icon_path(name: str) -> str:
    """The file of an icon with forward slashes, as stylesheets want it."""
    return str(resources.files("resources").joinpath("icons", f"{name}.svg")).replace("\\", "/")


@lru_cache(maxsize=64)
def pixmap(name: str, color: str, size: int, device_ratio: float = 1.0) -> QPixmap:
    """The icon as a square of `size` logical pixels; "currentColor" of the drawing becomes `color`."""
    drawing = resources.files("resources").joinpath("icons", f"{name}.svg").read_text(encoding="utf-8")
    picture = QPixmap(round(size * device_ratio), round(size * device_ratio))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(drawing.replace("currentColor", color).encode())).render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(device_ratio)
    return picture


def application_icon() -> QIcon:
    """Inferometer's own icon."""
    return QIcon(icon_path("inferometer"))
