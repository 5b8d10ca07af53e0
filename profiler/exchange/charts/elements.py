"""The elements that figures are drawn with: words, rectangles, and the hatching that tells parts apart beside their colours."""

from typing import Literal

from profiler.exchange.charts.ink import Ink, Role
from profiler.exchange.markup import escaped

Pattern = Literal["plain", "hatched", "crossed"]

LABEL_PX = 11
_PER_CHARACTER_PX = 6.3  # of a label, on the wide side: words are laid out without a font at hand
_HATCH_PX = 6


def width_px(words: str) -> float:
    """About how wide words are as a label."""
    return len(words) * _PER_CHARACTER_PX


def rectangle(x: float, y: float, width: float, height: float, paint: str) -> str:
    """A rectangle with the attributes that paint it."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{paint}/>'


def text(
    x: float, y: float, words: str, ink: Ink, role: Role, *, anchor: str = "start", size: int = LABEL_PX, weight: int = 400
) -> str:
    """Words in one line; `anchor` tells which end of them stands at `x`."""
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    bold = "" if weight == 400 else f' font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{placed}{bold}{ink.paint(role)}>{escaped(words)}</text>'


def wrapped(words: str, most_px: float) -> list[str]:
    """Words in lines no longer than this."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_px(longer) > most_px:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def shortened(words: str, most_px: float) -> str:
    """The beginning of words that takes no more room than this."""
    if width_px(words) <= most_px:
        return words
    kept = max(1, int((most_px - width_px("…")) / width_px("x")))
    return f"{words[:kept].rstrip()}…"


def hatching(x: float, y: float, width: float, height: float, pattern: Pattern, ink: Ink, role: Role) -> str:
    """Slanting lines over a rectangle, in one direction or in both; nothing for a plain one."""
    if pattern == "plain" or width < 1 or height < 1:
        return ""
    lines = []
    place = _HATCH_PX - height
    while place < width:
        # From the lower edge at `place` to the upper one at `place + height`, cut at both sides.
        left, right = max(0.0, place), min(width, place + height)
        lines.append(f"M{x + left:.1f} {y + height - (left - place):.1f}L{x + right:.1f} {y + height - (right - place):.1f}")
        if pattern == "crossed":
            lines.append(f"M{x + left:.1f} {y + left - place:.1f}L{x + right:.1f} {y + right - place:.1f}")
        place += _HATCH_PX
    return f'<path d="{"".join(lines)}"{ink.paint(stroke=role)} stroke-width="1"/>'
