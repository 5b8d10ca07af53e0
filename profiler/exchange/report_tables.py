"""The report's tables: cells with their intervals, verdicts and flags, all figures of one cell, the twins of the figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.analysis.intervals import INTERVAL_METHODS, interval_method
from profiler.analysis.slo import UNBOUNDED
from profiler.analysis.stated import is_figure_stated
from profiler.exchange.charts.chart import Interval
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.tone import MARKS, Tone
from profiler.exchange.markup import escaped
from profiler.plan.cell_words import value_text
from profiler.records.metric import BY_NAME, LATENCIES, METRICS, SINGLES, STATISTICS
from profiler.records.run_record import CellStatus
from profiler.units import bytes_text, half_width_text, significant

UNKNOWN = "–"

_FIGURES = (
    ("ttft_ms.p50", "First token p50, ms"),
    ("ttft_ms.p95", "First token p95, ms"),
    ("tpot_ms.p95", "Each token p95, ms"),
    ("output_tok_s", "Output, tok/s"),
    ("user_tok_s", "Each user, tok/s"),
    ("attainment", "Kept limits, %"),
    ("cache_hit_rate", "From cache, %"),
    ("queue_growth_s", "Queue growth, req/s"),
    ("rss_peak_bytes", "Memory"),
    ("vram_peak_bytes", "VRAM"),
    ("joules_per_output_token", "Energy, J/tok"),
)
"""Columns of the cells' table; one that no cell has a value of is left out."""

_VERDICTS: dict[Verdict, tuple[Tone, str]] = {
    Verdict.MET: ("met", "met"),
    Verdict.BROKEN: ("broken", "not met"),
    Verdict.UNKNOWN: ("muted", "not known"),
}
_STATUSES: dict[CellStatus, tuple[Tone, str]] = {
    CellStatus.FAILED: ("broken", "failed"),
    CellStatus.PARTIAL: ("caution", "not complete"),
    CellStatus.PENDING: ("muted", "not measured"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its title as HTML, and whether it holds figures."""

    title: str
    is_figure: bool = False
    has_words: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells as HTML, the first of which is its name, and the session's cell that it is about."""

    cells: Sequence[str]
    cell_id: int | None = None


def table(caption: str, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """A table in a box that scrolls sideways where it is too wide; the caption is text."""
    head = "".join(f'<th scope="col"{_kind(column)}>{column.title}</th>' for column in columns)
    body = []
    for row in rows:
        mark = "" if row.cell_id is None else f' data-cell="{row.cell_id}"'
        first, *rest = row.cells
        others = (f"<td{_kind(column)}>{cell}</td>" for column, cell in zip(columns[1:], rest, strict=True))
        body.append(f'<tr{mark}><th scope="row">{first}</th>{"".join(others)}</tr>')
    told = f"<caption>{escaped(caption)}</caption>" if caption else ""
    name = escaped(caption or "Table")
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{name}"><table>{told}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def toned(tone: Tone, words: str) -> str:
    """Words with their tone's mark and colour."""
    mark = f"{MARKS[tone]} " if MARKS[tone] else ""
    return f'<span class="{tone}">{mark}{escaped(words)}</span>'


def number(name: str, value: float) -> str:
    """A figure as it is shown anywhere here, without its unit; bytes have theirs."""
    return bytes_text(value) if BY_NAME[name.partition(".")[0]].unit == "bytes" else significant(value)


def figure(cell: CellView, name: str, *, has_interval: bool = True) -> str:
    """A cell's figure with half its interval's width; a percentile that is not stated is weak."""
    latency, _, statistic = name.partition(".")
    if cell.is_unstable and latency in UNBOUNDED:
        return toned("caution", "unstable")
    value = None if cell.figures is None else figure_value(cell.figures, name)
    if value is None or cell.figures is None:
        return UNKNOWN
    text = escaped(number(name, value))
    if not is_figure_stated(cell.figures, name, cell.configuration):
        return f'<span class="weak" title="Too few values to state a {escaped(statistic)}">{text}</span>'
    interval = cell.intervals.get(name)
    if interval is None or not has_interval or statistic or BY_NAME[latency].unit == "bytes":
        return text
    return f'{text} <span class="half">{escaped(half_width_text(value, interval))}</span>'


def chooser(cell: CellView) -> str:
    """A cell's name, which chooses it everywhere."""
    name = f"<bdi>{escaped(cell.title)}</bdi>"
    return f'<button type="button" class="pick" data-pick="{cell.cell_id}" aria-pressed="false">{name}</button>'


def verdict(cell: CellView) -> str:
    """Whether a cell meets the need; of one without figures how far it is."""
    if cell.figures is None:
        return toned(*_STATUSES.get(cell.status, ("muted", "nothing measured")))
    if cell.verdict is None:
        return UNKNOWN
    told = toned(*_VERDICTS[cell.verdict])
    if all(check.is_stated for check in cell.checks):
        return told
    return f'<span class="few" title="Few requests stand behind it">{told}</span>'


def cells_table(view: SessionView) -> str:
    """All cells."""
    named = [
        (name, title)
        for name, title in _FIGURES
        if any(cell.figures is not None and figure_value(cell.figures, name) is not None for cell in view.cells)
    ]
    is_search = view.search is not None
    columns = [Column("Cell"), *([Column("Need")] if view.has_limits or len(view.measured) < len(view.cells) else [])]
    has_verdict = len(columns) > 1
    columns += [Column("Evidence")] if is_search else []
    columns += [Column("Runs", is_figure=True), *(Column(escaped(title), is_figure=True) for _, title in named)]
    columns.append(Column("Flags and failures", has_words=True))
    rows = []
    for cell in view.cells:
        row = [chooser(cell), *([verdict(cell)] if has_verdict else [])]
        row += [escaped(cell.evidence.value) if cell.evidence is not Evidence.MEASURED else UNKNOWN] if is_search else []
        row += [str(cell.runs), *(figure(cell, name) for name, _ in named), _notes(cell)]
        rows.append(Row(row, cell.cell_id))
    return table("± is half of the 95 % interval; dotted: too few values stand behind it to state it", columns, rows)


def _notes(cell: CellView) -> str:
    names = list(dict.fromkeys(flag.partition(":")[0] for flag in cell.flags))
    told = [toned("caution", name) for name in names]
    told += [f'<span class="muted">{escaped(cell.reason)}</span>'] if cell.reason else []
    return ", ".join(told) or UNKNOWN


def all_figures(cell: CellView) -> str:
    """Everything that was measured of one cell, its limits and what its requests came to."""
    assert cell.figures is not None
    checks = "".join(
        f"<li>{toned(_VERDICTS[check.verdict][0], check.sentence)}{'' if check.is_stated else ' (few requests)'}</li>"
        for check in cell.checks
    )
    facts = [f"{words.replace('_', ' ')}: {count}" for words, count in cell.requests.items() if count]
    tokens = [f"{words}: {count}" for words, count in cell.tokens.items()]
    flags = "".join(f"<li>{toned('caution', flag)}</li>" for flag in (*cell.flags, *cell.asides))
    setting = [f"{name} {value_text(value)}" for name, value in cell.configuration.items() if value is not None]
    parts = [f'<p class="muted">Requests {escaped(", ".join(facts))}. Tokens {escaped(", ".join(tokens))}.</p>']
    parts += [f'<ul class="list">{checks}{flags}</ul>'] if checks or flags else []
    parts += [_distributions(cell), _singles(cell), f'<p class="muted">{escaped(" · ".join(setting))}</p>']
    return "".join(parts)


def _distributions(cell: CellView) -> str:
    columns = [Column("Latency, ms"), *(Column(name, is_figure=True) for name in STATISTICS)]
    rows = []
    for latency in LATENCIES:
        if figure_value(cell.figures or {}, f"{latency}.n"):
            values = [figure(cell, f"{latency}.{name}") if name != "n" else count(cell, latency) for name in STATISTICS]
            rows.append(Row([escaped(f"{BY_NAME[latency].label} ({latency.removesuffix('_ms').upper()})"), *values]))
    return table("", columns, rows) if rows else ""


def count(cell: CellView, latency: str) -> str:
    """How many values a latency has."""
    return f"{figure_value(cell.figures or {}, f'{latency}.n') or 0:.0f}"


def _singles(cell: CellView) -> str:
    columns = [
        Column("Figure"),
        Column("Value", is_figure=True),
        Column("95 % interval", is_figure=True),
        Column("By", has_words=True),
    ]
    rows = []
    for name in SINGLES:
        value = figure_value(cell.figures or {}, name)
        if value is None:
            continue
        interval = cell.intervals.get(name)
        method = INTERVAL_METHODS.get(interval_method(name, cell.runs), "") if interval is not None else ""
        unit = "" if BY_NAME[name].unit == "bytes" else f" {BY_NAME[name].unit}"
        rows.append(
            Row([escaped(BY_NAME[name].label), escaped(f"{number(name, value)}{unit}"), _ends(name, interval), escaped(method)])
        )
    return table("", columns, rows) if rows else ""


def _ends(name: str, interval: Interval | None) -> str:
    return UNKNOWN if interval is None else escaped(f"{number(name, interval[0])} to {number(name, interval[1])}")


def definitions() -> str:
    """What each metric means."""
    better = {"lower": "less", "higher": "more", "neither": "neither"}
    columns = [Column("Figure"), Column("Name in JSON"), Column("Unit"), Column("Better"), Column("Definition", has_words=True)]
    rows = [
        Row(
            [
                escaped(metric.label),
                f"<code>{escaped(metric.name)}</code>",
                escaped(metric.unit) or UNKNOWN,
                better[metric.better],
                escaped(metric.term),
            ]
        )
        for metric in METRICS
    ]
    return table("", columns, rows)


def _kind(column: Column) -> str:
    return ' class="n"' if column.is_figure else ' class="words"' if column.has_words else ""
