"""What is known of each cell so far: its runs' figures, and what they make together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from profiler.analysis import validity
from profiler.analysis.class_figures import cell_class_figures, class_figures
from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.analysis.intervals import cell_intervals
from profiler.plan.slo import Slo
from profiler.records.fingerprint import Fingerprint
from profiler.records.run_record import CellRecord, CellStatus, ClassFigures, Figures, RunRecord, RunStatus
from profiler.records.timing import RunData

if TYPE_CHECKING:
    from profiler.sweep.repetition import EndedRun

Intervals = dict[str, tuple[float, float]]


class CellResults:
    """The cells of a running sweep, their status and their figures.

    A cell's figures come from its valid runs. A run that a flag makes invalid is measured once more; when the repeat is disturbed
    as well it is accepted, with its flags, since the machine is as it is.
    """

    def __init__(self, cells: Sequence[CellRecord], machine: Fingerprint, slo: Slo) -> None:
        self._cells = {cell.cell_id: cell for cell in cells}
        self._runs: dict[int, list[tuple[RunData, RunContext, Figures]]] = {cell.cell_id: [] for cell in cells}
        self._machine = machine
        self._slo = slo

    def cell(self, cell_id: int) -> CellRecord:
        """A cell as it stands."""
        return self._cells[cell_id]

    def judge(self, run: RunRecord, cell: CellRecord, data: RunData, *, is_repeat: bool) -> tuple[Figures, tuple[str, ...], bool]:
        """A finished run's figures, its flags ("name: sentence"), and whether it is valid."""
        context = self._context(run, cell)
        flags = validity.flags(data, context)
        texts = tuple(f"{flag.name}: {flag.sentence}" for flag in flags)
        is_disturbed = any(flag.invalidates for flag in flags)
        if is_disturbed and is_repeat:
            texts += ("disturbed twice: Measured again and disturbed again; its figures are kept, with doubt.",)
        return run_figures(data, context), texts, not is_disturbed or is_repeat

    def run_classes(self, run: RunRecord, cell: CellRecord, data: RunData) -> ClassFigures:
        """The figures of each class of a run's requests, empty for a load of one class."""
        return class_figures(data, self._context(run, cell))

    def classes(self, cell_id: int) -> ClassFigures:
        """Those of a cell over its valid runs."""
        return cell_class_figures([(data, context) for data, context, _ in self._runs[cell_id]])

    def take(self, ended: "EndedRun", *, was_skipped: bool) -> CellRecord:
        """Add a repetition that has ended; returns the cell as it is now."""
        run = ended.run
        cell = self._cells[run.cell_id]
        if run.status is RunStatus.DONE:
            if run.is_valid and ended.figures is not None:
                self._runs[run.cell_id].append((ended.data, self._context(run, cell), ended.figures))
            cell = replace(cell, status=CellStatus.PARTIAL)
        elif was_skipped:
            cell = replace(cell, status=CellStatus.PARTIAL, reason="Skipped by you.")
        elif run.status is RunStatus.FAILED:
            status = CellStatus.PARTIAL if self._runs[run.cell_id] else CellStatus.FAILED
            cell = replace(cell, status=status, reason=run.reason)
        else:
            cell = replace(cell, status=CellStatus.PARTIAL, reason=run.reason)
        self._cells[run.cell_id] = cell
        return cell

    def complete(self, cell_id: int) -> None:
        """All repetitions of the cell have run; one that was skipped or failed stays what it is."""
        cell = self._cells[cell_id]
        if cell.status is CellStatus.PARTIAL and not cell.reason:
            self._cells[cell_id] = replace(cell, status=CellStatus.DONE)

    def figures(self, cell_id: int) -> tuple[Figures | None, Intervals, int]:
        """The cell's figures over its valid runs, their intervals, and the number of those runs."""
        runs = self._runs[cell_id]
        if not runs:
            return None, {}, 0
        return cell_figures(runs), cell_intervals([figures for _, _, figures in runs]), len(runs)

    def settle(self) -> list[CellRecord]:
        """At the end: the cells that never began or were left unfinished, each with the reason."""
        left = []
        for cell_id, cell in self._cells.items():
            if cell.status is CellStatus.PARTIAL and not cell.reason:
                cell = replace(cell, reason="Not all repetitions were run.")
                self._cells[cell_id] = cell
                left.append(cell)
        return left

    def _context(self, run: RunRecord, cell: CellRecord) -> RunContext:
        return RunContext(
            run.specification,
            run.facts,
            cell.costs,
            self._machine.ceilings.bandwidth_gb_s,
            self._slo,
            self._machine.cpu.last_level_cache_bytes,
        )
