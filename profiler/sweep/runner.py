"""A sweep from its plan on: the machine and the models are made ready, the session file is begun, and the runs follow."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from profiler.child.engine_child import EngineChild
from profiler.errors import Interrupted, UnusableArguments
from profiler.hardware.cpu import default_threads
from profiler.models.grouping import ModelChoice
from profiler.plan.cells import expand
from profiler.plan.plan import Plan
from profiler.records.axis import Configuration
from profiler.records.fingerprint import Fingerprint
from profiler.records.run_record import CellRecord
from profiler.session.writer import SessionWriter
from profiler.sweep.controls import Controls
from profiler.sweep.events import Preparing, SweepEnded, SweepEvent
from profiler.sweep.model_quality import with_quality
from profiler.sweep.preparation import PreparedModel, choices_of, describe_machine, prepare_models, release_models
from profiler.sweep.search.problem import Arms
from profiler.sweep.sweep import Sweep, new_cell


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
        with EngineChild() as child, ExitStack() as afterwards:
            prepared, machine, arms, cells = self._prepare(child, afterwards)
            with SessionWriter.create(
                self._output,
                plan=self._plan.to_document(),
                machine=machine.to_json(),
                title=self._plan.title,
                force=self._force,
            ) as writer:
                return Sweep(self._plan, machine, prepared, cells, arms, writer, self.controls, self._tell).carry_out(child)

    def _report(self, sentence: str, share: float | None) -> None:
        self._tell(Preparing(sentence, share))
        if self.controls.stopped.is_set():
            raise Interrupted("Stopped before anything was measured.")

    def _prepare(
        self, child: EngineChild, afterwards: ExitStack
    ) -> tuple[list[PreparedModel], Fingerprint, Arms | None, list[CellRecord]]:
        """The models, the machine, and the cells to begin with: all of a grid, or a search's arms at their highest load."""
        report = self._report
        choices, threads = choices_of(self._plan), default_threads()
        self._configurations(choices, threads, has_gpu=False)  # what makes no sense is told before anything long begins
        report("starting the engine", None)
        machine = describe_machine(child, report, cancel=self.controls.stopped)
        has_gpu = any(device.kind == "gpu" for device in machine.devices)
        configurations, arms = self._configurations(choices, threads, has_gpu=has_gpu)
        version = machine.engine.llama_cpp_python
        prepared = prepare_models(self._plan, version, threads, report, self.controls.stopped, choices)
        afterwards.callback(release_models, prepared)
        prepared = with_quality(self._plan, prepared, version, threads, report, self.controls.stopped)
        if self.controls.stopped.is_set():
            raise Interrupted("Stopped before anything was measured.")
        cells = [new_cell(self._plan, number, each, prepared) for number, each in enumerate(configurations, 1)]
        return prepared, machine, arms, cells

    def _configurations(
        self, choices: Sequence[ModelChoice], threads: int, *, has_gpu: bool
    ) -> tuple[list[Configuration], Arms | None]:
        named = [(choice.label, choice.quant) for choice in choices]
        if not self._plan.search.enabled:
            return expand(self._plan, None, threads, has_gpu=has_gpu, choices=named), None
        arms = Arms(self._plan, named, threads, has_gpu=has_gpu)
        top = len(arms.ladder) - 1
        return [arms.configuration(arm, top) for arm in range(arms.count)], arms
