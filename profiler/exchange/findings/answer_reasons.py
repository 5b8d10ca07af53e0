"""Why an answer is what it is: how far it holds, what came second, whether there is enough data, what limits it and what matters.

Everything is told of measured cells; between two of them nothing is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.analysis.distribution import STATED_AT_MOST
from profiler.analysis.figure_name import figure_value
from profiler.analysis.roofline import sentence
from profiler.exchange.findings.need_verdict import Verdict, values_behind
from profiler.exchange.findings.roofline_reading import CellWork
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import STEPS, apart, spoken
from profiler.plan.cell_words import axis_words, value_text
from profiler.records.axis import Axis
from profiler.records.run_record import CellStatus
from profiler.units import half_width_text, significant

_UNITS = {"output_tok_s": "tok/s", "requests_s": "req/s"}
_NOUNS = {"output_tok_s": "output", "requests_s": "requests"}


@dataclass(frozen=True, slots=True)
class Reason:
    """A short sentence under the answer, with a word for what it is about ("Holds", "Runner-up")."""

    about: str
    sentence: str


def reasons(view: SessionView, winner: CellView | None, figure: str = "output_tok_s") -> tuple[Reason, ...]:
    """What can be told of the winner, most important first; nothing without one.

    Args:
        view: the session.
        winner: the cell that the answer names.
        figure: what it has most of.
    """
    if winner is None:
        return ()
    few = _few(winner)
    told = [Reason("Not enough data", few)] if few else []
    if view.has_limits and (holds := _holds(view, winner)):
        told.append(Reason("Holds", holds))
    if view.search is None:  # a search tells its own
        rival = _runner_up(view, winner, figure)
        told += [Reason("Runner-up", rival)] if rival else []
        lost = _breaking(view, winner, figure)
        told += [Reason("Over a limit", lost)] if lost else []
    mattered = _mattered(view, winner, figure)
    return (*told, *([Reason("What mattered", mattered)] if mattered else []))


def limit_reasons(work: CellWork | None) -> tuple[Reason, ...]:
    """What limits the winner and what would help, from its place under the machine's roofs; what takes longer comes first."""
    if work is None:
        return ()
    phases = sorted(work.works.values(), key=lambda each: -each.step_ns)
    return tuple(Reason("Limit", sentence(each, work.roofs)) for each in phases)


def _few(cell: CellView) -> str:
    few = [item for item in cell.checks if not item.is_stated and item.verdict is not Verdict.UNKNOWN and item.limit.share < 1]
    if not few or cell.figures is None:
        return ""
    # The limit that takes most decides.
    hardest = max(few, key=lambda item: item.limit.share)
    needed = math.ceil(math.log(STATED_AT_MOST) / math.log(hardest.limit.share))
    count = values_behind(cell.figures, hardest.limit.metric)
    return (
        f"{hardest.limit.statistic} is certain from {needed} requests on, it has {count}: give it more requests or repetitions."
    )


def _line(view: SessionView, winner: CellView, step: Axis) -> list[CellView]:
    """The cells that differ from the winner in the load alone, by rising load; room that grows with the load goes along."""

    def same_on(names: Sequence[str]) -> list[CellView]:
        return [
            cell
            for cell in view.cells
            if all(cell.configuration.get(name) == winner.configuration.get(name) for name in names)
            and isinstance(cell.configuration.get(step.name), int | float)
        ]

    line = same_on([axis.name for axis in view.varying if axis.name not in STEPS])
    if len({cell.configuration[step.name] for cell in line}) < len(line):
        line = same_on([axis.name for axis in view.varying if axis != step])
    return sorted(line, key=lambda cell: float(cell.configuration[step.name] or 0))


def _holds(view: SessionView, winner: CellView) -> str:
    """How much load it holds: the highest up to which every measured one meets the need, and the next one that does not."""
    step = next((axis for name in STEPS for axis in view.varying if axis.name == name), None)
    if step is None:
        return ""
    line = _line(view, winner, step)
    held: CellView | None = None
    beyond: CellView | None = None
    for cell in line:
        if cell.verdict is Verdict.MET:
            held = cell
        else:
            beyond = cell
            break
    if held is None:
        return ""
    load = apart(held, [step.name])
    if beyond is None:
        return f"{load}; more was not measured with it."
    value = value_text(beyond.configuration[step.name])
    if any(cell.verdict is Verdict.MET for cell in line[line.index(beyond) :]):
        return f"{load}, not {value}, though it meets the need at a higher load again: that is no clear limit."
    if beyond.status is CellStatus.FAILED:
        return f"{load}; {value} could not be measured."
    if beyond.verdict is not Verdict.BROKEN:
        return f"{load}; whether {value} is not known."
    broken = next((item.sentence for item in beyond.checks if item.verdict is Verdict.BROKEN), "it is unstable")
    return f"{load}, not {value} ({broken})."


def _runner_up(view: SessionView, winner: CellView, figure: str) -> str:
    """The next best that also meets the need, and by how much it lost."""
    rivals = [
        cell
        for cell in view.measured
        if cell is not winner
        and (cell.verdict is Verdict.MET if view.has_limits else not cell.is_unstable)
        and _value(cell, figure) is not None
    ]
    if not rivals:
        return ""
    second = max(rivals, key=lambda cell: _value(cell, figure) or 0.0)
    best, value = _value(winner, figure), _value(second, figure)
    if best is None or value is None or best <= 0:
        return ""
    name, noun = spoken(second, view.varying), _NOUNS[figure]
    told = f"{name}, {_told(second, figure)}"
    one, other = winner.intervals.get(figure), second.intervals.get(figure)
    if one is None or other is None:
        return f"{told}; without intervals there is not enough data to tell them apart."
    if other[1] >= one[0]:
        return f"{told}; their intervals overlap: not enough data to tell them apart."
    return f"{told}: lost by {significant(100 * (best - value) / best, 2)} % less {noun}."


def _breaking(view: SessionView, winner: CellView, figure: str) -> str:
    """The cell with more than the winner that does not meet the need, and what it breaks."""
    best = _value(winner, figure)
    if not view.has_limits or best is None:
        return ""
    more = [cell for cell in view.measured if cell.verdict is Verdict.BROKEN and (_value(cell, figure) or 0.0) > best]
    if not more:
        return ""
    top = max(more, key=lambda cell: _value(cell, figure) or 0.0)
    broken = next((item.sentence for item in top.checks if item.verdict is Verdict.BROKEN), "unstable")
    return f"{spoken(top, view.varying)} gives {_told(top, figure)} and breaks the need: {broken}."


def _mattered(view: SessionView, winner: CellView, figure: str) -> str:
    """Of what was varied beside the load, what changes the winner's figure most by itself, where the intervals are apart."""
    best = _value(winner, figure)
    if best is None or best <= 0:
        return ""
    found: list[tuple[float, Axis, CellView]] = []
    for axis in view.varying:
        if axis.name in STEPS:
            continue
        others = [other.name for other in view.varying if other.name != axis.name]
        for cell in view.measured:
            value = _value(cell, figure)
            is_sibling = cell is not winner and all(
                cell.configuration.get(name) == winner.configuration.get(name) for name in others
            )
            if is_sibling and value is not None and _are_apart(winner, cell, figure):
                found.append((value / best - 1, axis, cell))
    if not found:
        return ""
    change, axis, cell = max(found, key=lambda item: abs(item[0]))
    direction = "more" if change > 0 else "less"
    return (
        f"{axis_words(axis.name)}: {value_text(cell.configuration[axis.name])} instead of "
        f"{value_text(winner.configuration[axis.name])} gave {significant(100 * abs(change), 2)} % {direction} {_NOUNS[figure]}."
    )


def _are_apart(one: CellView, other: CellView, figure: str) -> bool:
    first, second = one.intervals.get(figure), other.intervals.get(figure)
    return first is not None and second is not None and (first[1] < second[0] or second[1] < first[0])


def _value(cell: CellView, figure: str) -> float | None:
    return figure_value(cell.figures or {}, figure)


def _told(cell: CellView, figure: str) -> str:
    value, interval = _value(cell, figure), cell.intervals.get(figure)
    assert value is not None
    width = f" {half_width_text(value, interval)}" if interval is not None else ""
    doubts = f" ({cell.doubt_names})" if cell.doubts else ""
    return f"{significant(value)}{width} {_UNITS[figure]}{doubts}"


def best_figure(cells: Sequence[CellView]) -> str:
    """What the best of these cells has most of: requests where they come by a clock, else output."""
    by_clock = cells and all(not cell.is_closed and cell.configuration.get("rate") for cell in cells)
    return "requests_s" if by_clock and any(_value(cell, "requests_s") is not None for cell in cells) else "output_tok_s"
