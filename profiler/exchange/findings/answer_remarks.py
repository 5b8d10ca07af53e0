"""What stands behind a session's answer, and what weakens it: short sentences beside it."""

from dataclasses import dataclass

from profiler.analysis.distribution import is_stated
from profiler.analysis.figure_name import figure_value
from profiler.analysis.validity import UNSTABLE
from profiler.exchange.findings.need_verdict import values_behind
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.tone import Tone
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


def answer_remarks(view: SessionView) -> tuple[Remark, ...]:
    """All of them, what matters most first."""
    return (
        *([Remark(view.notice, "caution")] if view.notice else []),
        *_progress_remarks(view),
        *_short_look_remarks(view),
        *_unstable_remarks(view),
        *_repetition_remarks(view),
        *_percentile_remarks(view),
        *_flag_remarks(view),
    )


def _unstable_remarks(view: SessionView) -> list[Remark]:
    cells = [cell for cell in view.measured if cell.is_unstable]
    if not cells:
        return []
    told = f"{_cells(len(cells))} {'is' if len(cells) == 1 else 'are'} unstable: requests came faster than they were served"
    more = [f"{cell.title}: {flag.partition(': ')[2]}" for cell in cells for flag in cell.flags if _is_unstable(flag)]
    return [Remark(told, "caution", "\n".join(more))]


def _is_unstable(flag: str) -> bool:
    return flag.partition(":")[0] == UNSTABLE


def _progress_remarks(view: SessionView) -> list[Remark]:
    failed = [cell for cell in view.cells if cell.status is CellStatus.FAILED]
    open_cells = [
        cell
        for cell in view.cells
        if cell.status in (CellStatus.PENDING, CellStatus.PARTIAL) and cell.evidence is not Evidence.SHORT
    ]
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


def _short_look_remarks(view: SessionView) -> list[Remark]:
    short = [cell for cell in view.cells if cell.evidence is Evidence.SHORT]
    if not short:
        return []
    told = f"{_cells(len(short))} had short looks only: behind the others, so not measured further"
    return [Remark(told, "muted", "\n".join(cell.title for cell in short))]


def _repeated(view: SessionView) -> tuple[list[CellView], str]:
    """The cells whose repetitions the answer stands on, and what these are called; in a search its fresh runs."""
    if view.search is None:
        return list(view.measured), "repetition"
    return [cell for cell in view.measured if cell.evidence in (Evidence.CONFIRMED, Evidence.FRESH)], "fresh run"


def _repetition_remarks(view: SessionView) -> list[Remark]:
    cells, noun = _repeated(view)
    counts = [cell.runs for cell in cells]
    if not counts:
        return [Remark("no fresh runs: looks took part in the choice", "caution")] if view.search is not None else []
    least, most = min(counts), max(counts)
    runs = f"{most} {noun}s" if least == most else f"{least} to {most} {noun}s"
    shares = []
    for cell in cells:
        value = figure_value(cell.figures or {}, "output_tok_s")
        interval = cell.intervals.get("output_tok_s")
        if value and interval:
            shares.append(50 * (interval[1] - interval[0]) / value)
    if not shares:
        return [Remark(f"1 {noun}: no intervals" if most == 1 else f"{runs}: no intervals", "caution")]
    ends = list(dict.fromkeys(significant(share, 2) if share <= 100 else "over 100" for share in (min(shares), max(shares))))
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
            if cell.is_unstable and _is_unstable(flag):
                continue  # told already
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
