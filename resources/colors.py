"""Inferometer's colours by what they are for, once for dark and once for light: the window's and the report's."""

from dataclasses import dataclass
from typing import Literal


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
