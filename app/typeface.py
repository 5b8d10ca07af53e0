"""The window's type: Inter from `resources/fonts`, or the system's face when it cannot be loaded; one font a role."""

from importlib import resources
from typing import Literal

from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication

Role = Literal["body", "statement", "page title", "card title", "small", "label", "figure", "unit", "rail"]

BODY_PX = 13
_SIZES_PX: dict[Role, int] = {
    "body": BODY_PX,
    "statement": 15,
    "page title": 17,
    "card title": 12,
    "small": 12,
    "label": 11,
    "figure": 27,
    "unit": 12,
    "rail": 11,
}
_SEMIBOLD: frozenset[Role] = frozenset({"page title", "card title", "figure"})
_FONT_FILES = ("Inter-Regular.otf", "Inter-SemiBold.otf")


def load_fonts() -> bool:
    """Make Inter the application's font; False when its files are unreadable and the system's font stays."""
    family = ""
    for name in _FONT_FILES:
        data = resources.files("resources").joinpath("fonts", name).read_bytes()
        identifier = QFontDatabase.addApplicationFontFromData(data)
        if identifier < 0:
            return False
        family = family or QFontDatabase.applicationFontFamilies(identifier)[0]
    font = QFont(family)
    font.setPixelSize(BODY_PX)
    QGuiApplication.setFont(font)
    return True


def font(role: Role) -> QFont:
    """The font of a role; figures have digits of one width, so that they do not jump while they change."""
    chosen = QFont(QGuiApplication.font())
    chosen.setPixelSize(_SIZES_PX[role])
    if role in _SEMIBOLD:
        chosen.setWeight(QFont.Weight.DemiBold)
    chosen.setFeature(QFont.Tag("tnum"), 1)
    return chosen
