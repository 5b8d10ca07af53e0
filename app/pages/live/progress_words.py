"""What is running now and how long it will take, in words. Pure: it is told events and the time."""

from collections.abc import Callable
from dataclasses import dataclass

from profiler.plan.cell_words import cell_title
from profiler.plan.cells import varying_axes
from profiler.plan.plan import Plan
from profiler.records.run_record import CellRecord, RunPurpose, RunRecord
from profiler.sweep.events import (
    CellAdded,
    Preparing,
    Progress,
    RunEnded,
    RunMeasuring,
    RunStarted,
    SweepEvent,
    SweepStarted,
)
from profiler.units import duration_text, percent_text

_PURPOSES = {
    RunPurpose.MEASURE: "",
    RunPurpose.SHORT_LOOK: "a short look",
    RunPurpose.LOOK: "looking",
    RunPurpose.CONFIRM: "confirming",
}


@dataclass(slots=True)
class _Present:
    """The run that is under way."""

    run: RunRecord
    cell: CellRecord
    since_s: float
    is_measuring: bool = False


class ProgressWords:
    """Follows a sweep's events.

    Args:
        plan: what is measured.
        clock_s: any clock in seconds; the tests' one stands still.
    """

    def __init__(self, plan: Plan, clock_s: Callable[[], float]) -> None:
        self._plan = plan
        self._clock_s = clock_s
        self._cells: tuple[CellRecord, ...] = ()
        self._varying: tuple[str, ...] = ()
        self._preparing = Preparing("starting", None)
        self._present: _Present | None = None
        self._progress: Progress | None = None
        self._progress_at_s = clock_s()

    def follow(self, event: SweepEvent) -> None:
        """Take an event into account; those that change no words are ignored."""
        match event:
            case Preparing():
                self._preparing = event
            case SweepStarted(cells=cells):
                self._know(cells)
            case CellAdded(cell):
                self._know((*self._cells, cell))
            case RunStarted(run, cell):
                self._present = _Present(run, cell, self._clock_s())
            case RunMeasuring():
                if self._present is not None:
                    self._present.is_measuring = True
            case RunEnded():
                self._present = None
            case Progress():
                self._progress, self._progress_at_s = event, self._clock_s()

    def _know(self, cells: tuple[CellRecord, ...]) -> None:
        self._cells = cells
        self._varying = tuple(axis.name for axis in varying_axes([cell.configuration for cell in cells]))

    @property
    def is_paused(self) -> bool:
        """Whether the sweep waits, or will wait after the present run."""
        return self._progress is not None and self._progress.state == "paused"

    def cell_words(self, cell: CellRecord) -> str:
        """A cell by what tells it apart from the others."""
        return cell_title(cell.configuration, self._varying)

    @property
    def runs_left(self) -> str:
        """What a search guesses is still to come after the present run; empty in a grid, and while nothing can be guessed."""
        progress = self._progress
        if not self._plan.search.enabled or progress is None or progress.state != "running":
            return ""
        left = progress.runs_planned - progress.runs_done - (self._present is not None)
        return f"about {left} more run{'' if left == 1 else 's'}" if left > 0 else ""

    @property
    def title(self) -> str:
        """What runs."""
        if self._present is not None:
            return self.cell_words(self._present.cell)
        if not self._cells:
            return "Preparing"
        return "Paused" if self.is_paused else "Between two runs"

    @property
    def subtitle(self) -> str:
        """How far it is and how long it will take."""
        if not self._cells:
            share = self._preparing.share
            return self._preparing.sentence + (f" · {percent_text(share)}" if share is not None else "")
        parts = []
        if self._present is not None:
            parts = self._place(self._present.run)
            if not self._present.is_measuring:
                parts.append(f"loading and warming up, {duration_text(self._clock_s() - self._present.since_s)}")
        parts += [self.runs_left, self._time_left()]
        return " · ".join(filter(None, parts))

    def _place(self, run: RunRecord) -> list[str]:
        """Which run it is of how many; a search does not know how many there will be, but what this one is for."""
        if self._plan.search.enabled:
            return [f"run {run.run_id}", _PURPOSES[run.purpose]]
        return [f"cell {run.cell_id} of {len(self._cells)}", f"run {run.repetition} of {self._plan.trust.repetitions}"]

    def _time_left(self) -> str:
        if self._progress is None:
            return ""
        if self._progress.state == "paused":
            return "pauses after this run" if self._present else f"{self._progress.runs_done} runs done"
        if self._progress.state == "stopping":
            return "stopping, everything measured is kept"
        if self._progress.remaining_s is None:
            return ""
        left_s = self._progress.remaining_s - (self._clock_s() - self._progress_at_s)
        return f"{duration_text(left_s)} left" if left_s >= 1 else "nearly done"
