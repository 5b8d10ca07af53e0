"""What the card of a step's time draws and says. Pure: no widget is touched."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from PySide6.QtCore import Qt

from app.plots.stacked_bars import PartKind, StackedBar
from app.tables.column import Column, Raw
from profiler.analysis.breakdown import Breakdown, Group
from profiler.analysis.step_breakdown import StepBreakdown, is_beside
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import capitalised
from profiler.exchange.findings.step_words import NAMES, ORDER, step_lines, step_name
from profiler.units import milliseconds_text, percent_text, significant

KINDS = (
    PartKind(NAMES["attention"], 0, Qt.BrushStyle.SolidPattern),
    PartKind(NAMES["mlp"], 1, Qt.BrushStyle.BDiagPattern),
    PartKind(NAMES["kv_write"], 3, Qt.BrushStyle.Dense5Pattern),
    PartKind(NAMES["output"], 2, Qt.BrushStyle.VerPattern),
    PartKind(NAMES["sampling"], None, Qt.BrushStyle.DiagCrossPattern),
    PartKind(NAMES["input"], None, Qt.BrushStyle.SolidPattern),
)
TIPS: dict[Group, str] = {
    "attention": "norm, Q, K and V, attention itself and its output; what a model has in its place counts as attention",
    "mlp": "the feed-forward part of each layer, experts included",
    "kv_write": "writing the new tokens' keys and values to the cache",
    "output": "the last norm and the matrix that makes logits",
    "sampling": "taking tokens from the logits, outside of llama.cpp's graph",
    "input": "embeddings, and whatever comes before the first layer",
}
NOTHING_YET = (
    "Nobody has looked inside the steps of this model with these settings yet. A look times every operation in a run of its own, "
    "which changes no figure of this session. That takes about ten seconds beside loading the model, and is kept in the file."
)
SWEEP_RUNS = "A sweep is running: looking inside meanwhile would spoil both."

_TOLD_SHARE = 0.05
_TOLD_SHIFT = 0.02


def breakdown_of(view: SessionView | None, kept: Sequence[StepBreakdown], cell: CellView | None) -> StepBreakdown | None:
    """The newest of those that a session keeps that was made for this cell or one beside it."""
    if view is None or cell is None:
        return None
    configurations = {each.cell_id: each.configuration for each in view.cells}
    beside = {cell_id for cell_id, configuration in configurations.items() if is_beside(configuration, cell.configuration)}
    return next((found for found in reversed(kept) if found.cell_id in beside), None)


def step_bars(passes: Sequence[Breakdown]) -> list[StackedBar]:
    """A bar for each step, in milliseconds of a step that nobody looks at."""
    return [_bar(each) for each in passes]


def layer_bars(each: Breakdown) -> list[StackedBar]:
    """A bar for each layer of a step, likewise."""
    bars = []
    for layer in each.layer_step_seconds:
        parts = tuple(1000 * layer.seconds.get(group, 0.0) for group in ORDER)
        whole = milliseconds_text(sum(parts))
        words = f"layer {layer.layer}: {whole}\n" + "\n".join(
            f"{kind.words} {milliseconds_text(part)}" for kind, part in zip(KINDS, parts, strict=True) if part > 0
        )
        bars.append(StackedBar(str(layer.layer), parts, whole, words))
    return bars


def headline(passes: Sequence[Breakdown]) -> str:
    """Where the time of the last and largest of these steps of one kind goes, and what changes most since the first."""
    most, least = passes[-1], passes[0]
    shares = sorted(((share, group) for group, share in most.shares.items() if share >= _TOLD_SHARE), reverse=True)
    parts = ", ".join(f"{_words(group)} {percent_text(share)}" for share, group in shares)
    said = f"{_subject(most)} takes **{milliseconds_text(1000 * most.step_s)}**: {parts}."
    shift, group = max((abs(most.shares[each] - least.shares[each]), each) for each in ORDER)
    if least is most or shift < _TOLD_SHIFT:
        return said
    verb = "grows" if most.shares[group] > least.shares[group] else "falls"
    before, after = percent_text(least.shares[group]), percent_text(most.shares[group])
    return (
        f"{said} From {least.sequences} to {most.sequences} the share of {_words(group)} {verb} most, from {before} to {after}."
    )


def overhead(passes: Sequence[Breakdown]) -> str:
    """What looking does to the steps."""
    ratios = [each.looking_ratio for each in passes]
    low, high = significant(min(ratios), 2), significant(max(ratios), 2)
    times = f"{low} times" if low == high else f"{low} to {high} times"
    return (
        f"Looked at operation by operation, a step takes {times} as long. The bars are steps as they run otherwise, divided in "
        "the proportions that were seen: an estimate, least sure for the smallest parts."
    )


def subtitle(found: StepBreakdown, zone: tzinfo | None = None) -> str:
    """What the look was of, and when; in local time."""
    depth = next((each.depth for each in found.of_kind("decode")), 0)
    told = [f"each holding {depth} tokens" if depth else "empty cache"]
    try:
        when = datetime.fromisoformat(found.measured_utc).astimezone(zone)
        told.append(f"seen {when.day} {when:%b %Y %H:%M}")
    except ValueError:
        pass
    return " · ".join([*told, f"llama-cpp-python {found.library_version}"])


def columns() -> tuple[Column[Breakdown], ...]:
    """Of the table: each step with its time, its parts and what looking did."""
    parts = [_column(group, kind) for group, kind in zip(ORDER, KINDS, strict=True)]
    return (
        Column(
            "Step",
            "decode steps by sequences decoded together; the prefill of a prompt",
            lambda each: capitalised(step_name(each)),
        ),
        Column("Step ms", "as it runs otherwise", lambda each: 1000 * each.step_s, _number, is_figure=True),
        *parts,
        Column(
            "Looking ×", "how many times as long a looked-at step takes", lambda each: each.looking_ratio, _number, is_figure=True
        ),
    )


def as_text(passes: Sequence[Breakdown]) -> str:
    """The table for the clipboard, its parts separated by tabs, with every share in percent."""
    head = ["Step", "Step ms"]
    for kind in KINDS:
        head += [f"{kind.words} ms", f"{kind.words} %"]
    lines = [[*head, "Looked at ms", "Looking ×"]]
    for each in passes:
        seconds, shares = each.step_seconds, each.shares
        line = [step_name(each), significant(1000 * each.step_s)]
        for group in ORDER:
            line += [significant(1000 * seconds[group]), significant(100 * shares[group])]
        lines.append([*line, significant(1000 * each.looked_s), significant(each.looking_ratio)])
    return "\n".join("\t".join(line) for line in lines)


def _bar(each: Breakdown) -> StackedBar:
    parts = tuple(1000 * each.step_seconds[group] for group in ORDER)
    return StackedBar(step_name(each), parts, milliseconds_text(1000 * each.step_s), "\n".join(step_lines(each)))


def _subject(each: Breakdown) -> str:
    if each.kind == "prefill":
        return f"Reading a prompt of {each.tokens} tokens"
    return f"A decode step of {'one sequence' if each.sequences == 1 else f'{each.sequences} sequences together'}"


def _words(group: Group) -> str:
    return NAMES[group]


def _column(group: Group, kind: PartKind) -> Column[Breakdown]:
    def raw(each: Breakdown) -> Raw:
        return 1000 * each.step_seconds[group]

    def tip(each: Breakdown) -> str:
        return percent_text(each.shares[group])

    return Column(f"{capitalised(kind.words)} ms", TIPS[group], raw, _number, is_figure=True, tip=tip)


def _number(raw: Raw) -> str:
    assert isinstance(raw, int | float)
    return significant(raw)
