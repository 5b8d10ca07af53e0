"""What the cells of a session did under the machine's roofs, from the raw steps of their runs."""

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profiler.analysis.context import RunContext
from profiler.analysis.roofline import Phase, Roofs, Work, together, work_of
from profiler.analysis.window import measurement_window
from profiler.errors import Interrupted
from profiler.plan.cells import ALL_LAYERS
from profiler.records.run_record import CellRecord, RunRecord, RunStatus
from profiler.session.reader import SessionReader

RunWorks = Mapping[int, tuple[Work, ...]]
"""What each run did, by its number; a phase without steps is left out."""

UNKNOWN_MODEL = "what a step of their model reads and computes is not known"
UNKNOWN_FLOPS = "their session was made before operations were counted"
NO_PURE_STEPS = "none of their steps only decodes or only reads prompts"


@dataclass(frozen=True, slots=True)
class CellWork:
    """One cell.

    Attributes:
        roofs: those of the devices that it ran on.
        works: by phase, of all its counted runs together.
        why_not_drawn: empty where at least one phase has its place on the plane.
    """

    roofs: Roofs
    works: Mapping[Phase, Work] = field(default_factory=dict)
    why_not_drawn: str = ""


@dataclass(frozen=True, slots=True)
class RooflineReading:
    """A session.

    Attributes:
        path: its file.
        roofs: every roof that some cell is held against.
        cells: those with counted runs, by number.
        of_runs: what was computed; given back to the next reading of the same file it need not be computed again.
    """

    path: Path
    roofs: Roofs
    cells: Mapping[int, CellWork]
    of_runs: RunWorks


def read_roofline(path: Path, known: RunWorks, cancel: threading.Event) -> RooflineReading:
    """Read the runs that are not known yet, one after the other, so that a large session need not fit in memory.

    Args:
        path: the session.
        known: `of_runs` of an earlier reading.
        cancel: ends it when set.

    Raises:
        InferometerError: as `SessionReader` does; Interrupted: `cancel` was set.
    """
    of_runs: dict[int, tuple[Work, ...]] = {}
    cells: dict[int, CellWork] = {}
    with SessionReader.open(path) as reader:
        machine = reader.machine()
        counted: dict[int, list[RunRecord]] = {}
        for run in reader.runs():
            if run.status is RunStatus.DONE and run.is_valid:
                counted.setdefault(run.cell_id, []).append(run)
        for cell in reader.cells():
            runs = counted.get(cell.cell_id, [])
            if not runs:
                continue
            for run in runs:
                if cancel.is_set():
                    raise Interrupted("Reading the steps was stopped.")
                of_runs[run.run_id] = known[run.run_id] if run.run_id in known else _works(reader, run, cell)
            asked = runs[0].specification
            threads = max(asked.context.threads, asked.context.threads_batch)
            of_cell = roofs_of(machine, asked.model.n_gpu_layers, threads)
            cells[cell.cell_id] = _cell_work(cell, of_cell, [of_runs[run.run_id] for run in runs])
    every = [cell.roofs for cell in cells.values()]
    roofs = Roofs(
        max((each.bandwidth_gb_s for each in every if each.bandwidth_gb_s is not None), default=None),
        max((each.compute_gflop_s for each in every if each.compute_gflop_s is not None), default=None),
    )
    return RooflineReading(path, roofs, cells, of_runs)


def roofs_of(machine: Mapping[str, Any], n_gpu_layers: int, threads: int | None = None) -> Roofs:
    """The ceilings of a fingerprint's document that hold for weights lying there; what it lacks is None.

    So many threads of the processor have their own roofs (`Roofs.of_threads`); None stands for all. The bandwidth is main
    memory's, and the compute was measured on the GPU where there is one. So with weights on a GPU there is no bandwidth to hold
    them against, with some of them there no compute either, and beside an idle GPU no compute.
    """
    ceilings, cpu, devices = (machine.get(name) for name in ("ceilings", "cpu", "devices"))
    has_gpu = any(isinstance(each, dict) and each.get("kind") == "gpu" for each in devices or ()) if _is_list(devices) else False
    uses_gpu = has_gpu and n_gpu_layers != 0
    compute = _positive(ceilings, "compute_gflop_s") if not has_gpu or n_gpu_layers >= ALL_LAYERS else None
    if uses_gpu:
        return Roofs(None, compute)
    cache_bytes = _positive(cpu, "last_level_cache_bytes")
    whole = Roofs(_positive(ceilings, "bandwidth_gb_s"), compute, None if cache_bytes is None else int(cache_bytes))
    if threads is None:
        return whole
    compute_threads = _positive(ceilings, "compute_threads")
    return whole.of_threads(threads, _by_threads(ceilings), None if compute_threads is None else int(compute_threads))


def _by_threads(ceilings: Any) -> dict[int, float]:
    """Measured bandwidths by number of threads; what a damaged file holds instead is left out."""
    found = ceilings.get("by_threads") if isinstance(ceilings, dict) else None
    if not isinstance(found, dict):
        return {}
    rates = {int(threads): _positive(found, threads) for threads in found if str(threads).isdecimal()}
    return {threads: rate for threads, rate in rates.items() if rate is not None}


def _works(reader: SessionReader, run: RunRecord, cell: CellRecord) -> tuple[Work, ...]:
    if cell.costs is None:
        return ()
    data = reader.run_data(run.run_id)
    window = measurement_window(data, RunContext(run.specification, run.facts, cell.costs, None))
    works = (work_of(data.steps, cell.costs, window, phase) for phase in Phase)
    return tuple(work for work in works if work is not None)


def _cell_work(cell: CellRecord, roofs: Roofs, of_runs: Iterable[tuple[Work, ...]]) -> CellWork:
    if cell.costs is None:
        return CellWork(roofs, why_not_drawn=UNKNOWN_MODEL)
    every = [work for works in of_runs for work in works]
    of_phase = {phase: together(work for work in every if work.phase is phase) for phase in Phase}
    works = {phase: work for phase, work in of_phase.items() if work is not None}
    if not works:
        return CellWork(roofs, why_not_drawn=NO_PURE_STEPS)
    has_place = any(work.gflop_s and work.intensity for work in works.values())
    return CellWork(roofs, works, "" if has_place else UNKNOWN_FLOPS)


def _positive(document: object, name: str) -> float | None:
    """A file may hold anything."""
    value = document.get(name) if isinstance(document, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return None
    return value


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
