"""What the table of cells tells of each: the axes that vary, then the figures that matter most."""

from collections.abc import Sequence

from app.pages.results.need_verdict import Verdict, values_behind
from app.pages.results.session_view import CellView
from app.tables.column import Column, Interval, Raw
from app.widgets.sentence import Tone
from app.widgets.sweep_grid import value_text
from profiler.analysis.distribution import is_stated
from profiler.analysis.figure_name import figure_value
from profiler.plan.slo import PERCENTILES
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


def cell_columns(varying: Sequence[Axis], *, has_need: bool) -> tuple[Column[CellView], ...]:
    """The columns for a session."""
    # A word first: rows are read from the left.
    named = varying if any(axis.kind == "text" for axis in varying) else (BY_AXIS["quant"], *varying)
    columns = [_axis_column(axis) for axis in named]
    columns += [
        _figure_column("ttft_ms.p95", "TTFT p95", "ms"),
        _figure_column("tpot_ms.p95", "TPOT p95", "ms"),
        _figure_column("output_tok_s", "tok/s", ""),
        _figure_column("user_tok_s", "Each user", ""),
        Column(
            "Memory",
            "Peak resident set of the engine process, or of all GPUs' memory where there are some",
            _memory,
            lambda raw: bytes_text(_number(raw)),
            is_figure=True,
            can_fold=True,
        ),
    ]
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


def _axis_column(axis: Axis) -> Column[CellView]:
    title = f"{axis.label} {axis.unit}".strip()
    return Column(
        title,
        f"{axis.option}",
        lambda cell: cell.configuration.get(axis.name),
        lambda raw: value_text(None if isinstance(raw, bool) else raw),
        is_figure=axis.kind != "text",
    )


def _figure_column(name: str, label: str, unit: str) -> Column[CellView]:
    metric, _, statistic = name.partition(".")

    def value(cell: CellView) -> Raw:
        return figure_value(cell.figures, name) if cell.figures is not None else None

    def interval(cell: CellView) -> Interval | None:
        return cell.intervals.get(name)

    def count(cell: CellView) -> int:
        return values_behind(cell.figures, metric) if cell.figures is not None else 0

    def is_certain(cell: CellView) -> bool:
        return not statistic or is_stated(PERCENTILES[statistic], count(cell))

    def tip(cell: CellView) -> str:
        if value(cell) is None:
            return ""
        ends = interval(cell)
        told = (
            [f"95 % interval over {cell.runs} runs: {value_words(name, ends[0])} to {value_words(name, ends[1])}"] if ends else []
        )
        if not is_certain(cell):
            told.append(f"Greyed: {count(cell)} requests are too few to be certain of {statistic}")
        return "\n".join(told)

    return Column(
        f"{label} {unit}".strip(),
        f"{BY_NAME[metric].label}, {BY_NAME[metric].unit}: {BY_NAME[metric].term}",
        value,
        lambda raw: significant(_number(raw)),
        is_figure=True,
        # A percentile's interval says little of its own certainty, and takes the room of a column.
        interval=interval if not statistic else lambda cell: None,
        tone=lambda cell: "plain" if is_certain(cell) else "muted",
        tip=tip,
    )


def _memory(cell: CellView) -> Raw:
    if cell.figures is None:
        return None
    return figure_value(cell.figures, "vram_peak_bytes") or figure_value(cell.figures, "rss_peak_bytes")


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
