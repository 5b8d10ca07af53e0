"""How a sentence is meant: what a colour tells is told by a mark as well."""

from typing import Literal

Tone = Literal["plain", "muted", "met", "broken", "caution"]

MARKS: dict[Tone, str] = {"plain": "", "muted": "", "met": "✓", "broken": "✕", "caution": "▲"}


def marked(text: str, tone: Tone) -> str:
    """`text` behind the mark of its tone."""
    return f"{MARKS[tone]} {text}" if MARKS[tone] and text else text
