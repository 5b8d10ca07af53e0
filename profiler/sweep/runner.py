"""Carries out a plan: prepares, runs every repetition in the interleaved order, and keeps all of it in a session file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from profiler.child.engine_child import EngineChild
from profiler.clock import now_ns
from profiler.errors import EnvironmentFault, Interrupted, UnusableArguments
from profiler.hardware.cpu import default_threads
from profiler.hardware.telemetry import Telemetry
from profiler.plan.cells import expand, model_labels
from profiler.plan.plan import Plan
from profiler.plan.resolution import specification
from profiler.plan.slo import parse_slo
from profiler.records.fingerprint import Fingerprint
from profiler.records.run_record import CellRecord, CellStatus, RunStatus, SessionEvent
from profiler.session.writer import SessionWriter
from profiler.sweep.cell_results import CellResults
from profiler.sweep.controls import Controls
from profiler.sweep.events import (
    CellChanged,
    Happened,
    Preparing,
    Progress,
    SweepEnded,
    SweepEvent,
    SweepStarted,
)
from profiler.sweep.order import PlannedRun, interleaved
from profiler.sweep.preparation import PreparedModel, describe_machine, prepare_models, resolve_model_path
from profiler.sweep.repetition import EndedRun, Repetition
from profiler.sweep.schedule import Schedule

PAUSE_POLL_S = 0.25


class Runner:
    """One sweep. `run` blocks its thread until the sweep has ended; the controls may be used from any thread.

    Attributes:
        controls: pause, resume, skip, stop.
    """

    def __init__(self, plan: Plan, output: Path, subscriber: Callable[[SweepEvent], None], *, force: bool = False) -> None:
        self.controls = Controls()
        self._plan = plan
        self._output = output
        self._tell = subscriber
        self._force = force
        self._slo = parse_slo(plan.need.slo)
        self._told_flags: set[tuple[int, str]] = set()  # (cell, or 0 for all, flag's name)

    def pause(self) -> None:
        """Start no further repetition until `resume`."""
        self.controls.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        self.controls.resume()

    def skip_cell(self) -> None:
        """Leave out what the present cell still has to run."""
        self.controls.skip_cell()

    def stop(self) -> None:
        """End the sweep; everything measured is kept."""
        self.controls.stop()

    def run(self) -> SweepEnded:
        """Carry the plan out.

        Raises:
            UnusableArguments: the plan makes no sense here or the output exists; nothing was started.
            EnvironmentFault: a model cannot be read, the file cannot be written, the engine does not start.
            Interrupted: stopped before the session file was begun.
        """
        if self._output.exists() and not self._force:
            raise UnusableArguments(f"{self._output} exists already; choose another name or give --force to replace it.")
        with EngineChild() as child:
            cells, prepared, machine = self._prepare(child)
            with SessionWriter.create(
                self._output,
                plan=self._plan.to_document(),
                machine=machine.to_json(),
                title=self._plan.title,
                force=self._force,
            ) as writer:
                return self._sweep(child, writer, cells, prepared, machine)

    def _prepare(self, child: EngineChild) -> tuple[list[CellRecord], list[PreparedModel], Fingerprint]:
        def report(sentence: str, share: float | None) -> None:
            self._tell(Preparing(sentence, share))
            if self.controls.stopped.is_set():
                raise Interrupted("Stopped before anything was measured.")

        labels = model_labels([str(resolve_model_path(name)) for name in self._plan.models.paths])
        threads = default_threads()
        expand(self._plan, labels, threads)  # what makes no sense is told before anything long begins
        report("starting the engine", None)
        machine = describe_machine(child, report)
        has_gpu = any(device.kind == "gpu" for device in machine.devices)
        configurations = expand(self._plan, labels, threads, has_gpu=has_gpu)
        prepared = prepare_models(self._plan, machine.engine.llama_cpp_python, threads, report, self.controls.stopped)
        if self.controls.stopped.is_set():
            raise Interrupted("Stopped before anything was measured.")
        by_name = {(model.label, model.quant): model for model in prepared}
        cells = []
        for number, configuration in enumerate(configurations, 1):
            model = by_name[str(configuration["model"]), str(configuration["quant"])]
            cell = CellRecord(number, model.record.model_id if model.record else None, configuration)
            if model.path is None:
                cell = replace(cell, status=CellStatus.FAILED, reason=model.problem)
            else:
                cell = replace(cell, costs=model.costs(specification(self._plan, configuration, model.path, 1).context))
            cells.append(cell)
        return cells, prepared, machine

    def _sweep(
        self,
        child: EngineChild,
        writer: SessionWriter,
        cells: list[CellRecord],
        prepared: list[PreparedModel],
        machine: Fingerprint,
    ) -> SweepEnded:
        models = tuple(model.record for model in prepared if model.record is not None)
        for record in models:
            writer.add_model(record)
        for cell in cells:
            writer.add_cell(cell)
        runs = interleaved(
            [cell.cell_id for cell in cells if cell.status is CellStatus.PENDING],
            self._plan.trust.repetitions,
            self._plan.trust.seed,
        )
        self._tell(SweepStarted(self._output, machine, models, tuple(cells), len(runs)))
        self._happened(writer, "start", f"{len(runs)} runs of {len(cells)} cells begin.")
        for model in prepared:
            if model.record is None:
                self._happened(writer, "model failed", model.problem)
            elif model.record.source_name is not None:
                fell_back = f"; {model.record.fallback_tensors} tensors fell back" if model.record.fallback_tensors else ""
                self._happened(writer, "model made", f"{model.quant} of {model.record.source_name} is ready{fell_back}.")
        for cell in cells:
            if cell.status is CellStatus.FAILED:
                self._tell(CellChanged(cell, None, {}, 0))
        results = CellResults(cells, machine, self._slo)
        telemetry = Telemetry(None)
        telemetry.start(now_ns())
        for source in telemetry.sources():
            if not source.is_available:
                self._happened(writer, "source absent", f"{source.name}: {source.reason}")
        fault = ""
        try:
            self._run_all(child, writer, runs, {m.record.model_id: m for m in prepared if m.record}, results, telemetry)
        except EnvironmentFault as error:
            fault = error.sentence
        finally:
            telemetry.stop()
        stopped = self.controls.stopped.is_set()
        if stopped:
            self._happened(writer, "stop", "Stopped by you; everything measured is kept.")
        elif not fault:
            self._happened(writer, "end", "All runs have ended.")
        for cell in results.settle():
            writer.update_cell(cell)
            figures, intervals, count = results.figures(cell.cell_id)
            self._tell(CellChanged(cell, figures, intervals, count))
        writer.close()
        end = SweepEnded(self._output, stopped, fault)
        self._tell(end)
        return end

    def _run_all(
        self,
        child: EngineChild,
        writer: SessionWriter,
        runs: list[PlannedRun],
        models: dict[int, PreparedModel],
        results: CellResults,
        telemetry: Telemetry,
    ) -> None:
        schedule = Schedule(runs, self._plan.trust.budget)
        run_id = 0
        while (planned := schedule.next_run()) is not None:
            if not self._may_go_on(writer, schedule):
                return
            cell = results.cell(planned.cell_id)
            assert cell.model_id is not None
            model_path = models[cell.model_id].path
            assert model_path is not None
            run_id += 1
            schedule.begin()
            order = specification(self._plan, cell.configuration, model_path, planned.repetition)
            repetition = Repetition(run_id, planned, cell, order, writer, self._tell)
            self.controls.bind(child.cancel)
            ended = repetition.carry_out(child, telemetry, results, lambda: self._tell(self._progress(schedule)))
            self.controls.bind(None)
            schedule.end(planned)
            for sentence in telemetry.drain_faults():
                self._happened(writer, "source failed", sentence, run_id=run_id)
            self._settle_run(writer, schedule, planned, ended, results)
            self._tell(self._progress(schedule))
            writer.tick()

    def _settle_run(
        self, writer: SessionWriter, schedule: Schedule, planned: PlannedRun, ended: EndedRun, results: CellResults
    ) -> None:
        """What a repetition's end means for its cell and for what is still to run."""
        cell_id, run = planned.cell_id, ended.run
        was_skipped = self.controls.take_skip() and run.status is RunStatus.PARTIAL
        results.take(ended, was_skipped=was_skipped)
        for flag in run.flags:
            # Each run keeps its flags. What invalidates is told once a cell, what only casts doubt once a sweep.
            told = (0 if run.is_valid else cell_id, flag.partition(":")[0])
            if told not in self._told_flags:
                self._told_flags.add(told)
                self._happened(writer, "flag", f"Run {planned.repetition} of cell {cell_id}: {flag}", cell_id, run.run_id)
        if was_skipped:
            schedule.drop_cell(cell_id)
            self._happened(writer, "skip", f"Cell {cell_id} was skipped.", cell_id)
        elif run.status is RunStatus.FAILED:
            schedule.drop_cell(cell_id)
            self._happened(writer, "cell failed", f"Cell {cell_id}: {run.reason}", cell_id, run.run_id)
        elif run.status is RunStatus.DONE and not run.is_valid:
            schedule.repeat(planned)
        if not schedule.has(cell_id):
            results.complete(cell_id)
        cell = results.cell(cell_id)
        figures, intervals, count = results.figures(cell_id)
        writer.update_cell(cell)
        if figures is not None:
            writer.set_cell_figures(cell_id, figures, intervals, results.classes(cell_id))
        self._tell(CellChanged(cell, figures, intervals, count))

    def _may_go_on(self, writer: SessionWriter, schedule: Schedule) -> bool:
        if self.controls.is_paused and not self.controls.stopped.is_set():
            self._happened(writer, "pause", "Paused between two repetitions.")
            self._tell(self._progress(schedule))
            while not self.controls.wait_while_paused(PAUSE_POLL_S):
                writer.tick()
            self._tell(self._progress(schedule))
        if schedule.is_over_budget:
            self._happened(writer, "budget", f"The time budget of {self._plan.trust.budget:g} s is used up.")
            return False
        return not self.controls.stopped.is_set()

    def _progress(self, schedule: Schedule) -> Progress:
        state = "stopping" if self.controls.stopped.is_set() else "paused" if self.controls.is_paused else "running"
        return Progress(schedule.done, schedule.planned, schedule.elapsed_s, schedule.remaining_s, state)

    def _happened(
        self, writer: SessionWriter, kind: str, sentence: str, cell_id: int | None = None, run_id: int | None = None
    ) -> None:
        event = SessionEvent(datetime.now(UTC).isoformat(timespec="milliseconds"), kind, sentence, cell_id, run_id)
        writer.add_event(event)
        self._tell(Happened(event))
