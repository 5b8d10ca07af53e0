"""The window's theme: which of the colours of `resources.colors` are on.

Qt's application palette is the only record of it; `tokens` reads it, so no widget holds a theme of its own.
"""

from PySide6.QtGui import QColor, QGuiApplication, QPalette

from resources.colors import DARK, LIGHT, Tokens

__all__ = ["DARK", "LIGHT", "Tokens", "contrast", "mixed", "tokens"]


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
