"""When a cell has been measured often enough, and which cells the answer still hangs on.

Pure: it looks at the figures of a cell's valid runs. To look after every run whether it was enough makes errors more frequent
than a single look does; what is done against it here was found by simulation (tests/profiler/sweep/test_stopping.py).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from profiler.analysis.figure_name import figure_value
from profiler.analysis.intervals import figure_interval
from profiler.plan.slo import Limit, Slo
from profiler.records.run_record import ClassFigures, Figures

LEAST_RUNS = 6
MOST_RUNS = 30
PRIMARY = "output_tok_s"

VERDICT_CONFIDENCE = 0.99
"""A limit's verdict is looked at after every run until it is decided: at 95 % a cell right at its limit would seem decided within
30 runs in 21 of 100 cases, at 99 % in 6."""

Standing = Literal["met", "broken", "open", "unknown"]

NO_CLASS_LIMITS: Mapping[str, Slo] = {}


@dataclass(frozen=True, slots=True)
class CellEvidence:
    """What is known of a cell.

    Attributes:
        runs: figures of its valid runs.
        classes: the same runs' figures by class of requests; empty for a load of one class.
    """

    runs: Sequence[Figures]
    classes: Sequence[ClassFigures] = ()


def is_settled(cell: CellEvidence, target_percent: float, slo: Slo = (), class_slo: Mapping[str, Slo] = NO_CLASS_LIMITS) -> bool:
    """Whether further runs would tell nothing that matters.

    From six runs on: half the 95 % interval of the output throughput is within ±target, and each limit's figure is as certain or
    lies clearly on one side of its limit.

    Args:
        cell: the cell.
        target_percent: half the width that is asked for.
        slo: the plan's limits.
        class_slo: limits of the request classes that have their own, by the class's name; they hold instead of the plan's.
    """
    if len(cell.runs) < LEAST_RUNS or not _is_narrow(cell.runs, PRIMARY, target_percent):
        return False
    return all(
        limit_standing(runs, limit) != "open" or _is_narrow(runs, _figure(limit), target_percent)
        for runs, limit in _limits(cell, slo, class_slo)
    )


def limit_standing(runs: Sequence[Figures], limit: Limit) -> Standing:
    """On which side of a limit its figure lies; "unknown" where no run could measure it, so that more of them will not either.

    A run whose percentile falls on requests that never got there lies above every limit.
    """
    name = _figure(limit)
    values = [figure_value(figures, name) for figures in runs]
    measured = [value is not None for value in values]
    if not any(measured):
        has_waited = any(figure_value(figures, f"{limit.metric}.n") for figures in runs)
        return "broken" if has_waited else "unknown"
    interval = figure_interval(runs, name, VERDICT_CONFIDENCE)
    if interval is None:  # a single run, or some that never got there beside some that did
        return "open"
    if interval[1] <= limit.threshold:
        return "met"
    return "broken" if interval[0] > limit.threshold else "open"


def undecided(
    cells: Mapping[int, CellEvidence],
    slo: Slo,
    target_percent: float,
    most_runs: int | None = None,
    class_slo: Mapping[str, Slo] = NO_CLASS_LIMITS,
) -> list[int]:
    """The cells that another run may decide something about, the ones where it decides most first.

    First those of which it is not known whether they keep to the limits, and among them those that might be the best; then those
    that contend for the best: the throughput's intervals overlap. Within each group the fewest further runs come first that would
    decide it, were the spread and the difference as they seem. Settled cells are never among them, nor those with `most_runs`
    (None: 30) runs already.

    Args:
        cells: by their id; leave out those that failed.
        slo: the plan's limits.
        target_percent: see `is_settled`.
        most_runs: a cell gets no more.
        class_slo: see `is_settled`.
    """
    verdicts = {cell_id: _verdict(cell, slo, class_slo) for cell_id, cell in cells.items()}
    reaches = {cell_id: _log_interval(cell.runs, PRIMARY) for cell_id, cell in cells.items()}
    able = {cell_id: reach for cell_id, reach in reaches.items() if reach is not None and verdicts[cell_id] in ("met", "unknown")}
    best = max(able, key=lambda cell_id: _middle(able[cell_id]), default=None)
    ranked: list[tuple[int, float, int]] = []
    for cell_id, cell in cells.items():
        if len(cell.runs) >= (most_runs or MOST_RUNS) or is_settled(cell, target_percent, slo, class_slo):
            continue
        if verdicts[cell_id] == "open":
            reach = reaches[cell_id]
            may_win = reach is None or best is None or reach[1] >= able[best][0]
            ranked.append((0 if may_win else 1, _runs_to_verdict(cell, slo, class_slo), cell_id))
        elif len(cell.runs) < 2:  # nothing is known of its spread
            ranked.append((0, 0.0, cell_id))
        elif cell_id in able and best is not None:
            rivals = [best] if cell_id != best else [other for other in able if other != best]
            growths = [growth for rival in rivals if (growth := _runs_apart(able[cell_id], able[rival])) > 1]
            if growths:  # else all are apart already
                ranked.append((2, min(growths) * len(cell.runs), cell_id))
    return [cell_id for _, _, cell_id in sorted(ranked)]


def _figure(limit: Limit) -> str:
    return f"{limit.metric}.{limit.statistic}"


def _limits(cell: CellEvidence, slo: Slo, class_slo: Mapping[str, Slo]) -> Iterator[tuple[Sequence[Figures], Limit]]:
    """Every limit with the runs' figures that it is held against."""
    if not class_slo or not cell.classes:
        yield from ((cell.runs, limit) for limit in slo)
        return
    for name in cell.classes[0]:
        runs = [classes.get(name, {}) for classes in cell.classes]
        yield from ((runs, limit) for limit in class_slo.get(name, slo))


def _is_narrow(runs: Sequence[Figures], name: str, target_percent: float) -> bool:
    """Whether half the interval is within the target; in early looks within less of it, √(n / (n + 2)).

    A spread that is underestimated by chance stops a cell early, with too narrow an interval: coverage then falls to 92 %; this
    keeps it at 93.
    """
    interval = _log_interval(runs, name)
    if interval is None:
        return False
    allowed = math.log1p(target_percent / 100) * math.sqrt(len(runs) / (len(runs) + 2))
    return (interval[1] - interval[0]) / 2 <= allowed


def _log_interval(runs: Sequence[Figures], name: str) -> tuple[float, float] | None:
    interval = figure_interval(runs, name)
    return None if interval is None or interval[0] <= 0 else (math.log(interval[0]), math.log(interval[1]))


def _middle(interval: tuple[float, float]) -> float:
    return (interval[0] + interval[1]) / 2


def _verdict(cell: CellEvidence, slo: Slo, class_slo: Mapping[str, Slo]) -> Standing:
    """Over all limits: broken as soon as one is; without any "met"."""
    standings = {limit_standing(runs, limit) for runs, limit in _limits(cell, slo, class_slo)}
    for standing in ("broken", "open", "unknown"):
        if standing in standings:
            return standing
    return "met"


def _runs_to_verdict(cell: CellEvidence, slo: Slo, class_slo: Mapping[str, Slo]) -> float:
    """Runs in all that would decide the limit that takes most of them: an interval shrinks with the root of their number."""
    most = 0.0
    for runs, limit in _limits(cell, slo, class_slo):
        if limit_standing(runs, limit) == "open":
            interval = _log_interval(runs, _figure(limit))
            if interval is None or limit.threshold <= 0:
                return 0.0 if len(runs) < 2 else math.inf
            apart = abs(math.log(limit.threshold) - _middle(interval))
            half = (interval[1] - interval[0]) / 2
            most = max(most, len(runs) * (half / apart) ** 2 if apart > 0 else math.inf)
    return most


def _runs_apart(reach: tuple[float, float], rival: tuple[float, float]) -> float:
    """By how many times the runs of both must grow for their intervals to part; up to 1 when they have."""
    halves = (reach[1] - reach[0] + rival[1] - rival[0]) / 2
    apart = abs(_middle(reach) - _middle(rival))
    if halves == 0:
        return 1.0  # no spread at all: what is equal stays equal
    return (halves / apart) ** 2 if apart > 0 else math.inf
