"""What is still to run, and how long it will take."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from profiler.clock import now_ns
from profiler.sweep.order import PlannedRun


class Schedule:
    """The queue of repetitions with its clock.

    Attributes:
        done: repetitions that have ended.
        planned: repetitions in all, ended ones included.
    """

    def __init__(self, runs: Sequence[PlannedRun], budget_s: float | None) -> None:
        self._queue = deque(runs)
        self._budget_s = budget_s
        self._begin_ns = now_ns()
        self._run_begin_ns = self._begin_ns
        self._seconds: dict[int, list[float]] = {}
        self.done = 0
        self.planned = len(runs)

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

    def repeat(self, run: PlannedRun) -> None:
        """Run a repetition once more, after all others."""
        self._queue.append(replace(run, is_repeat=True))
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
    def is_over_budget(self) -> bool:
        """Whether no further run may start."""
        return self._budget_s is not None and self.elapsed_s >= self._budget_s

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the queue will likely take: each cell as its own runs took, a new one as the mean of all."""
        if not self._seconds:
            return None
        means = {cell_id: sum(values) / len(values) for cell_id, values in self._seconds.items()}
        overall = sum(means.values()) / len(means)
        seconds = sum(means.get(run.cell_id, overall) for run in self._queue)
        if self._budget_s is not None:
            seconds = min(seconds, max(0.0, self._budget_s - self.elapsed_s))
        return seconds
