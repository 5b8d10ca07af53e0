"""Draws lying bars of parts, told apart by colour and by pattern."""

from collections.abc import Iterable

from profiler.exchange.charts.chart import Bar, BarChart, PartKind
from profiler.exchange.charts.elements import hatching, rectangle, shortened, text, width_px
from profiler.exchange.charts.frame import WIDTH_PX
from profiler.exchange.charts.ink import Ink
from profiler.exchange.charts.scale import ticks
from profiler.exchange.markup import escaped

_AIR_PX = 14
_ROW_PX = 26
_BAR_PX = 16
_MOST_GUTTER_PX = 190
_SAMPLE_PX = 26
_MOST_TICKS = 6
MOST_DRAWN = 40
"""Bars of one figure; its table has all of them."""


def bar_content(chart: BarChart, head_px: float, ink: Ink, *, is_page: bool) -> tuple[str, float]:
    """The bars below a head with their axis, and where it ends."""
    drawn = chart.bars[:MOST_DRAWN]
    gutter = min(_MOST_GUTTER_PX, max((width_px(bar.label) for bar in drawn), default=0.0)) + 8
    figures = max((width_px(bar.figure) for bar in drawn), default=0.0) + 10
    left, right, top = _AIR_PX + gutter, WIDTH_PX - _AIR_PX - figures, head_px + 8
    bottom = top + _ROW_PX * len(drawn)
    parts = []
    for tick in ticks(chart.axis.scale, _MOST_TICKS):
        x = left + chart.axis.scale.share(tick.value) * (right - left)
        parts.append(f'<path d="M{x:.1f} {top:.1f}V{bottom + 4:.1f}"{ink.paint(stroke="grid")}/>')
        parts.append(text(x, bottom + 17, tick.text, ink, "muted", anchor="middle"))
    for number, bar in enumerate(drawn):
        parts += _bar(chart, bar, (left, right, top + number * _ROW_PX), ink, is_page=is_page)
    parts.append(text(right, bottom + 34, f"{chart.axis.title} →", ink, "muted", anchor="end"))
    return "".join(parts), bottom + 44


def part_sample(x: float, y: float, kind: PartKind, ink: Ink) -> str:
    """A part's colour and pattern, for a legend."""
    return _part(x, y - 5, _SAMPLE_PX, 10, kind, ink)


def _bar(chart: BarChart, bar: Bar, place: tuple[float, float, float], ink: Ink, *, is_page: bool) -> Iterable[str]:
    left, right, top = place
    yield f'<g class="box" data-cell="{bar.cell_id}">' if is_page else "<g>"
    yield f"<title>{escaped(bar.words)}</title>"
    yield text(left - 8, top + 17, shortened(bar.label, left - _AIR_PX - 8), ink, "text", anchor="end")
    x = left
    for kind, part in zip(chart.kinds, bar.parts, strict=True):
        wide = chart.axis.scale.share(part) * (right - left)
        yield _part(x, top + (_ROW_PX - _BAR_PX) / 2, wide, _BAR_PX, kind, ink) if part > 0 else ""
        x += wide
    yield text(x + 6, top + 17, bar.figure, ink, "text")
    yield "</g>"


def _part(x: float, y: float, wide: float, high: float, kind: PartKind, ink: Ink) -> str:
    drawn = rectangle(x, y, wide, high, f'{ink.paint(kind.role, "surface")} stroke-width="0.6"')
    return drawn + hatching(x, y, wide, high, kind.pattern, ink, "surface")
