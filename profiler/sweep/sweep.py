"""A sweep in an open session file: one repetition after another, as its director asks for them, until there is no more to do."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from profiler.child.engine_child import EngineChild
from profiler.clock import now_ns
from profiler.errors import EnvironmentFault
from profiler.hardware import idle_power
from profiler.hardware.telemetry import Telemetry
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.resolution import shortened, specification
from profiler.plan.slo import parse_slo
from profiler.records.axis import Configuration
from profiler.records.fingerprint import Fingerprint
from profiler.records.run_record import CellRecord, CellStatus, RunStatus, SessionEvent
from profiler.records.specification import RunSpecification
from profiler.session.sweep_log import RESUMED
from profiler.session.writer import SessionWriter
from profiler.sweep import known_speeds
from profiler.sweep.cell_results import CellResults
from profiler.sweep.controls import Controls
from profiler.sweep.cool_down import CoolDown
from profiler.sweep.direction import Director, GridDirector
from profiler.sweep.estimate import estimate
from profiler.sweep.events import CellAdded, CellChanged, Happened, Progress, SweepEnded, SweepEvent, SweepStarted
from profiler.sweep.memory_guard import MemoryGuard, MemoryMeter, needed_bytes
from profiler.sweep.order import PlannedRun
from profiler.sweep.preparation import PreparedModel
from profiler.sweep.repetition import ENGINE_DIED, EndedRun, Repetition
from profiler.sweep.resume_state import IDLE_POWER, KeptRun, KeptSession
from profiler.sweep.schedule import Schedule
from profiler.sweep.search.director import SearchDirector
from profiler.sweep.search.model_facts import losses, memory_bytes
from profiler.sweep.search.problem import Arms
from profiler.units import significant

PAUSE_POLL_S = 0.25

MOST_DEATHS = 2
"""So many engines may die over one cell; then it is given up. A second try tells chance from a cause."""


def new_cell(plan: Plan, number: int, configuration: Configuration, prepared: Sequence[PreparedModel]) -> CellRecord:
    """A cell with its model; failed already where the model cannot be had."""
    model = _model_of(configuration, prepared)
    cell = CellRecord(number, model.record.model_id if model.record else None, configuration)
    if model.path is None:
        return replace(cell, status=CellStatus.FAILED, reason=model.problem)
    return replace(cell, costs=model.costs(specification(plan, configuration, model.path, 1).context))


def _model_of(configuration: Configuration, prepared: Sequence[PreparedModel]) -> PreparedModel:
    wanted = configuration["model"], configuration["quant"]
    return next(model for model in prepared if (model.label, model.quant) == wanted)


class Sweep:
    """Used once, by the sweep's thread."""

    def __init__(
        self,
        plan: Plan,
        machine: Fingerprint,
        prepared: Sequence[PreparedModel],
        cells: Sequence[CellRecord],
        arms: Arms | None,
        writer: SessionWriter,
        controls: Controls,
        tell: Callable[[SweepEvent], None],
        kept: KeptSession | None = None,
    ) -> None:
        """Args: `arms` are a search's, whose highest load the cells are, None for a grid; `kept` is what a resumed file holds."""
        self._kept = kept
        self._plan, self._machine, self._prepared, self._cells = plan, machine, tuple(prepared), tuple(cells)
        self._writer, self._controls, self._tell = writer, controls, tell
        self._results = CellResults(cells, machine, parse_slo(plan.need.slo), self._prepared_records())
        if kept is not None:
            self._results.idle_power = kept.idle_power
        self._schedule = Schedule(plan.trust.budget, self._foretold_s())
        self._director: Director = self._grid() if arms is None else self._search(arms)
        self._telemetry = Telemetry(None)
        self._cool_down = CoolDown(self._telemetry.drain, self._wait)
        self._told_flags: set[tuple[int, str]] = set()  # (cell, or 0 for all, flag's name)
        self._memory = MemoryMeter()
        self._guard = MemoryGuard(self._memory)
        self._deaths: Counter[int] = Counter()
        self._run_id = 0 if kept is None else kept.last_run_id
        self._replayed: dict[int, None] = {}  # cells with kept runs that were taken and not yet told

    def carry_out(self, child: EngineChild) -> SweepEnded:
        """Do all of it and close the file. Raises EnvironmentFault when the file cannot be written."""
        self._begin()
        fault = ""
        try:
            self._run_all(child)
        except EnvironmentFault as error:
            fault = error.sentence
        finally:
            self._telemetry.stop()
            self._memory.close()
        if not fault:
            self._take_left()
        stopped = self._controls.stopped.is_set()
        if not fault:
            self._director.conclude()
        if stopped:
            self._happened("stop", "Stopped by you; everything measured is kept.")
        elif not fault:
            self._happened("end", "All runs have ended.")
        for cell in self._results.settle():
            self._writer.update_cell(cell)
            figures, intervals, count = self._results.figures(cell.cell_id)
            self._tell(CellChanged(cell, figures, intervals, count))
        self._writer.close()
        end = SweepEnded(self._writer.path, stopped, fault)
        self._tell(end)
        return end

    def _begin(self) -> None:
        """Keep what is known before the first run."""
        models = self._prepared_records()
        had_models, had_cells = (set(), set()) if self._kept is None else self._kept.identities()
        for record in models:
            if record.model_id not in had_models:
                self._writer.add_model(record)
        for cell in self._cells:
            if cell.cell_id not in had_cells:
                self._writer.add_cell(cell)
        runs = self._director.expected()
        self._tell(SweepStarted(self._writer.path, self._machine, models, self._cells, runs))
        told = "A search begins" if self._plan.search.enabled else f"{runs} runs of {len(self._cells)} cells begin"
        if self._kept is None:
            self._happened("start", f"{told}.")
        else:
            self._happened(RESUMED, self._kept.sentence, data=self._kept.join)
        self._writer.flush()  # from here on the file can be gone on with
        for model in self._prepared:
            if model.record is None:
                self._happened("model failed", model.problem)
            elif model.record.source_name is not None:
                fell_back = f"; {model.record.fallback_tensors} tensors fell back" if model.record.fallback_tensors else ""
                self._happened("model made", f"{model.quant} of {model.record.source_name} is ready{fell_back}.")
            if model.warning:
                self._happened("model warning", model.warning)
        for cell in self._cells:
            if cell.status is CellStatus.FAILED:
                self._tell(CellChanged(cell, None, {}, 0))
        self._measure_idle_power()
        self._telemetry.start(now_ns())
        for source in self._telemetry.sources():
            if not source.is_available:
                self._happened("source absent", f"{source.name}: {source.reason}")

    def _measure_idle_power(self) -> None:
        """What the meters show before anything runs, to be subtracted from what runs take; without a meter it takes no time."""
        is_known = self._results.idle_power is not None
        measured = None if is_known else idle_power.measure(stop=self._controls.stopped)
        if measured is None:
            return
        self._results.idle_power = measured
        self._writer.set_meta(IDLE_POWER, json.dumps(asdict(measured)))
        draws = ", ".join(f"{name} {significant(draw.watts)} W" for name, draw in measured.draws.items())
        self._happened("idle power", f"At rest the meters show {draws}.")

    def _run_all(self, child: EngineChild) -> None:
        schedule, results = self._schedule, self._results
        while self._may_go_on():
            planned = schedule.next_run()
            if planned is None:
                more = self._director.more(schedule.budget_left_s, schedule.mean_run_s)
                if not more:
                    return
                schedule.add(more)
                continue
            if self._kept is not None:
                kept = self._kept.take(planned)
                if kept is not None:
                    self._replay(planned, kept)
                    continue
                self._tell_replayed()
            cell = results.cell(planned.cell_id)
            model = _model_of(cell.configuration, self._prepared)
            assert model.path is not None  # cells without one are not planned
            self._run_id += 1
            self._cool_down.begin()
            schedule.begin()
            begin_ns = now_ns()
            order = specification(self._plan, cell.configuration, model.path, planned.repetition)
            if planned.load_share < 1:
                order = shortened(order, planned.load_share)
            doubts = () if self._kept is None else self._kept.doubts
            repetition = Repetition(
                self._run_id,
                planned,
                cell,
                order,
                self._writer,
                self._tell,
                doubts,
                self._guard,
                self._needed_bytes(model, order),
            )
            self._controls.bind(child.cancel)
            ended = repetition.carry_out(child, self._telemetry, results, lambda: self._tell(self._progress()))
            self._controls.bind(None)
            schedule.end(planned)
            for sentence in self._telemetry.drain_faults():
                self._happened("source failed", sentence, run_id=self._run_id)
            if ended.run.status is RunStatus.DONE and ended.run.is_valid and model.description is not None:
                version = self._machine.engine.llama_cpp_python
                known_speeds.learn(ended.run, ended.data, model.description, version, (now_ns() - begin_ns) / 1e9)
            self._settle_run(planned, ended, was_skipped=self._controls.take_skip() and ended.run.status is RunStatus.PARTIAL)
            self._tell_cell(planned.cell_id)
            self._tell(self._progress())
            if waited := self._cool_down.after(ended.run.flags):
                self._happened("cool-down", waited, run_id=ended.run.run_id)
            self._writer.tick()

    def _needed_bytes(self, model: PreparedModel, order: RunSpecification) -> int | None:
        if model.description is None:
            return None
        return needed_bytes(model.description, order, self._machine.devices, self._machine.cpu.instruction_sets)

    def _replay(self, planned: PlannedRun, kept: KeptRun) -> None:
        """A run that the file has already means the same as when it was measured."""
        self._schedule.replay(planned, kept.seconds)
        self._settle_run(planned, kept.ended(self._results, planned), was_skipped=kept.was_skipped)
        self._replayed[planned.cell_id] = None

    def _tell_replayed(self) -> None:
        """Once for each cell, not for each of its kept runs."""
        for cell_id in self._replayed:
            self._tell_cell(cell_id)
        if self._replayed:
            self._tell(self._progress())
        self._replayed.clear()

    def _take_left(self) -> None:
        """Kept runs that were not asked for again count all the same, as they did when they were measured."""
        for kept in [] if self._kept is None else self._kept.take_left():
            self._results.take(EndedRun(kept.record, kept.data, kept.figures), was_skipped=False)
            self._results.complete(kept.record.cell_id)
            self._replayed[kept.record.cell_id] = None
        self._tell_replayed()

    def _settle_run(self, planned: PlannedRun, ended: EndedRun, *, was_skipped: bool) -> None:
        """What a repetition's end means for its cell and for what is still to run."""
        cell_id, run, schedule, results = planned.cell_id, ended.run, self._schedule, self._results
        if run.status is RunStatus.FAILED and any(flag.startswith(ENGINE_DIED) for flag in run.flags):
            self._deaths[cell_id] += 1
            if self._deaths[cell_id] < MOST_DEATHS:
                schedule.retry(planned)
                self._happened(ENGINE_DIED, f"Cell {cell_id}: {run.reason} It is tried once more.", cell_id, run.run_id)
                return
            run = replace(run, reason=f"{run.reason} That was the second time: it is not tried again.")
            ended = replace(ended, run=run)
        results.take(ended, was_skipped=was_skipped)
        self._tell_flags(planned, ended)
        is_disturbed = run.status is RunStatus.DONE and ended.is_disturbed
        if was_skipped:
            schedule.drop_cell(cell_id)
            self._happened("skip", f"Cell {cell_id} was skipped.", cell_id)
        elif run.status is RunStatus.FAILED:
            schedule.drop_cell(cell_id)
            self._happened("cell failed", f"Cell {cell_id}: {run.reason}", cell_id, run.run_id)
        elif is_disturbed:
            schedule.repeat(planned)
        if not is_disturbed:
            for settled in self._director.ended(planned, ended, was_skipped=was_skipped):
                if schedule.has(settled):
                    schedule.drop_cell(settled)
                    sentence = f"Cell {settled} is known within ±{self._plan.trust.target_percent:g} %: no more runs of it."
                    self._happened("settled", sentence, settled)
        if not schedule.has(cell_id):
            results.complete(cell_id)

    def _tell_flags(self, planned: PlannedRun, ended: EndedRun) -> None:
        """Each run keeps its flags. What invalidates is told once a cell, what only casts doubt once a sweep."""
        for flag in ended.run.flags:
            told = (0 if ended.run.is_valid else planned.cell_id, flag.partition(":")[0])
            if told not in self._told_flags:
                self._told_flags.add(told)
                sentence = f"Run {planned.repetition} of cell {planned.cell_id}: {flag}"
                self._happened("flag", sentence, planned.cell_id, ended.run.run_id)

    def _tell_cell(self, cell_id: int) -> None:
        cell = self._results.cell(cell_id)
        figures, intervals, count = self._results.figures(cell_id)
        self._writer.update_cell(cell)
        if figures is not None:
            self._writer.set_cell_figures(cell_id, figures, intervals, self._results.classes(cell_id))
        self._tell(CellChanged(cell, figures, intervals, count))

    def _wait(self, seconds: float) -> bool:
        """For the machine to cool down; False when the sweep is to end."""
        self._writer.tick()
        return not self._controls.stopped.wait(seconds)

    def _foretold_s(self) -> dict[int, float | None]:
        """Seconds that a run of each cell will likely take."""
        speeds, foretold = known_speeds.known(), {}
        for cell in self._cells:
            model = _model_of(cell.configuration, self._prepared)
            if model.description is not None:
                as_it_is = {**cell.configuration, "quant": AS_IS}  # the description is of the file that is run
                named = {str(cell.configuration["model"]): model.description}
                guess = estimate(self._plan, [as_it_is], named, self._machine.ceilings, 0, speeds)
                foretold[cell.cell_id] = guess.cell_seconds[0]
        return foretold

    def _grid(self) -> Director:
        pending = [cell.cell_id for cell in self._cells if cell.status is CellStatus.PENDING]
        return GridDirector(self._plan, pending, self._results, self._tell_step)

    def _search(self, arms: Arms) -> Director:
        top = len(arms.ladder) - 1
        begun = self._cells[: arms.count]
        known = {(arm, top): cell for arm, cell in enumerate(begun)}
        kept = {cell_key(cell.configuration): cell for cell in self._cells[arms.count :]}
        next_id = itertools.count(max(cell.cell_id for cell in self._cells) + 1)
        models = [_model_of(cell.configuration, self._prepared) for cell in begun]

        def cell_of(arm: int, place: int) -> int | None:
            configuration = arms.configuration(arm, place)
            if (arm, place) not in known and cell_key(configuration) in kept:
                known[arm, place] = kept[cell_key(configuration)]
            if (arm, place) not in known:
                cell = new_cell(self._plan, next(next_id), configuration, self._prepared)
                known[arm, place] = cell
                self._writer.add_cell(cell)
                self._results.add(cell)
                self._tell(CellAdded(cell))
            cell = known[arm, place]
            return None if cell.status is CellStatus.FAILED else cell.cell_id

        def forget_looks(cell_id: int) -> None:
            for run in self._results.forget_runs(cell_id):
                self._writer.update_run(run)

        memory = [memory_bytes(self._plan, cell, model) for cell, model in zip(begun, models, strict=True)]
        problem = arms.problem(memory, losses(models))
        trust, search = self._plan.trust, self._plan.search
        return SearchDirector(
            problem, cell_of, forget_looks, self._tell_step, seed=trust.seed, confirm_repetitions=search.confirm_repetitions
        )

    def _may_go_on(self) -> bool:
        if self._controls.is_paused and not self._controls.stopped.is_set():
            self._happened("pause", "Paused between two repetitions.")
            self._tell(self._progress())
            while not self._controls.wait_while_paused(PAUSE_POLL_S):
                self._writer.tick()
            self._tell(self._progress())
        if self._controls.stopped.is_set():
            return False
        if self._schedule.is_over_budget and self._schedule.next_run() is not None:
            self._happened("budget", f"The time budget of {self._plan.trust.budget:g} s is used up.")
            return False
        return True

    def _progress(self) -> Progress:
        schedule, expected = self._schedule, self._director.expected()
        state = "stopping" if self._controls.stopped.is_set() else "paused" if self._controls.is_paused else "running"
        return Progress(schedule.done, schedule.planned + expected, schedule.elapsed_s, schedule.remaining_s(expected), state)

    def _tell_step(self, kind: str, sentence: str, cell_id: int | None = None, data: dict[str, Any] | None = None) -> None:
        self._happened(kind, sentence, cell_id, data=data)

    def _happened(
        self,
        kind: str,
        sentence: str,
        cell_id: int | None = None,
        run_id: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        event = SessionEvent(utc, kind, sentence, cell_id, run_id, data or {})
        if self._kept is not None and self._kept.was_said(event):
            return
        self._writer.add_event(event)
        self._tell(Happened(event))

    def _prepared_records(self) -> tuple[Any, ...]:
        return tuple(model.record for model in self._prepared if model.record is not None)


def cell_key(configuration: Configuration) -> str:
    """A configuration as one text, the same for the same values."""
    return json.dumps(configuration, sort_keys=True)
