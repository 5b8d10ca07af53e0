"""What a session that was broken off holds of its sweep, as the sweep goes through its plan again without measuring it anew.

Which runs come next follows from the plan and from what the runs before have shown. A resumed sweep therefore asks its director
from the beginning; where the file has the run that is asked for, that run is taken as it ended, and only the others are measured.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.records.power_meter import IdlePower
from profiler.records.run_record import (
    CellRecord,
    CellStatus,
    Figures,
    ModelRecord,
    RunPurpose,
    RunRecord,
    RunStatus,
    SessionEvent,
)
from profiler.records.timing import RunData
from profiler.session.reader import SessionReader
from profiler.session.typed_values import from_json, typed
from profiler.sweep.order import PlannedRun

if TYPE_CHECKING:
    from profiler.sweep.cell_results import CellResults
    from profiler.sweep.repetition import EndedRun

SKIPPED = "Skipped by you."
"""The reason of a cell of which the person wanted no more."""

IDLE_POWER = "idle_power"
"""The fact of a session that holds a `records.power_meter.IdlePower`, as JSON."""

_SAID_AGAIN = frozenset(
    {"model failed", "model made", "model warning", "source absent", "search step", "search out", "flag", "settled",
     "cell failed", "engine died", "skip", "more repetitions"}
)  # fmt: skip
"""Kinds of events that a sweep tells when it comes by the same place again."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run that the file has whole.

    Attributes:
        was_skipped: the person broke it off and wanted no more of its cell.
        seconds: that it took.
    """

    record: RunRecord
    data: RunData
    figures: Figures | None
    was_skipped: bool
    seconds: float

    def ended(self, results: "CellResults", planned: PlannedRun) -> "EndedRun":
        """The run as it was when it had just ended.

        Raises:
            BadFile: what the file says of it cannot be.
        """
        from profiler.sweep.repetition import EndedRun

        run = self.record
        if run.status is not RunStatus.DONE:
            return EndedRun(run, self.data, None)
        is_valid = run.is_valid
        if not is_valid and run.purpose is not RunPurpose.MEASURE:  # a look that counted then may count no more by now
            _, _, is_valid = results.judge(run, results.cell(run.cell_id), self.data, is_repeat=planned.is_repeat)
        run = replace(run, is_valid=is_valid and run.purpose is not RunPurpose.SHORT_LOOK)
        return EndedRun(run, self.data, self.figures, is_disturbed=not is_valid)


class KeptSession:
    """The cells, runs and events that a session holds. Used once, by the sweep's thread.

    Attributes:
        changes: what is not as it was, each in words; the runs from here on carry it as a flag.
        models: as they were recorded.
        cells: as they were recorded; where runs were broken off or are still missing they are pending.
        last_run_id: the highest number of a run, 0 without any.
        idle_power: what the meters showed before the first run, None where that is not known.
        count: runs that are kept.
    """

    def __init__(self, reader: SessionReader, changes: Sequence[str] = ()) -> None:
        """Read all but the raw rows. Raises BadFile when a row cannot be read."""
        self.changes = tuple(changes)
        self._path: Path = reader.path
        self.models: list[ModelRecord] = reader.models()
        runs, stored = reader.runs(), reader.cells()
        begun = {run.cell_id for run in runs}
        self.cells: list[CellRecord] = [
            cell if cell.status is CellStatus.FAILED and cell.cell_id not in begun else _afresh(cell) for cell in stored
        ]
        self.last_run_id = max((run.run_id for run in runs), default=0)
        self.idle_power = _idle_power(reader.meta().get(IDLE_POWER))
        self._skipped = {cell.cell_id for cell in stored if cell.reason == SKIPPED}
        self._seconds = reader.run_seconds()
        self._said = Counter((event.kind, event.sentence, event.cell_id) for event in reader.events())
        last_of_cell = {run.cell_id: run.run_id for run in runs}
        self._runs: defaultdict[tuple[int, int, RunPurpose], deque[RunRecord]] = defaultdict(deque)
        for run in runs:
            was_skipped = run.cell_id in self._skipped and run.run_id == last_of_cell[run.cell_id]
            if run.status in (RunStatus.DONE, RunStatus.FAILED) or (run.status is RunStatus.PARTIAL and was_skipped):
                self._runs[run.cell_id, run.repetition, run.purpose].append(run)
        self.count = sum(map(len, self._runs.values()))

    def identities(self) -> tuple[set[int], set[int]]:
        """The numbers of the models and of the cells that are in the file."""
        return {model.model_id for model in self.models}, {cell.cell_id for cell in self.cells}

    @property
    def sentence(self) -> str:
        """What is told at the join."""
        runs = "1 run is kept" if self.count == 1 else f"{self.count} runs are kept"
        return f"Resumed: {runs}, the others follow." + "".join(f" Changed since: {change}." for change in self.changes)

    @property
    def join(self) -> dict[str, Any]:
        """What is kept of the join: the number of the first run after it, how many were kept before, what has changed."""
        return {"first_run_id": self.last_run_id + 1, "kept_runs": self.count, "changes": list(self.changes)}

    @property
    def doubts(self) -> tuple[str, ...]:
        """The flag of the runs after the join, where something has changed."""
        if not self.changes:
            return ()
        return (f"changed since: Earlier runs of this session were measured with something else: {'; '.join(self.changes)}.",)

    def was_said(self, event: SessionEvent) -> bool:
        """Whether the log has this already; each entry of it answers for one."""
        key = event.kind, event.sentence, event.cell_id
        if event.kind not in _SAID_AGAIN or not self._said[key]:
            return False
        self._said[key] -= 1
        return True

    def take(self, planned: PlannedRun) -> KeptRun | None:
        """The run that was measured for `planned`, each once; None when it is to be measured."""
        runs = self._runs.get((planned.cell_id, planned.repetition, planned.purpose))
        return self._read(runs.popleft()) if runs else None

    def take_left(self) -> list[KeptRun]:
        """Runs that were not asked for again: those that a time budget left room for."""
        left = [run for runs in self._runs.values() for run in runs if run.status is RunStatus.DONE and run.is_valid]
        self._runs.clear()
        return [self._read(run) for run in sorted(left, key=lambda run: run.run_id)]

    def _read(self, run: RunRecord) -> KeptRun:
        with SessionReader.open(self._path) as reader:
            data = reader.run_data(run.run_id)
            figures = reader.run_figures(run.run_id) if run.status is RunStatus.DONE else None
        return KeptRun(run, data, figures, run.status is RunStatus.PARTIAL, self._seconds.get(run.run_id, 0.0))


def _afresh(cell: CellRecord) -> CellRecord:
    return replace(cell, status=CellStatus.PENDING, reason="")


def _idle_power(text: str | None) -> IdlePower | None:
    try:
        return None if text is None else typed(IdlePower, from_json(text))
    except ValueError:
        return None
