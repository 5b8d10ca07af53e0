"""Which repetitions a sweep carries out: all of a grid, or what a search asks for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from profiler.plan.plan import Plan
from profiler.plan.slo import parse_slo
from profiler.sweep.order import PlannedRun, interleaved
from profiler.sweep.stopping import LEAST_RUNS, MOST_RUNS, is_settled, undecided

if TYPE_CHECKING:
    from profiler.sweep.cell_results import CellResults
    from profiler.sweep.repetition import EndedRun


class Tell(Protocol):
    """Puts an event into the session's log."""

    def __call__(self, kind: str, sentence: str, cell_id: int | None = None, data: dict[str, Any] | None = None) -> None:
        """Tell it."""


class Director(Protocol):
    """Asked by the runner, on its thread."""

    def more(self, seconds_left: float | None, run_seconds: float | None) -> list[PlannedRun]:
        """The next repetitions; asked at the start and when all others have ended. None are left when there are none.

        Args:
            seconds_left: of the time budget, None without one.
            run_seconds: that a repetition takes on the mean, None before the first.
        """

    def ended(self, planned: PlannedRun, run: "EndedRun", *, was_skipped: bool) -> Sequence[int]:
        """A repetition has ended and will not be repeated; returns cells whose other repetitions are not needed any more."""

    def conclude(self) -> None:
        """The sweep ends, perhaps before all was done."""

    def expected(self) -> int:
        """A guess at the repetitions that `more` will still give."""


class GridDirector:
    """Every cell as often as the plan says; less often where six runs were enough, more often where a budget is left."""

    def __init__(self, plan: Plan, cell_ids: Sequence[int], results: "CellResults", tell: Tell) -> None:
        self._plan, self._cell_ids, self._results, self._tell = plan, tuple(cell_ids), results, tell
        self._slo = parse_slo(plan.need.slo)
        self._class_slo = {each.name: parse_slo(each.slo) for each in plan.load.classes or () if each.slo}
        self._block = 0
        self._most = plan.trust.most_repetitions or max(MOST_RUNS, plan.trust.repetitions)
        self._given_up: set[int] = set()
        self._settled: set[int] = set()

    def more(self, seconds_left: float | None, run_seconds: float | None) -> list[PlannedRun]:
        """The grid, then block after block of the cells on which the answer hangs, while the budget lasts."""
        trust = self._plan.trust
        if not self._block:
            self._block = trust.repetitions
            return interleaved(self._cell_ids, trust.repetitions, trust.seed)
        if seconds_left is None or (run_seconds is not None and seconds_left < run_seconds):
            return []
        evidence = {cell_id: self._results.evidence(cell_id) for cell_id in self._cell_ids if cell_id not in self._given_up}
        asked = [
            cell_id
            for cell_id in undecided(
                evidence, self._slo, target_percent=trust.target_percent, most_runs=self._most, class_slo=self._class_slo
            )
            if evidence[cell_id].runs
        ]
        if not asked:
            return []
        if self._block == trust.repetitions:
            told = "1 cell" if len(asked) == 1 else f"{len(asked)} cells"
            self._tell("more repetitions", f"The answer still hangs on {told}: measured further while the time budget lasts.")
        self._block += 1
        block = interleaved(asked, 1, trust.seed + self._block)
        return [replace(run, repetition=self._block, block=self._block) for run in block]

    def ended(self, planned: PlannedRun, run: "EndedRun", *, was_skipped: bool) -> Sequence[int]:
        """Six runs were enough, when they agree so well."""
        cell_id = planned.cell_id
        if was_skipped or run.figures is None:
            self._given_up.add(cell_id)
            return ()
        if cell_id in self._settled or self._plan.trust.repetitions <= LEAST_RUNS:
            return ()
        evidence = self._results.evidence(cell_id)
        if not is_settled(evidence, self._plan.trust.target_percent, self._slo, self._class_slo):
            return ()
        self._settled.add(cell_id)
        return (cell_id,)

    def conclude(self) -> None:
        """A grid speaks for itself."""

    def expected(self) -> int:
        """The grid before it has begun; what the budget leaves room for cannot be told beforehand."""
        return 0 if self._block else len(self._cell_ids) * self._plan.trust.repetitions
