"""Draws a heatmap: a place for each cell, shaded by its figure, with the figure in it."""

from collections.abc import Iterable

from profiler.exchange.charts.chart import HeatChart
from profiler.exchange.charts.elements import hatching, rectangle, shortened, text, width_px
from profiler.exchange.charts.frame import WIDTH_PX
from profiler.exchange.charts.ink import Ink
from profiler.exchange.findings.heatmap import HeatCell
from profiler.exchange.markup import escaped

_AIR_PX = 14
_ROW_PX = 34
_MOST_GUTTER_PX = 150
_KEY_PX = 30
_STEPS = 6
_STEP_PX = 18
_FAINTEST, _STRONGEST = 0.06, 0.55
"""How much of the colour the lowest and the highest figure get: the words upon it must be read in both themes."""


def heat_content(chart: HeatChart, head_px: float, ink: Ink, *, is_page: bool) -> tuple[str, float]:
    """The map below a head, and where it ends."""
    shown = chart.map
    gutter = min(_MOST_GUTTER_PX, max(map(width_px, (*shown.rows, f"↓ {shown.row_title}")), default=0.0)) + 8
    left, top = _AIR_PX + gutter, head_px + _KEY_PX + 36
    wide = (WIDTH_PX - _AIR_PX - left) / max(len(shown.columns), 1)
    parts = [*_key(chart, head_px, ink)]
    parts.append(text(left, top - 22, f"→ {shown.column_title}", ink, "muted"))
    parts.append(text(_AIR_PX, top - 6, shortened(f"↓ {shown.row_title}", gutter), ink, "muted"))
    for number, words in enumerate(shown.columns):
        parts.append(text(left + (number + 0.5) * wide, top - 6, shortened(words, wide - 4), ink, "muted", anchor="middle"))
    for number, words in enumerate(shown.rows):
        y = top + (number + 0.5) * _ROW_PX + 4
        parts.append(text(left - 8, y, shortened(words, gutter - 8), ink, "muted", anchor="end"))
    for cell in shown.cells:
        x, y = left + cell.column * wide, top + cell.row * _ROW_PX
        parts += _place(cell, (x + 1, y + 1, wide - 2, _ROW_PX - 2), ink, is_page=is_page)
    return "".join(parts), top + _ROW_PX * len(shown.rows) + _AIR_PX


def _key(chart: HeatChart, head_px: float, ink: Ink) -> Iterable[str]:
    """The shades from the lowest figure to the highest."""
    shown = chart.map
    if not shown.low:
        return
    x, y = float(_AIR_PX), head_px + 8
    yield text(x, y + 11, shown.low, ink, "muted")
    x += width_px(shown.low) + 6
    for step in range(_STEPS):
        yield rectangle(x, y, _STEP_PX, 14, f'{ink.paint("s0")} fill-opacity="{_opacity(step / (_STEPS - 1))}"')
        x += _STEP_PX
    better = f" · {shown.better}" if shown.better else ""
    yield text(x + 6, y + 11, f"{shown.high} · {shown.title}{better}", ink, "muted")


def _place(cell: HeatCell, box: tuple[float, float, float, float], ink: Ink, *, is_page: bool) -> Iterable[str]:
    x, y, wide, high = box
    yield f'<g class="box" data-cell="{cell.cell_id}">' if is_page else "<g>"
    yield f"<title>{escaped(cell.words)}</title>"
    if cell.share is not None:
        yield rectangle(x, y, wide, high, f'{ink.paint("s0", "line")} fill-opacity="{_opacity(cell.share)}"')
    else:
        yield rectangle(x, y, wide, high, ink.paint("surface", "line"))
        yield hatching(x, y, wide, high, "hatched", ink, "grid")
    fitting = cell.text if width_px(cell.text) <= wide - 4 else shortened(cell.text, wide - 4)
    yield text(x + wide / 2, y + high / 2 + 4, fitting, ink, "text" if cell.share is not None else "muted", anchor="middle")
    yield "</g>"


def _opacity(share: float) -> str:
    return f"{_FAINTEST + share * (_STRONGEST - _FAINTEST):.3f}"
