"""What a session says about its need, in sentences that claim no more than was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.exchange.findings.answer_reasons import Reason, best_figure, reasons
from profiler.exchange.findings.answer_remarks import Remark, answer_remarks
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.policy_comparison import compared_cells, comparison
from profiler.exchange.findings.search_view import Evidence, SearchView
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import spoken
from profiler.exchange.findings.tone import Tone
from profiler.plan.words import limits_in_words, listed
from profiler.records.run_record import CellStatus
from profiler.units import half_width_text, significant

_RUNNER_UP = " Runner-up: "


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer.

    Attributes:
        tone: the need is met, broken, or not known.
        statement: the sentence itself, strong words between double asterisks.
        detail: a second one, quieter; may be empty.
        remarks: what stands behind it, and what weakens it.
        more: sentences of the flags that the statement names, for its tooltip.
        reasons: how far it holds, the runner-up, and what mattered.
        winner_id: the cell that it names as the best, None where it names none.
    """

    tone: Tone
    statement: str
    detail: str
    remarks: tuple[Remark, ...]
    more: str = ""
    reasons: tuple[Reason, ...] = ()
    winner_id: int | None = None


def answer(view: SessionView) -> Answer:
    """What the session says."""
    tone, statement, detail = _statement(view)
    winner = view.search.winner_id if view.search is not None else None
    compared = compared_cells(view) if comparison(view) in statement else ()
    named = [cell for cell in view.cells if cell.cell_id == winner or cell in compared or spoken(cell, view.varying) in statement]
    more = "\n".join(f"{cell.title}: {flag}" for cell in named for flag in cell.doubts)
    best, figure = _winner(view, statement)
    return Answer(
        tone, statement, detail, answer_remarks(view), more, reasons(view, best, figure), None if best is None else best.cell_id
    )


def _winner(view: SessionView, statement: str) -> tuple[CellView | None, str]:
    """The best cell, where the statement names it, and the figure that it is best in."""
    if view.search is not None:
        found = view.search.winner_id
        return next((cell for cell in view.measured if cell.cell_id == found), None), "output_tok_s"
    kept_up = [cell for cell in view.measured if not cell.is_unstable]
    meeting = [cell for cell in view.measured if cell.verdict is Verdict.MET]
    fit = meeting if view.has_limits else kept_up or view.measured
    figure = best_figure(fit) if view.has_limits else "output_tok_s"
    best = max(fit, key=lambda cell: figure_value(cell.figures or {}, figure) or 0.0, default=None)
    return (best if best is not None and f"**{spoken(best, view.varying)}**" in statement else None), figure


def output_words(cell: CellView) -> str:
    """A cell's output with its interval and what casts doubt on it: "217 ± 4 tok/s (▲ foreign load)"."""
    assert cell.figures is not None
    value = figure_value(cell.figures, "output_tok_s")
    if value is None:
        return "output not measured"
    interval = cell.intervals.get("output_tok_s")
    doubts = f" ({cell.doubt_names})" if cell.doubts else ""
    return f"{significant(value)}{f' {half_width_text(value, interval)}' if interval else ''} tok/s{doubts}"


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
    if view.search is not None:
        return _of_search(view, view.search)
    if not view.has_limits:
        return _without_limits(view)
    judged = [cell for cell in measured if cell.verdict in (Verdict.MET, Verdict.BROKEN)]
    if not judged:
        return "muted", "**Whether the need is met is not known**: no cell has what its limits are about.", _need(view)
    meeting = [cell for cell in judged if cell.verdict is Verdict.MET]
    at_users = [cell for cell in judged if view.need_users is not None and cell.users == view.need_users]
    sentences = []
    is_met = bool(meeting)
    has_users = view.need_users is not None and any(cell.is_closed for cell in measured)
    if has_users and view.need_users is not None:
        sentence, is_met = _at_users(view.need_users, at_users)
        sentences.append(sentence)
    if len(at_users) < len(judged) or not has_users:
        whole = "all " if sentences else ""
        sentences.append(_of_all(whole, judged, meeting, is_strong=not sentences))
    compared = comparison(view)
    if compared:
        sentences.append(compared)
    if not (compared and len(judged) == len(compared_cells(view))):
        sentences += _best(view, meeting)
    return "met" if is_met else "broken", " ".join(sentences), _need(view)


def _of_search(view: SessionView, search: SearchView) -> tuple[Tone, str, str]:
    """The search's own sentence; before it has one, what was seen, which is no answer."""
    need = _need(view) if view.has_limits else ""
    if search.answer is None:
        return "caution", _unfinished(view), need
    told, mark, runner_up = search.answer.partition(_RUNNER_UP)
    advice, colon, evidence = told.partition(":")
    statement = f"**{advice}:**{evidence}" if colon else f"**{told}**"
    winner = next((cell for cell in view.cells if cell.cell_id == search.winner_id), None)
    if winner is not None and winner.doubts:
        statement += f" {winner.doubt_names} in its runs."
    return "met" if winner is not None else "broken", statement, f"{mark}{runner_up} {need}".strip()


def _unfinished(view: SessionView) -> str:
    told = "**The search did not come to its end.**"
    best = most_output([cell for cell in view.measured if cell.verdict in (None, Verdict.MET)])
    if best is None:
        return f"{told} Nothing that it looked at met the need." if view.has_limits else told
    whence = "fresh runs" if best.evidence is Evidence.FRESH else "looks that took part in the choice"
    within = " within the limits" if view.has_limits else ""
    return f"{told} Most output{within} so far: **{spoken(best, view.varying)}**, {output_words(best)}, by {whence}."


def _without_limits(view: SessionView) -> tuple[Tone, str, str]:
    kept_up = [cell for cell in view.measured if not cell.is_unstable]
    best = most_output(kept_up or view.measured)
    compared = comparison(view)
    if compared:
        return "muted", f"**No limit was stated.** {compared}", ""
    told = f" The most output: **{spoken(best, view.varying)}**, {output_words(best)}." if best else ""
    return "muted", f"**No limit was stated.**{told}", _each(best)


def _best(view: SessionView, meeting: Sequence[CellView]) -> list[str]:
    """Of the cells that meet the need: with most output, or with most requests where these come by a clock."""
    if meeting and all(not cell.is_closed and cell.configuration.get("rate") for cell in meeting):
        most = max(meeting, key=lambda cell: figure_value(cell.figures or {}, "requests_s") or 0.0)
        requests_s = figure_value(most.figures or {}, "requests_s")
        if requests_s is not None:
            return [
                f"Most requests while meeting it: **{spoken(most, view.varying)}**, {significant(requests_s)} req/s completed."
            ]
    top = most_output(meeting)
    if top is None:
        return []
    return [f"Most output while meeting it: **{spoken(top, view.varying)}**, {output_words(top)}."]


def _need(view: SessionView) -> str:
    """The limits, those of the classes with their names."""
    told = [listed(limits_in_words(str(view.plan["need"]["slo"])))] if view.slo else []
    told += [f"{name}: {listed(limits_in_words(','.join(str(limit) for limit in slo)))}" for name, slo in view.class_slo.items()]
    return f"The need: {'; '.join(told)}.".replace("**", "")


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


def _each(cell: CellView | None) -> str:
    speed = figure_value(cell.figures, "user_tok_s") if cell and cell.figures else None
    if cell is None or speed is None:
        return ""
    return f"Each of its {'users got' if cell.is_closed else 'answers came at'} {significant(speed)} tok/s."
