"""What is known of each cell so far: its runs' figures, and what they make together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from profiler.analysis import spill, validity
from profiler.analysis.bootstrap import run_intervals
from profiler.analysis.class_figures import cell_class_figures, class_figures
from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.analysis.intervals import cell_intervals
from profiler.plan.slo import Slo
from profiler.records.fingerprint import Fingerprint
from profiler.records.power_meter import IdlePower
from profiler.records.run_record import (
    CellRecord,
    CellStatus,
    ClassFigures,
    Figures,
    ModelRecord,
    RunPurpose,
    RunRecord,
    RunStatus,
)
from profiler.records.timing import RunData
from profiler.sweep.resume_state import SKIPPED
from profiler.sweep.stopping import CellEvidence

if TYPE_CHECKING:
    from profiler.sweep.repetition import EndedRun

Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _CountedRun:
    """A valid run that is among its cell's figures."""

    record: RunRecord
    data: RunData
    context: RunContext
    figures: Figures


class CellResults:
    """The cells of a running sweep, their status and their figures.

    A cell's figures come from its valid runs. A run that a flag makes invalid is measured once more; when the repeat is disturbed
    as well it is accepted, with its flags, since the machine is as it is.

    Attributes:
        idle_power: what the meters showed before the first run; None when there is no meter.
    """

    def __init__(self, cells: Sequence[CellRecord], machine: Fingerprint, slo: Slo, models: Sequence[ModelRecord] = ()) -> None:
        self._cells = {cell.cell_id: cell for cell in cells}
        self._runs: dict[int, list[_CountedRun]] = {cell.cell_id: [] for cell in cells}
        self._quality = {model.model_id: model.quality for model in models if model.quality is not None}
        self.idle_power: IdlePower | None = None
        self._machine = machine
        self._slo = slo
        self._looked_at_briefly: set[int] = set()

    def add(self, cell: CellRecord) -> None:
        """A search has come to a cell that the sweep did not begin with."""
        self._cells[cell.cell_id] = cell
        self._runs[cell.cell_id] = []

    def evidence(self, cell_id: int) -> CellEvidence:
        """What the stopping rules look at."""
        runs = self._runs[cell_id]
        return CellEvidence([run.figures for run in runs], [class_figures(run.data, run.context) for run in runs])

    def forget_runs(self, cell_id: int) -> list[RunRecord]:
        """Take the cell's runs out of its figures, since fresh ones come; returns them as they are to be kept in the file."""
        forgotten = [replace(run.record, is_valid=False) for run in self._runs[cell_id]]
        self._runs[cell_id] = []
        return forgotten

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
        return cell_class_figures([(run.data, run.context) for run in self._runs[cell_id]])

    def take(self, ended: "EndedRun", *, was_skipped: bool) -> CellRecord:
        """Add a repetition that has ended; returns the cell as it is now."""
        run = ended.run
        cell = self._cells[run.cell_id]
        if run.purpose is RunPurpose.SHORT_LOOK:
            self._looked_at_briefly.add(run.cell_id)
        if run.status is RunStatus.DONE:
            if run.is_valid and ended.figures is not None:
                counted = _CountedRun(run, ended.data, self._context(run, cell), ended.figures)
                self._runs[run.cell_id].append(counted)
            cell = replace(cell, status=CellStatus.PARTIAL)
        elif was_skipped:
            cell = replace(cell, status=CellStatus.PARTIAL, reason=SKIPPED)
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
        if cell.status is CellStatus.PARTIAL and not cell.reason and self._runs[cell_id]:
            self._cells[cell_id] = replace(cell, status=CellStatus.DONE)

    def figures(self, cell_id: int) -> tuple[Figures | None, Intervals, int]:
        """The cell's figures over its valid runs, their intervals, and the number of those runs."""
        runs = self._runs[cell_id]
        if not runs:
            return None, {}, 0
        together = cell_figures([(run.data, run.context, run.figures) for run in runs]) | self._quality_of(cell_id)
        if len(runs) == 1:
            return together, run_intervals(runs[0].data, runs[0].context), 1
        return together, cell_intervals([run.figures for run in runs]), len(runs)

    def _quality_of(self, cell_id: int) -> Figures:
        """The figures of a cell that are its model's."""
        quality = self._quality.get(self._cells[cell_id].model_id or 0)
        if quality is None:
            return {}
        agreement_percent = None if quality.top1_agreement is None else 100 * quality.top1_agreement
        return {"perplexity": quality.perplexity, "kld_mean": quality.kld_mean, "top1_agreement": agreement_percent}

    def settle(self) -> list[CellRecord]:
        """At the end: the cells that never began or were left unfinished, each with the reason."""
        left = []
        for cell_id, cell in self._cells.items():
            if cell.status is CellStatus.PARTIAL and not cell.reason:
                is_brief = cell_id in self._looked_at_briefly and not self._runs[cell_id]
                reason = "Only short looks were taken at it." if is_brief else "Not all repetitions were run."
                cell = replace(cell, reason=reason)
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
            self.idle_power,
            spill.device_memory_bytes(self._machine.devices),
        )
