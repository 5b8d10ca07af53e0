"""The report's figures: each with its title, its legend, and the same as a table."""

from collections.abc import Iterable, Sequence

from profiler.exchange.charts.chart import BarChart, Chart, Figure, HeatChart, LaneChart, Series
from profiler.exchange.charts.drawing import legend_sample, page_figure
from profiler.exchange.charts.figures import SessionFigures
from profiler.exchange.findings.roofline_reading import RooflineReading
from profiler.exchange.findings.roofline_words import not_measured, verdicts
from profiler.exchange.findings.session_view import SessionView
from profiler.exchange.markup import escaped
from profiler.exchange.report_sections import section
from profiler.exchange.report_twins import twin


def figures(view: SessionView, found: SessionFigures) -> Iterable[str]:
    """All figures, those that belong together beside each other."""
    charts = found.charts
    if not charts:
        return
    yield '<h2 id="figures">Figures</h2>'
    latencies = [chart for chart in charts if isinstance(chart, Chart) and chart.latency is not None]
    roofline = [chart for chart in charts if chart.key == "roofline"]
    drawn = [
        _maps(view, found.heatmaps) if isinstance(chart, HeatChart) else _figure(view, chart)
        for chart in charts
        if chart not in latencies and chart not in roofline
    ]
    yield _two(drawn)
    yield _two([_figure(view, chart) for chart in latencies])
    for chart in roofline:
        yield _two([_figure(view, chart), _limits(view, found.roofline)])


def _two(parts: Sequence[str]) -> str:
    return f'<div class="two">{"".join(parts)}</div>' if parts else ""


def _figure(view: SessionView, figure: Figure) -> str:
    legend = _legend_of(figure)
    note = f'<p class="muted">{escaped(figure.note)}</p>' if figure.note else ""
    return (
        f'<figure id="figure-{figure.key}"><figcaption><h3>{escaped(figure.title)}</h3>'
        f'<p class="muted">{escaped(figure.told)}</p></figcaption>{legend}'
        f'<div class="plot">{page_figure(figure)}</div>{note}'
        f"<details><summary>The same as a table</summary>{twin(view, figure)}</details></figure>"
    )


def _maps(view: SessionView, maps: Sequence[HeatChart]) -> str:
    """The heatmaps in one figure: one of them is seen, and a chooser, which the script shows, goes to the others."""
    options = "".join(f'<option value="{number}">{escaped(each.name)}</option>' for number, each in enumerate(maps))
    chooser = f'<label class="maps" hidden>Show <select aria-label="Figure of the heatmap">{options}</select></label>'
    shown = "".join(
        f'<div class="map"{" hidden" if number else ""}><p class="muted">{escaped(each.told)}</p>'
        f'<div class="plot">{page_figure(each)}</div>{f"""<p class="muted">{escaped(each.note)}</p>""" if each.note else ""}'
        f"<details><summary>The same as a table</summary>{twin(view, each)}</details></div>"
        for number, each in enumerate(maps)
    )
    return (
        f'<figure id="figure-{maps[0].key}"><figcaption><h3>{escaped(maps[0].title)}</h3></figcaption>{chooser}{shown}</figure>'
    )


def _legend_of(figure: Figure) -> str:
    match figure:
        case Chart():
            items = [(series.is_shown, _legend_item(series, number)) for number, series in enumerate(figure.series)]
            legend = _legend([item for is_shown, item in items if is_shown])
            others = [item for is_shown, item in items if not is_shown]
            return legend + (
                f"<details><summary>{len(others)} more to show</summary>{_legend(others)}</details>" if others else ""
            )
        case BarChart() | LaneChart():
            names = "".join(f"<li>{legend_sample(kind)}{escaped(kind.name)}</li>" for kind in figure.kinds)
            return f'<ul class="legend parts" aria-label="What is drawn">{names}</ul>'
        case HeatChart():
            return ""


def _legend(items: Sequence[str]) -> str:
    return f'<ul class="legend" aria-label="Show or hide">{"".join(items)}</ul>'


def _legend_item(series: Series, number: int) -> str:
    cell = "" if series.cell_id is None else f' data-cell="{series.cell_id}"'
    name = f"{legend_sample(series.look)}<bdi>{escaped(series.name)}</bdi>"
    pressed = str(series.is_shown).lower()
    return f'<li{cell}><button type="button" data-series="{number}" aria-pressed="{pressed}">{name}</button></li>'


def _limits(view: SessionView, reading: RooflineReading) -> str:
    told = [
        f'<li data-cell="{cell.cell_id}">{escaped(words)}</li>'
        for cell in view.measured
        if cell.cell_id in reading.cells
        for words in verdicts(cell, reading.cells[cell.cell_id]).values()
    ]
    missing = not_measured(reading.roofs, None)
    note = f'<p class="muted">{escaped(missing)}</p>' if missing else ""
    return section("limits", "What limits the cells", f'{note}<ul class="list">{"".join(told)}</ul>', is_long=True)
