"""Where the time of a step goes, as bars over the sequences in it: what somebody who looked inside left in the session."""

from profiler.analysis.breakdown import Breakdown
from profiler.analysis.step_breakdown import kept_breakdowns
from profiler.exchange.charts.chart import Axis, Bar, BarChart, PartKind
from profiler.exchange.charts.scale import from_zero
from profiler.exchange.findings.session_view import SessionView
from profiler.exchange.findings.step_words import NAMES, ORDER, step_lines, step_name
from profiler.session.reader import SessionReader
from profiler.units import milliseconds_text, significant

KEY = "where-a-steps-time-goes"
_KINDS = (
    PartKind(NAMES["attention"], "s0", "plain"),
    PartKind(NAMES["mlp"], "s1", "hatched"),
    PartKind(NAMES["kv_write"], "s3", "plain"),
    PartKind(NAMES["output"], "s2", "plain"),
    PartKind(NAMES["sampling"], "muted", "crossed"),
    PartKind(NAMES["input"], "muted", "plain"),
)


def steps_chart(view: SessionView) -> BarChart | None:
    """The newest look that the session keeps, decode steps before the prompt's; None where nobody looked."""
    with SessionReader.open(view.path) as reader:
        kept = kept_breakdowns(reader.events())
    titles = {cell.cell_id: cell.title for cell in view.cells}
    newest = next((found for found in reversed(kept) if found.cell_id in titles), None)
    passes = () if newest is None else (*newest.of_kind("decode"), *newest.of_kind("prefill"))
    if newest is None or newest.cell_id is None or not passes:
        return None
    ratios = [each.looking_ratio for each in passes]
    low, high = significant(min(ratios), 2), significant(max(ratios), 2)
    return BarChart(
        key=KEY,
        title="Where a step's time goes",
        told=f"{titles[newest.cell_id]}, each sequence holding {passes[0].depth} tokens",
        axis=Axis("ms of a step", from_zero(max(1000 * each.step_s for each in passes))),
        kinds=_KINDS,
        bars=tuple(_bar(each, newest.cell_id) for each in passes),
        note=f"Looked at operation by operation a step takes {low} to {high} times as long; the bars are steps as they run "
        "otherwise, divided in the proportions that were seen.",
    )


def _bar(each: Breakdown, cell_id: int) -> Bar:
    parts = tuple(1000 * each.step_seconds[group] for group in ORDER)
    return Bar(step_name(each), parts, milliseconds_text(1000 * each.step_s), "\n".join(step_lines(each)), cell_id)
