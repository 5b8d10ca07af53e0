"""How many requests were in the system and waiting over a run's time, from their own instants."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import reached

MOST_POINTS = 2000

Series = NDArray[np.float64]
Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class QueueHistory:
    """Two counts over time, ready to be drawn as lines: at most `MOST_POINTS` points, no peak or trough lost.

    Attributes:
        repetition: of the run.
        times_s: since the run's origin, rising; several points may share an instant.
        in_system: requests due and not ended, however they ended.
        waiting: those of them whose prefill had not begun.
        last_due_s: nothing became due after it.
    """

    repetition: int
    times_s: Series
    in_system: Series
    waiting: Series
    last_due_s: float


def queue_history(requests: NDArray[Any], repetition: int) -> QueueHistory | None:
    """The counts of a run, idle stretches included. One that never ended is in the system for good.

    None without requests, and where no first token tells when its prompt was begun: an imported run does not know who waited.
    """
    if not len(requests):
        return None
    due, start, end = requests["due_ns"], requests["prefill_start_ns"], requests["end_ns"]
    if reached(requests["first_token_ns"]).any() and not reached(start).any():
        return None
    leaves_queue = np.where(reached(start), start, end)  # refused or given up, it leaves the queue where it ends
    ends = end[reached(end)]
    turns = leaves_queue[reached(leaves_queue)]
    edges = np.unique(np.concatenate((due, turns, ends)))
    in_system = _count_at(edges, due, ends)
    waiting = _count_at(edges, due, turns)
    times_s, (drawn_in_system, drawn_waiting) = as_lines(edges / 1e9, (in_system, waiting))
    return QueueHistory(repetition, times_s, drawn_in_system, drawn_waiting, float(due.max()) / 1e9)


def as_lines(times_s: Series, counts: tuple[Series, ...], most_points: int = MOST_POINTS) -> tuple[Series, tuple[Series, ...]]:
    """Counts that hold from each instant to the next, as points of lines.

    With few instants the steps are exact: each is two points. With many the time is cut into equal slices, and each slice shows
    the least and the greatest value that a count has in it.
    """
    if 2 * len(times_s) <= most_points:
        return np.repeat(times_s, 2)[1:], tuple(np.repeat(count, 2)[:-1] for count in counts)
    slices = most_points // 2
    edges_s = np.linspace(times_s[0], times_s[-1], slices + 1)
    # The count that is carried into a slice belongs to it, and so do those of the instants in it.
    starts = np.searchsorted(times_s, edges_s[:-1], side="right") - 1
    stops = np.maximum(np.searchsorted(times_s, edges_s[1:], side="left"), starts + 1)
    stops[-1] = len(times_s)
    parts = np.stack((starts, stops), axis=1).ravel()
    lows_and_highs = []
    for count in counts:
        padded = np.append(count, count[-1])  # a stop at the very end must be a place, too
        least, greatest = np.minimum.reduceat(padded, parts)[::2], np.maximum.reduceat(padded, parts)[::2]
        lows_and_highs.append(np.stack((least, greatest), axis=1).ravel())
    return np.repeat((edges_s[:-1] + edges_s[1:]) / 2, 2), tuple(lows_and_highs)


def _count_at(instants: Instants, enters: Instants, leaves: Instants) -> Series:
    """How many have entered and not left at each instant, what happens in it included."""
    entered = np.searchsorted(np.sort(enters), instants, side="right")
    left = np.searchsorted(np.sort(leaves), instants, side="right")
    return np.asarray(entered - left, np.float64)
