"""The window's colours by what they are for, once for dark and once for light.

Qt's application palette is the only record of which theme is on; `tokens` reads it, so no widget holds a theme of its own.
"""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QColor, QGuiApplication, QPalette


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours by what they are for, as "#rrggbb".

    Attributes:
        ground, surface, raised: window, cards, what is chosen.
        line, grid: borders, and the plots' grid.
        faint: what cannot be used now.
        accent, accent_hover, on_accent: the main action and the selection; under the pointer; text upon it.
        met, broken, caution: always beside a mark, never alone.
        series: curves of a plot, in order.
    """

    name: Literal["dark", "light"]
    ground: str
    surface: str
    raised: str
    line: str
    grid: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    on_accent: str
    met: str
    broken: str
    caution: str
    series: tuple[str, str, str, str]


DARK = Tokens(
    name="dark",
    ground="#12151a",
    surface="#1a1f27",
    raised="#222936",
    line="#2f3846",
    grid="#28303c",
    text="#e8ecf2",
    muted="#97a3b3",
    faint="#6b7686",
    accent="#56a8f5",
    accent_hover="#74b8f8",
    on_accent="#0c1118",
    met="#2fb58b",
    broken="#ef7d4b",
    caution="#e6a93a",
    series=("#56b4e9", "#e6a93a", "#2fb58b", "#d78bb5"),
)

LIGHT = Tokens(
    name="light",
    ground="#f4f6f8",
    surface="#ffffff",
    raised="#eef2f6",
    line="#d8dfe7",
    grid="#e6ebf0",
    text="#18202a",
    muted="#5a6778",
    faint="#8a96a5",
    accent="#0f6cbd",
    accent_hover="#1a7fd6",
    on_accent="#ffffff",
    met="#00795a",
    broken="#b8470f",
    caution="#9a6700",
    series=("#0f6cbd", "#b06a00", "#00795a", "#a3487d"),
)


def tokens() -> Tokens:
    """The tokens of the theme that is on."""
    return DARK if QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def mixed(first: str, second: str, share: float) -> QColor:
    """The colour that lies `share` of the way from `first` to `second`."""
    one, other = QColor(first), QColor(second)
    rest = 1 - share
    return QColor(
        round(one.red() * rest + other.red() * share),
        round(one.green() * rest + other.green() * share),
        round(one.blue() * rest + other.blue() * share),
    )


def contrast(first: str, second: str) -> float:
    """WCAG 2's contrast ratio of two colours, from 1 to 21."""

    def luminance(name: str) -> float:
        color = QColor(name)
        parts = (color.redF(), color.greenF(), color.blueF())
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
