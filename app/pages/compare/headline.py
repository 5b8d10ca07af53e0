"""What a comparison says, in sentences that claim no more than was found. Pure: no widget is touched."""

from collections.abc import Sequence

from app.pages.compare.words import (
    cell_words,
    interval_percents,
    interval_words,
    percent_words,
    spoken_figure,
    telling_axes,
    touching_flags,
)
from app.widgets.sentence import Tone
from profiler.analysis.comparison.result import ComparedFigure, Comparison
from profiler.analysis.comparison.verdict import Verdict, metric_of
from profiler.analysis.comparison.words import needed_words
from profiler.exchange.findings.answer import Answer
from profiler.exchange.findings.answer_remarks import Remark
from profiler.units import significant


def headline(comparison: Comparison, names: Sequence[str]) -> Answer:
    """The sentence for each further side, what it rests on, and what weakens it.

    Args:
        comparison: of sides with these names.
        names: the base first.
    """
    axes = telling_axes(comparison.figures)
    primary = [figure for figure in comparison.figures if figure.is_primary]
    statements = [
        _statement(names[0], other, [figure for figure in primary if figure.b_name == other], axes, comparison)
        for other in names[1:]
    ]
    return Answer(_tone(primary, comparison), " ".join(statements), _detail(comparison, primary), _remarks(comparison, primary))


def _tone(primary: Sequence[ComparedFigure], comparison: Comparison) -> Tone:
    if comparison.has_regression:
        return "broken"
    if any(figure.verdict.is_different for figure in primary):
        return "met"
    is_open = not primary or any(figure.verdict is Verdict.NOT_ENOUGH_DATA for figure in primary)
    return "caution" if is_open else "muted"


def _statement(base: str, other: str, figures: Sequence[ComparedFigure], axes: Sequence[str], comparison: Comparison) -> str:
    if not figures:
        return f"**No cell of {other} is one of {base}**, so that there is nothing to compare."
    gains = [figure for figure in figures if figure.verdict.is_different and not figure.verdict.is_loss]
    losses = [figure for figure in figures if figure.verdict.is_loss]
    same = [figure for figure in figures if figure.verdict is Verdict.SAME]
    undecided = [figure for figure in figures if figure.verdict is Verdict.NOT_ENOUGH_DATA]
    bound = f"±{comparison.same_within_percent:g} %"
    subject = spoken_figure(figures[0].figure)
    if gains or losses:
        told = _difference(other, gains, losses, len(figures), axes, comparison)
        rest = _rest(same, undecided, bound)
        return f"{told} {rest}".strip()
    if not undecided:
        where = f" in all {len(figures)} cells" if len(figures) > 1 else ""
        return f"**Nothing differs**: {subject} of {other} is the same as of {base} within {bound}{where}."
    if not same:
        told = f"**There is not enough data** to tell whether {other} differs from {base} in {subject}."
        return f"{told} {_needed(undecided)}".strip()
    told = f"**Nothing is found to differ** in {subject} between {base} and {other}. {_rest(same, undecided, bound)}"
    return f"{told} {_needed(undecided)}".strip()


def _difference(
    other: str,
    gains: Sequence[ComparedFigure],
    losses: Sequence[ComparedFigure],
    cells: int,
    axes: Sequence[str],
    comparison: Comparison,
) -> str:
    """Which way, in how many cells, and by how much where it is most."""
    is_first = True
    claims, amounts = [], []
    for figures in filter(None, (gains, losses)):
        strongest = max(figures, key=_size)
        all_small = all(figure.finding is not None and figure.finding.is_same for figure in figures)
        where = (
            "" if cells == 1 else f" in all {cells} cells" if len(figures) == cells else f" in {len(figures)} of {cells} cells"
        )
        small = f" by less than {comparison.same_within_percent:g} %" if all_small else ""
        claims.append(f"{strongest.verdict}{small}{where}")
        place = "" if cells == 1 else f" at {cell_words(strongest, axes)}"
        amounts.append(f"{_amount(strongest, is_first=is_first, is_most=len(figures) > 1)}{place}")
        is_first = False
    return f"**{other} is {' and '.join(claims)}**: {'; '.join(amounts)}."


def _amount(figure: ComparedFigure, *, is_first: bool, is_most: bool) -> str:
    """By how much: "output up to 13.0 % higher (95 % interval +11.9 to +14.2 %)"."""
    assert figure.shift_percent is not None  # what differs has a shift
    metric = metric_of(figure.figure)
    is_time = metric is not None and metric.unit == "ms"
    rises, falls = ("longer", "shorter") if is_time else ("higher", "lower")
    ends = interval_percents(figure)
    told = f"{spoken_figure(figure.figure)} {'up to ' if is_most else ''}{percent_words(figure.shift_percent, signed=False)} %"
    told += f" {rises if figure.shift_percent > 0 else falls}"
    return told if ends is None else f"{told} ({'95 % interval ' if is_first else ''}{interval_words(ends)} %)"


def _size(figure: ComparedFigure) -> float:
    return 0.0 if figure.shift is None else abs(figure.shift.log_shift)


def _rest(same: Sequence[ComparedFigure], undecided: Sequence[ComparedFigure], bound: str) -> str:
    told = []
    if same:
        told.append(f"{_cells(len(same))} {'is' if len(same) == 1 else 'are'} the same within {bound}")
    if undecided:
        told.append(f"for {_cells(len(undecided))} there is not enough data")
    told[:1] = [f"{first[:1].upper()}{first[1:]}" for first in told[:1]]
    return "; ".join(told) + "." if told else ""


def _detail(comparison: Comparison, primary: Sequence[ComparedFigure]) -> str:
    """What the sentence rests on."""
    if not primary:
        return "Cells match where configuration, load and model are the same; ignoring an axis matches cells that differ on it."
    parts = [f"{_cells(len(primary))} {'matches' if len(primary) == 1 else 'match'}"]
    if comparison.alone:
        parts[0] += f", {len(comparison.alone)} without a partner"
    least, most = _counts(primary)
    parts.append(f"{least} against {most} repetitions a cell")
    judged = list(dict.fromkeys(spoken_figure(figure.figure) for figure in primary))
    parts.append(f"judged by {', '.join(judged)}; all else is exploratory")
    return " · ".join(parts)


def _counts(primary: Sequence[ComparedFigure]) -> tuple[str, str]:
    """Repetitions of both sides, as a range where cells have different numbers of them."""

    def told(counts: Sequence[int]) -> str:
        return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)}–{max(counts)}"

    return told([figure.n_a for figure in primary]), told([figure.n_b for figure in primary])


def _remarks(comparison: Comparison, primary: Sequence[ComparedFigure]) -> tuple[Remark, ...]:
    return (
        *_undecided_remarks(primary),
        *[Remark(note, "caution") for note in dict.fromkeys(figure.model_note for figure in primary) if note],
        *_flag_remarks(primary),
        *_machine_remarks(comparison),
        *_spread_remarks(primary),
    )


def _needed(undecided: Sequence[ComparedFigure]) -> str:
    """What the cell that is hardest to tell needs."""
    return needed_words(max(undecided, key=lambda figure: (figure.repetitions_needed or 0, figure.sessions_needed or 0)))


def _undecided_remarks(primary: Sequence[ComparedFigure]) -> list[Remark]:
    """Each reason once."""
    reasons = [figure.reason for figure in primary if figure.verdict is Verdict.NOT_ENOUGH_DATA and figure.reason]
    return [Remark(reason, "caution") for reason in dict.fromkeys(reasons)]


def _flag_remarks(primary: Sequence[ComparedFigure]) -> list[Remark]:
    touched = [figure for figure in primary if touching_flags(figure)]
    if not touched:
        return []
    return [Remark(f"Flags touch {len(touched)} of {_cells(len(primary))}", "caution")]


def _machine_remarks(comparison: Comparison) -> list[Remark]:
    facts = list(dict.fromkeys(fact.fact for each in comparison.differences for fact in each.machine))
    if not facts:
        return [Remark("No difference between the machines is known", "met")]
    return [Remark(f"The machines differ in {len(facts)} fact{'' if len(facts) == 1 else 's'}", "caution", ", ".join(facts))]


def _spread_remarks(primary: Sequence[ComparedFigure]) -> list[Remark]:
    """How far sessions of a machine are taken to differ by themselves, where that was needed."""
    spreads = [spread for figure in primary for spread in (figure.spread_a, figure.spread_b) if spread is not None]
    if not spreads:
        return []
    widest = max(spreads, key=lambda spread: spread.log_std)
    how = "is assumed" if widest.is_assumed else "was learned"
    return [
        Remark(f"That sessions of one machine differ by {significant(100 * widest.log_std, 2)} % by themselves {how}", "muted")
    ]


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
