"""Draws any figure as SVG: for the report, and as a document of its own with title, legend and notes."""

from collections.abc import Callable
from dataclasses import dataclass

from profiler.exchange.charts.bar_drawing import bar_content, part_sample
from profiler.exchange.charts.chart import BarChart, Chart, Figure, HeatChart, LaneChart, Look, PartKind
from profiler.exchange.charts.elements import rectangle, text, width_px, wrapped
from profiler.exchange.charts.frame import HEIGHT_PX, WIDTH_PX
from profiler.exchange.charts.heat_drawing import heat_content
from profiler.exchange.charts.ink import Ink, PageInk, ThemeInk
from profiler.exchange.charts.lane_drawing import lane_content
from profiler.exchange.charts.plot_drawing import SAMPLE_PX, plot_content, sample
from profiler.exchange.markup import escaped
from resources.colors import Tokens

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
FONTS = "Inter,'Segoe UI','Helvetica Neue','DejaVu Sans',sans-serif"
_LEGEND_ROW_PX = 20
_NOTE_ROW_PX = 16


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a legend."""

    name: str
    drawn: Callable[[float, float], str]

    @property
    def width_px(self) -> float:
        return SAMPLE_PX + 5 + width_px(self.name) + 16


def page_figure(figure: Figure) -> str:
    """The figure within the report: its title and legend are the page's."""
    name = escaped(f"{figure.title}: {figure.told}")
    content, height = _content(figure, 0, PageInk(), is_page=True)
    return f'<svg class="chart" viewBox="0 0 {WIDTH_PX} {height:.0f}" role="img" aria-label="{name}">{content}</svg>'


def lone_figure(figure: Figure, colors: Tokens, fonts: str = FONTS) -> str:
    """The figure as a document of its own, with title, legend and notes, in one theme's colours. All text is in it as text.

    Args:
        figure: what is drawn.
        colors: of its theme.
        fonts: families, the first that there is taken; Qt takes the whole text for one name.
    """
    ink = ThemeInk(colors)
    rows = _legend_rows(_entries(figure, ink))
    told = wrapped(figure.told, WIDTH_PX - 28)
    legend_px = 28 + _NOTE_ROW_PX * len(told)
    head_px = legend_px + _LEGEND_ROW_PX * len(rows)
    content, content_px = _content(figure, head_px, ink, is_page=False)
    lines = [line for note in _notes(figure) for line in wrapped(note, WIDTH_PX - 28)]
    height = round(content_px + _NOTE_ROW_PX * len(lines) + (8 if lines else 0))
    parts = [
        f'<svg xmlns="{SVG_NAMESPACE}" width="{WIDTH_PX}" height="{height}" viewBox="0 0 {WIDTH_PX} {height}" '
        f'font-family="{escaped(fonts)}" role="img">',
        f"<title>{escaped(figure.title)}</title><desc>{escaped(figure.told)}</desc>",
        rectangle(0, 0, WIDTH_PX, height, ink.paint("surface")),
        text(14, 22, figure.title, ink, "text", size=14, weight=600),
        *(text(14, 39 + place * _NOTE_ROW_PX, line, ink, "muted") for place, line in enumerate(told)),
    ]
    for row, entries in enumerate(rows):
        x = 14.0
        for entry in entries:
            parts.append(entry.drawn(x, legend_px + 10 + row * _LEGEND_ROW_PX))
            parts.append(text(x + SAMPLE_PX + 5, legend_px + 14 + row * _LEGEND_ROW_PX, entry.name, ink, "text"))
            x += entry.width_px
    parts.append(content)
    for place, line in enumerate(lines):
        parts.append(text(14, content_px + 10 + place * _NOTE_ROW_PX, line, ink, "muted"))
    return "".join([*parts, "</svg>\n"])


def legend_sample(of: Look | PartKind) -> str:
    """A series' line and marker, or a part's colour and pattern, for the page's legend."""
    drawn = sample(0, 6, of, PageInk()) if isinstance(of, Look) else part_sample(0, 6, of, PageInk())
    return f'<svg class="sample" width="{SAMPLE_PX}" height="12" aria-hidden="true">{drawn}</svg>'


def _content(figure: Figure, head_px: float, ink: Ink, *, is_page: bool) -> tuple[str, float]:
    """What is drawn below a head, and where it ends."""
    match figure:
        case Chart():
            return plot_content(figure, head_px, ink, is_page=is_page), HEIGHT_PX + head_px
        case HeatChart():
            return heat_content(figure, head_px, ink, is_page=is_page)
        case BarChart():
            return bar_content(figure, head_px, ink, is_page=is_page)
        case LaneChart():
            return lane_content(figure, head_px, ink)


def _entries(figure: Figure, ink: Ink) -> list[_Entry]:
    match figure:
        case Chart():
            return [_series_entry(series.name, series.look, ink) for series in figure.series if series.is_shown]
        case BarChart() | LaneChart():
            return [_part_entry(kind, ink) for kind in figure.kinds]
        case HeatChart():
            return []


def _series_entry(name: str, look: Look, ink: Ink) -> _Entry:
    return _Entry(name, lambda x, y: sample(x, y, look, ink))


def _part_entry(kind: PartKind, ink: Ink) -> _Entry:
    return _Entry(kind.name, lambda x, y: part_sample(x, y, kind, ink))


def _notes(figure: Figure) -> list[str]:
    notes = [figure.note] if figure.note else []
    left_out = sum(not series.is_shown for series in figure.series) if isinstance(figure, Chart) else 0
    return [*notes, *([f"{left_out} more cells are not drawn here; the report has them."] if left_out else [])]


def _legend_rows(entries: list[_Entry]) -> list[list[_Entry]]:
    rows: list[list[_Entry]] = []
    used = WIDTH_PX + 1.0
    for entry in entries:
        if used + entry.width_px > WIDTH_PX - 14:
            rows.append([])
            used = 14.0
        rows[-1].append(entry)
        used += entry.width_px
    return rows
