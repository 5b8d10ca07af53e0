"""Goes on with a sweep that was broken off: what is measured is kept, the rest follows, and the join is told in the data."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from profiler.analysis.comparison.machine import machine_differences
from profiler.child.engine_child import EngineChild
from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.plan.plan import SAMPLE_MODEL, Plan
from profiler.records.fingerprint import Fingerprint
from profiler.records.run_record import CellRecord, ModelRecord
from profiler.session.claim import is_claimed
from profiler.session.reader import SessionReader
from profiler.session.sweep_log import is_unfinished
from profiler.session.writer import SessionWriter
from profiler.sweep.events import SweepEnded, SweepEvent
from profiler.sweep.preparation import PreparedModel
from profiler.sweep.resume_state import KeptSession
from profiler.sweep.runner import Runner
from profiler.sweep.sweep import Sweep

_UNTELLING_FACTS = frozenset({"Memory bandwidth", "Python"})
"""Measured anew it varies; and nothing that is measured runs in the interpreter that reads it out."""


class ChangedSince(UnusableArguments):
    """The model, the engine or the machine is not what the session began with; nothing was started.

    Attributes:
        changes: each in words.
    """

    def __init__(self, path: Path, changes: Sequence[str]) -> None:
        told = "; ".join(changes)
        super().__init__(f"{path} began with something else: {told}. Further runs would not be comparable with the earlier ones.")
        self.changes = tuple(changes)


class NothingLeft(UnusableArguments):
    """There is nothing to go on with.

    Attributes:
        is_finished: the session's sweep has ended; else it holds none.
    """

    def __init__(self, sentence: str, *, is_finished: bool) -> None:
        super().__init__(sentence)
        self.is_finished = is_finished


class ResumedRunner(Runner):
    """The rest of one sweep; used as a `Runner`."""

    def __init__(self, session: Path, subscriber: Callable[[SweepEvent], None], *, accept_changes: bool = False) -> None:
        """Read the session's plan.

        Args:
            session: the file.
            subscriber: hears what happens.
            accept_changes: go on although the model, the engine or the machine has changed.

        Raises:
            NothingLeft: its sweep has ended, or it holds none.
            UnusableArguments: it is being written, or holds no plan that can be used here.
            EnvironmentFault: it cannot be read.
        """
        if is_claimed(session):
            raise EnvironmentFault(f"{session} is being written by another Inferometer; wait until that ends, or stop it there.")
        with SessionReader.open(session) as reader:
            if reader.notice:
                raise EnvironmentFault(reader.notice)
            events, runs = reader.events(), len(reader.runs())
            document, models = reader.plan(), reader.models()
            self._machine_before = reader.machine()
        if not is_unfinished(events, runs):
            began = any(event.kind == "start" for event in events)
            told = "is finished: all of its runs have ended" if began else "holds no sweep that could be gone on with"
            raise NothingLeft(f"{session} {told}; nothing is left to run.", is_finished=began)
        try:
            plan = Plan.from_document(document)
        except UnusableArguments as error:
            raise UnusableArguments(f"The plan in {session} cannot be used here: {error.sentence}") from error
        super().__init__(_with_found_models(plan, models), session, subscriber)
        self._accept_changes = accept_changes

    @property
    def plan(self) -> Plan:
        """The session's."""
        return self._plan

    def run(self) -> SweepEnded:
        """Measure what is missing.

        Raises:
            ChangedSince: something is not what it was; nothing was written.
            EnvironmentFault: a model cannot be read, the file cannot be written, the engine does not start.
            Interrupted: stopped before anything was measured.
        """
        with EngineChild() as child, ExitStack() as afterwards:
            prepared, machine, arms, cells = self._prepare(child, afterwards)
            with SessionReader.open(self._output) as reader:
                changes = _changes(self._machine_before, machine, reader.models(), prepared)
            if changes and not self._accept_changes:
                raise ChangedSince(self._output, changes)
            with SessionWriter.open(self._output) as writer:
                with SessionReader.open(self._output) as reader:  # only now is it certain that nobody else writes it
                    kept = KeptSession(reader, changes)
                cells = _cells(kept.cells, cells)
                sweep = Sweep(self._plan, machine, prepared, cells, arms, writer, self.controls, self._tell, kept)
                return sweep.carry_out(child)


def _cells(kept: Sequence[CellRecord], planned: Sequence[CellRecord]) -> list[CellRecord]:
    """The file's cells, and the planned ones that the writer did not come to keep."""
    if [cell.configuration for cell in kept] != [cell.configuration for cell in planned[: len(kept)]]:
        return list(kept)  # a search's later ones, or a machine whose own defaults are others
    return [*kept, *planned[len(kept) :]]


def _changes(
    before: dict[str, Any], now: Fingerprint, models: Sequence[ModelRecord], prepared: Sequence[PreparedModel]
) -> list[str]:
    """What is not as it was when the session began, in words."""
    found = [
        f"{each.fact}: {each.a} before, {each.b} now"
        for each in machine_differences(before, now.to_json())
        if each.fact not in _UNTELLING_FACTS
    ]
    now_models = {model.record.model_id: model.record for model in prepared if model.record is not None}
    for model in models:
        new = now_models.get(model.model_id)
        if new is not None and new.sha256 != model.sha256:
            found.append(f"the model file {Path(new.path).name} has other contents than before")
    return found


def _with_found_models(plan: Plan, models: Sequence[ModelRecord]) -> Plan:
    """The plan with each model where it was read from: a plan's relative path counts from the folder of its own time."""
    paths = tuple(_found(name, models) for name in plan.models.paths)
    return plan.model_copy(update={"models": plan.models.model_copy(update={"paths": paths})})


def _found(name: str, models: Sequence[ModelRecord]) -> str:
    if name == SAMPLE_MODEL or Path(name).expanduser().is_absolute():
        return name
    parts = Path(name).parts
    for model in models:
        whole = Path(model.path)
        if whole.is_absolute() and whole.parts[-len(parts) :] == parts and model.source_name is None:
            return str(whole)
    return name
