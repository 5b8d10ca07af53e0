"""What a session says about its need, in sentences that claim no more than was measured. Pure: no widget is touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.pages.plan.words import limits_in_words, listed
from app.pages.results.need_verdict import Verdict, values_behind
from app.pages.results.session_view import CellView, SessionView
from app.tables.figure_delegate import half_width_text
from app.widgets.sentence import Tone
from profiler.analysis.distribution import is_stated
from profiler.analysis.figure_name import figure_value
from profiler.records.run_record import CellStatus
from profiler.units import significant

_MOST_FLAGS_TOLD = 3
_WIDE_PERCENT = 5.0


@dataclass(frozen=True, slots=True)
class Remark:
    """A short sentence beside the answer; `more` is for its tooltip."""

    sentence: str
    tone: Tone
    more: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer.

    Attributes:
        tone: the need is met, broken, or not known.
        statement: the sentence itself, strong words between double asterisks.
        detail: a second one, quieter; may be empty.
        remarks: what stands behind it, and what weakens it.
    """

    tone: Tone
    statement: str
    detail: str
    remarks: tuple[Remark, ...]


def answer(view: SessionView) -> Answer:
    """What the session says."""
    tone, statement, detail = _statement(view)
    return Answer(tone, statement, detail, tuple(_remarks(view)))


def output_words(cell: CellView) -> str:
    """A cell's output with its interval: "217 ± 4 tok/s"."""
    assert cell.figures is not None
    value = figure_value(cell.figures, "output_tok_s")
    if value is None:
        return "output not measured"
    interval = cell.intervals.get("output_tok_s")
    return f"{significant(value)}{f' {half_width_text(value, interval)}' if interval else ''} tok/s"


def most_output(cells: Sequence[CellView]) -> CellView | None:
    """The cell with the highest output; None when none has any."""
    with_output = [cell for cell in cells if cell.figures is not None and figure_value(cell.figures, "output_tok_s") is not None]
    return max(with_output, key=lambda cell: figure_value(cell.figures or {}, "output_tok_s") or 0.0, default=None)


def _statement(view: SessionView) -> tuple[Tone, str, str]:
    measured = view.measured
    if not measured:
        failed = [cell for cell in view.cells if cell.status is CellStatus.FAILED]
        if failed and len(failed) == len(view.cells):
            return "broken", f"**No cell could be measured.** {failed[0].reason}", ""
        return "muted", "Nothing has been measured yet.", ""
    best = most_output(measured)
    if not view.slo:
        told = f" The most output: **{best.title}**, {output_words(best)}." if best else ""
        return "muted", f"**No limit was stated.**{told}", _each_user(best)
    need = f"The need: {listed(limits_in_words(str(view.plan['need']['slo'])))}.".replace("**", "")
    judged = [cell for cell in measured if cell.verdict is not Verdict.UNKNOWN]
    meeting = [cell for cell in judged if cell.verdict is Verdict.MET]
    at_users = [cell for cell in judged if view.need_users is not None and cell.users == view.need_users]
    sentences = []
    is_met = bool(meeting)
    if view.need_users is not None:
        sentence, is_met = _at_users(view.need_users, at_users)
        sentences.append(sentence)
    if len(at_users) < len(judged) or view.need_users is None:
        whole = "all " if sentences else ""
        sentences.append(_of_all(whole, judged, meeting, is_strong=not sentences))
    top = most_output(meeting)
    if top is not None:
        sentences.append(f"Most output while meeting it: **{top.title}**, {output_words(top)}.")
    return "met" if is_met else "broken", " ".join(sentences), need


def _at_users(users: int, cells: Sequence[CellView]) -> tuple[str, bool]:
    whom = "1 user" if users == 1 else f"{users} users"
    meeting = [cell for cell in cells if cell.verdict is Verdict.MET]
    if not cells:
        return f"**No cell with {whom} was measured.**", False
    if len(cells) == 1:
        return f"**With {whom} the measured cell {'meets' if meeting else 'does not meet'} the need.**", bool(meeting)
    if len(meeting) == len(cells):
        return f"**With {whom}, {'both' if len(cells) == 2 else f'all {len(cells)}'} cells meet the need.**", True
    how_many = f"{len(meeting) or 'none'} of {'the two' if len(cells) == 2 else len(cells)} cells"
    return f"**With {whom}, {how_many} {'meet' if len(meeting) > 1 else 'meets'} the need.**", bool(meeting)


def _of_all(whole: str, judged: Sequence[CellView], meeting: Sequence[CellView], *, is_strong: bool) -> str:
    count, all_of_them = len(meeting), len(judged)
    if all_of_them == 1:
        told = f"The one measured cell {'meets' if count else 'does not meet'} the need."
    elif count == all_of_them:
        told = f"{'Both' if count == 2 else f'All {count}'} measured cells meet the need."
    elif count == 0:
        told = f"None of the {all_of_them} measured cells meets the need."
    else:
        told = f"Of {whole}{all_of_them} cells, {count} {'meets' if count == 1 else 'meet'} the need."
    return f"**{told}**" if is_strong else told


def _each_user(cell: CellView | None) -> str:
    speed = figure_value(cell.figures, "user_tok_s") if cell and cell.figures else None
    return "" if speed is None else f"Each of its users got {significant(speed)} tok/s."


def _remarks(view: SessionView) -> list[Remark]:
    return [
        *([Remark(view.notice, "caution")] if view.notice else []),
        *_progress_remarks(view),
        *_repetition_remarks(view),
        *_percentile_remarks(view),
        *_flag_remarks(view),
    ]


def _progress_remarks(view: SessionView) -> list[Remark]:
    failed = [cell for cell in view.cells if cell.status is CellStatus.FAILED]
    open_cells = [cell for cell in view.cells if cell.status in (CellStatus.PENDING, CellStatus.PARTIAL)]
    remarks = []
    if failed:
        remarks.append(
            Remark(f"{_cells(len(failed))} failed", "broken", "\n".join(f"{cell.title}: {cell.reason}" for cell in failed))
        )
    if open_cells:
        told = f"{len(open_cells)} of {len(view.cells)} cells are not complete"
        more = "\n".join(f"{cell.title}: {cell.reason}" for cell in open_cells if cell.reason)
        remarks.append(Remark(told, "caution", more))
    return remarks


def _repetition_remarks(view: SessionView) -> list[Remark]:
    counts = [cell.runs for cell in view.measured]
    if not counts:
        return []
    least, most = min(counts), max(counts)
    runs = f"{most} repetitions" if least == most else f"{least} to {most} repetitions"
    shares = []
    for cell in view.measured:
        value = figure_value(cell.figures or {}, "output_tok_s")
        interval = cell.intervals.get("output_tok_s")
        if value and interval:
            shares.append(50 * (interval[1] - interval[0]) / value)
    if not shares:
        return [Remark("1 repetition: no intervals" if most == 1 else f"{runs}: no intervals", "caution")]
    ends = sorted({significant(share, 2) for share in (min(shares), max(shares))}, key=float)
    return [
        Remark(
            f"{runs}, output ± {' to '.join(ends)} %",
            "met" if max(shares) <= _WIDE_PERCENT else "caution",
            "Half the width of the 95 % intervals of the cells' output, as a share of it",
        )
    ]


def _percentile_remarks(view: SessionView) -> list[Remark]:
    counts = [values_behind(cell.figures, "ttft_ms") for cell in view.measured if cell.figures is not None]
    if not counts or all(is_stated(0.95, count) for count in counts):
        return []
    span = str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    return [
        Remark(
            f"p95 takes 90 requests, the cells have {span}: greyed",
            "caution",
            "A percentile q of n values is certain to 99 % from q^n ≤ 0.01 on",
        )
    ]


def _flag_remarks(view: SessionView) -> list[Remark]:
    remarks = []
    if view.runs_left_out:
        told = "1 run was" if view.runs_left_out == 1 else f"{view.runs_left_out} runs were"
        remarks.append(Remark(f"{told} disturbed and left out", "caution", "Measured again, and not in any figure"))
    told_at: dict[str, dict[str, str]] = {}
    for cell in view.cells:
        for flag in cell.flags:
            name, _, sentence = flag.partition(": ")
            told_at.setdefault(name, {}).setdefault(cell.title, sentence)
    if told_at:
        by_frequency = sorted(told_at.items(), key=lambda item: -len(item[1]))
        kinds = [f"{name} in {_cells(len(sentences))}" for name, sentences in by_frequency[:_MOST_FLAGS_TOLD]]
        left = len(by_frequency) - _MOST_FLAGS_TOLD
        more = [f"{title}: {sentence}" for _, sentences in by_frequency for title, sentence in sentences.items()]
        kinds += [f"{left} more"] if left > 0 else []
        remarks.append(Remark(f"flags: {', '.join(kinds)}", "caution", "\n".join(more)))
    return remarks


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
