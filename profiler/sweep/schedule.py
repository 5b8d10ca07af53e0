"""What is still to run, and how long it will take."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from profiler.clock import now_ns
from profiler.sweep.estimate import remaining_seconds
from profiler.sweep.order import PlannedRun


class Schedule:
    """The queue of repetitions with its clock.

    Attributes:
        done: repetitions that have ended.
        planned: repetitions in all, ended ones included.
    """

    def __init__(self, budget_s: float | None, foretold_s: Mapping[int, float | None] | None = None) -> None:
        """Args: `foretold_s` are the seconds that a run of each cell was estimated to take."""
        self._foretold_s = foretold_s or {}
        self._queue: deque[PlannedRun] = deque()
        self._budget_s = budget_s
        self._begin_ns = now_ns()
        self._run_begin_ns = self._begin_ns
        self._seconds: dict[int, list[float]] = {}
        self.done = 0
        self.planned = 0

    def add(self, runs: Sequence[PlannedRun]) -> None:
        """More to run, behind all others."""
        self._queue.extend(runs)
        self.planned += len(runs)

    def next_run(self) -> PlannedRun | None:
        """The next repetition; it stays in the queue until `begin`."""
        return self._queue[0] if self._queue else None

    def begin(self) -> None:
        """The next repetition starts."""
        self._queue.popleft()
        self._run_begin_ns = now_ns()

    def end(self, run: PlannedRun) -> None:
        """It has ended."""
        self.done += 1
        self._seconds.setdefault(run.cell_id, []).append((now_ns() - self._run_begin_ns) / 1e9)

    def replay(self, run: PlannedRun, seconds: float) -> None:
        """The next repetition was measured before, in an earlier part of the sweep: its time counts as if it were now."""
        self._queue.popleft()
        self.done += 1
        self._begin_ns -= round(seconds * 1e9)
        if seconds > 0:
            self._seconds.setdefault(run.cell_id, []).append(seconds)

    def repeat(self, run: PlannedRun) -> None:
        """Run a repetition once more, after all others."""
        self._queue.append(replace(run, is_repeat=True))
        self.planned += 1

    def retry(self, run: PlannedRun) -> None:
        """Try a repetition once more whose engine died, after all others."""
        self._queue.append(run)
        self.planned += 1

    def has(self, cell_id: int) -> bool:
        """Whether a cell still has something to run."""
        return any(run.cell_id == cell_id for run in self._queue)

    def drop_cell(self, cell_id: int) -> None:
        """Leave out what a cell still has to run."""
        kept = [run for run in self._queue if run.cell_id != cell_id]
        self.planned -= len(self._queue) - len(kept)
        self._queue = deque(kept)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first run could start."""
        return (now_ns() - self._begin_ns) / 1e9

    @property
    def budget_left_s(self) -> float | None:
        """Seconds of the budget, None without one."""
        return None if self._budget_s is None else max(0.0, self._budget_s - self.elapsed_s)

    @property
    def mean_run_s(self) -> float | None:
        """Seconds that a run takes, the mean over the cells; None before the first has ended."""
        means = [sum(values) / len(values) for values in self._seconds.values()]
        return sum(means) / len(means) if means else None

    @property
    def is_over_budget(self) -> bool:
        """Whether no further run may start."""
        return self._budget_s is not None and self.elapsed_s >= self._budget_s

    def remaining_s(self, expected: int = 0) -> float | None:
        """Seconds that the queue and `expected` further runs will likely take; None where nothing is known of them."""
        seconds = remaining_seconds(self._foretold_s, self._seconds, [run.cell_id for run in self._queue])
        if seconds is None or (expected and self.mean_run_s is None):
            return None
        seconds += expected * (self.mean_run_s or 0.0)
        return seconds if self.budget_left_s is None else min(seconds, self.budget_left_s)
