"""The heatmaps of a session as charts: of each figure that matters, over the two axes that say most, held at each other value."""

from profiler.exchange.charts.chart import HeatChart
from profiler.exchange.findings.figure_words import figure_title, known_figures
from profiler.exchange.findings.heatmap import first_axes, heatmap, held_parts, held_words
from profiler.exchange.findings.session_view import SessionView

KEY = "heatmap"
_FIGURES = (
    "output_tok_s", "user_tok_s", "ttft_ms.p50", "ttft_ms.p95", "itl_ms.p95", "tpot_ms.p95", "e2e_ms.p95", "attainment",
    "goodput_s", "cache_hit_rate", "rss_peak_bytes", "vram_peak_bytes", "joules_per_output_token",
)  # fmt: skip
_MOST = 36
"""Maps in one report; all figures are in its tables."""


def heat_charts(view: SessionView) -> list[HeatChart]:
    """The maps, of which the first is shown first; none where fewer than two axes vary or nothing was measured."""
    axes = first_axes(view)
    known = known_figures(view.measured)
    names = [name for name in _FIGURES if name in known]
    if axes is None or not names:
        return []
    across, down = axes
    parts = held_parts(view, across, down)
    made = []
    for name in names:
        for held in parts:
            shown = heatmap(view, name, across, down, held)
            words = " · ".join([figure_title(name), *held_words(view, held)])
            if any(cell.value is not None for cell in shown.cells):
                told = f"{words}; hatched: not measured; ✕ does not meet the need; in brackets: too few values"
                made.append(HeatChart(KEY, "Heatmap", told, words, shown))
    left_out = len(made) - _MOST
    if left_out <= 0:
        return made
    note = f"{left_out} more maps are left out; the tables have all figures."
    return [HeatChart(each.key, each.title, each.told, each.name, each.map, note) for each in made[:_MOST]]
