"""What the table of cells tells of each: the axes that vary, the figures that matter most, and others that say something here."""

import math
from collections.abc import Callable, Sequence

from app.tables.column import Column, Interval, Raw
from app.widgets.sentence import Tone
from profiler.analysis.figure_name import figure_value
from profiler.analysis.intervals import INTERVAL_METHODS, interval_method
from profiler.analysis.reading import READING_TOK_S
from profiler.analysis.slo import UNBOUNDED
from profiler.analysis.stated import independent_values, is_figure_stated
from profiler.analysis.validity import UNSTABLE
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.session_view import CellView
from profiler.plan.cell_words import value_text
from profiler.records.axis import BY_NAME as BY_AXIS
from profiler.records.axis import Axis
from profiler.records.metric import BY_NAME
from profiler.records.run_record import CellStatus
from profiler.units import bytes_text, significant

_VERDICT_WORDS = {Verdict.MET: "✓ met", Verdict.BROKEN: "✕ broken"}
_VERDICT_TONES: dict[Verdict | None, Tone] = {Verdict.MET: "met", Verdict.BROKEN: "broken"}
_STATUS_WORDS = {
    CellStatus.FAILED: "✕ failed",
    CellStatus.PARTIAL: "▲ partial",
    CellStatus.PENDING: "to come",
}

_WHERE_TELLING: tuple[tuple[str, str, str, bool, Callable[[float], bool]], ...] = (
    ("attainment", "Good", "%", True, lambda percent: percent < 100),
    ("cache_hit_rate", "From cache", "%", True, lambda percent: True),
    ("below_reading_share", "Below reading", "%", True, lambda percent: percent >= 1),
    ("low1_tok_s", "1 % low", "tok/s", True, lambda speed: speed < READING_TOK_S),
)
"""Figures that are told where a cell has something to tell: name, title, unit, whether the column can fold, and what tells."""

_UNSTABLE = math.inf
"""Raw value of a percentile that is not stated since the queue grew: it is sorted behind all others."""


def cell_columns(varying: Sequence[Axis], cells: Sequence[CellView], *, has_need: bool) -> tuple[Column[CellView], ...]:
    """The columns for a session's cells. What they have no values of, or none that tells anything, has no column."""
    # A word first: rows are read from the left.
    named = varying if any(axis.kind == "text" for axis in varying) else (BY_AXIS["quant"], *varying)
    columns = [_axis_column(axis) for axis in named]
    columns += [
        _figure_column("ttft_ms.p95", "TTFT p95", "ms"),
        # Each one's speed tells nearly the same.
        _figure_column("tpot_ms.p95", "TPOT p95", "ms", can_fold=True),
        _figure_column("output_tok_s", "tok/s", ""),
        _figure_column("user_tok_s", "Each user" if all(cell.is_closed for cell in cells) else "Each answer", ""),
    ]
    columns += [
        _figure_column(name, title, unit, can_fold=can_fold)
        for name, title, unit, can_fold, tells in _WHERE_TELLING
        if any(tells(value) for cell in cells if (value := figure_value(cell.figures or {}, name)) is not None)
    ]
    if any(cell.is_unstable for cell in cells):
        columns.append(_GROWTH)
    if any(_memory(cell) is not None for cell in cells):
        columns.append(_MEMORY)
    if has_need:
        columns.append(
            Column(
                "Need",
                "Whether each stated percentile keeps to its limit",
                lambda cell: _VERDICT_WORDS.get(cell.verdict) if cell.verdict else None,
                tone=lambda cell: _VERDICT_TONES.get(cell.verdict, "plain"),
                tip=_need_tip,
            )
        )
    columns.append(
        Column(
            "Notes",
            "Failures and flags; the whole sentences stand at the selected cell",
            _notes,
            tone=_notes_tone,
            tip=_notes_tip,
        )
    )
    return tuple(columns)


def value_words(name: str, value: float) -> str:
    """A figure with its unit."""
    unit = BY_NAME[name.partition(".")[0]].unit
    return bytes_text(value) if unit == "bytes" else f"{significant(value)} {unit}".strip()


def interval_words(cell: CellView, name: str) -> str:
    """The figure's 95 % interval and how it was made; empty where there is none."""
    ends = cell.intervals.get(name)
    if ends is None:
        return ""
    over = "within its one run" if cell.runs == 1 else f"over {cell.runs} runs"
    method = INTERVAL_METHODS.get(interval_method(name, cell.runs), "")
    return f"95 % interval {over}: {value_words(name, ends[0])} to {value_words(name, ends[1])}\n{method}".rstrip()


def count_words(cell: CellView, latency: str) -> str:
    """How many values stand behind a latency's percentiles."""
    count = figure_value(cell.figures or {}, f"{latency}.n") or 0
    if latency != "itl_ms":
        return f"n {count:.0f} requests"
    steps = independent_values(cell.figures or {}, latency, cell.configuration)
    return f"n {count:.0f} gaps; those of one step are one event, of which there were {steps} at the least"


def doubt_words(cell: CellView, name: str) -> str:
    """Why a percentile is greyed; empty where it is not."""
    latency, _, statistic = name.partition(".")
    if cell.figures is None or is_figure_stated(cell.figures, name, cell.configuration):
        return ""
    count = independent_values(cell.figures, latency, cell.configuration)
    things = "steps" if latency == "itl_ms" else "requests"
    return f"{count} {things} are too few to be certain of {statistic}"


def _axis_column(axis: Axis) -> Column[CellView]:
    title = f"{axis.label} {axis.unit}".strip()
    return Column(
        title,
        f"{axis.option}",
        lambda cell: cell.configuration.get(axis.name),
        lambda raw: value_text(None if isinstance(raw, bool) else raw),
        is_figure=axis.kind != "text",
    )


def _figure_column(name: str, label: str, unit: str, *, can_fold: bool = False) -> Column[CellView]:
    metric, _, statistic = name.partition(".")

    def is_lost(cell: CellView) -> bool:
        return cell.is_unstable and metric in UNBOUNDED

    def value(cell: CellView) -> Raw:
        if is_lost(cell):
            return _UNSTABLE
        return figure_value(cell.figures, name) if cell.figures is not None else None

    def interval(cell: CellView) -> Interval | None:
        return cell.intervals.get(name)

    def tone(cell: CellView) -> Tone:
        if is_lost(cell):
            return "caution"
        return "muted" if doubt_words(cell, name) else "plain"

    def tip(cell: CellView) -> str:
        if is_lost(cell):
            return _unstable_sentence(cell)
        if value(cell) is None:
            return ""
        doubt = doubt_words(cell, name)
        told = [count_words(cell, metric) if statistic else "", interval_words(cell, name), f"Greyed: {doubt}" if doubt else ""]
        return "\n".join(filter(None, told))

    return Column(
        f"{label} {unit}".strip(),
        f"{BY_NAME[metric].label}, {BY_NAME[metric].unit}: {BY_NAME[metric].term}",
        value,
        lambda raw: "▲ unstable" if raw == _UNSTABLE else significant(_number(raw)),
        is_figure=True,
        # A percentile's interval says little of its own certainty, and takes the room of a column.
        interval=interval if not statistic else lambda cell: None,
        tone=tone,
        tip=tip,
        can_fold=can_fold,
    )


def _unstable_sentence(cell: CellView) -> str:
    told = (sentence for name, _, sentence in (flag.partition(": ") for flag in cell.flags) if name == UNSTABLE)
    return next(told, "")


def _memory(cell: CellView) -> Raw:
    if cell.figures is None:
        return None
    return figure_value(cell.figures, "vram_peak_bytes") or figure_value(cell.figures, "rss_peak_bytes")


_GROWTH: Column[CellView] = Column(
    "Growth req/s",
    f"{BY_NAME['queue_growth_s'].label}: {BY_NAME['queue_growth_s'].term}",
    lambda cell: figure_value(cell.figures or {}, "queue_growth_s"),
    lambda raw: significant(_number(raw)),
    is_figure=True,
    tone=lambda cell: "plain" if cell.is_unstable else "muted",
    can_fold=True,
)
_MEMORY: Column[CellView] = Column(
    "Memory",
    "Peak resident set of the engine process, or of all GPUs' memory where there are some",
    _memory,
    lambda raw: bytes_text(_number(raw)),
    is_figure=True,
    can_fold=True,
)


def _need_tip(cell: CellView) -> str:
    few = " (of few requests)"
    return "\n".join(f"{item.sentence}{'' if item.is_stated else few}" for item in cell.checks)


def _notes(cell: CellView) -> Raw:
    status = _STATUS_WORDS.get(cell.status, "")
    if not cell.flags:
        return status
    flags = f"{len(cell.flags)} flag{'' if len(cell.flags) == 1 else 's'}"
    return f"{status}, {flags}" if status else f"▲ {flags}"


def _notes_tone(cell: CellView) -> Tone:
    if cell.status is CellStatus.FAILED:
        return "broken"
    return "caution" if cell.flags or cell.status is CellStatus.PARTIAL else "muted"


def _notes_tip(cell: CellView) -> str:
    return "\n".join(filter(None, (cell.reason, *cell.flags)))


def _number(raw: Raw) -> float:
    assert isinstance(raw, int | float)
    return raw
