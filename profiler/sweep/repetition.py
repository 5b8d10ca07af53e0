"""One repetition: the child works, its rows and the telemetry go to the file and to the subscriber, figures come at the end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.validity import STOOD_STILL
from profiler.child.engine_child import EngineChild, JobEnd
from profiler.clock import WallClockAnchor, now_ns, slept_ns
from profiler.errors import APOLOGY
from profiler.hardware.telemetry import Telemetry
from profiler.records.message import GarbledStreamError, Message, MessageKind
from profiler.records.outcome import Outcome, OutcomeKind
from profiler.records.run_record import CellRecord, Figures, RunPurpose, RunRecord, RunStatus
from profiler.records.specification import EngineFacts, RunSpecification
from profiler.records.timing import COLUMN_DTYPES, RunData, Samples, no_rows
from profiler.session.writer import SessionWriter
from profiler.sweep.cell_results import CellResults
from profiler.sweep.events import Preparing, RowsArrived, RunEnded, RunMeasuring, RunStarted, SamplesArrived, SweepEvent
from profiler.sweep.memory_guard import MemoryGuard, held_bytes
from profiler.sweep.order import PlannedRun
from profiler.units import significant

PROGRESS_PERIOD_NS = 500_000_000

ENGINE_DIED = "engine died"
"""The flag of a run that ended in a way that may be chance."""

LEAST_SLEEP_NS = 500_000_000
"""The machine slept in a run when the clock that counts sleep has gone so much further than the one that does not."""


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A repetition with its raw data, its figures when it is done, and whether it must be measured again."""

    run: RunRecord
    data: RunData
    figures: Figures | None
    is_disturbed: bool = False


class Repetition:
    """Used once, by the sweep's thread."""

    def __init__(
        self,
        run_id: int,
        planned: PlannedRun,
        cell: CellRecord,
        specification: RunSpecification,
        writer: SessionWriter,
        tell: Callable[[SweepEvent], None],
        doubts: tuple[str, ...] = (),
        guard: MemoryGuard | None = None,
        needed_bytes: int | None = None,
    ) -> None:
        """Make ready.

        Args:
            run_id: its number.
            planned: which repetition it is.
            cell: its cell.
            specification: what is run.
            writer: of the session file.
            tell: hears of it.
            doubts: flags, each "name: sentence", that it carries whatever it shows.
            guard: watches main memory meanwhile.
            needed_bytes: main memory that it will take, None where that is not known.
        """
        self._doubts = doubts
        self._guard, self._needed_bytes = guard, needed_bytes
        self._slept_before_ns = slept_ns()
        self._run = RunRecord(run_id, cell.cell_id, planned.repetition, planned.block, specification, purpose=planned.purpose)
        self._is_repeat = planned.is_repeat
        self._cell = cell
        self._writer = writer
        self._tell = tell
        self._tables: dict[str, list[NDArray[np.void]]] = {name: [] for name in COLUMN_DTYPES}
        self._samples: list[Samples] = []
        self._last_progress_ns = 0

    def carry_out(
        self, child: EngineChild, telemetry: Telemetry, results: CellResults, tell_progress: Callable[[], None]
    ) -> EndedRun:
        """Run it to its end, whatever that is. Raises EnvironmentFault only when the session file cannot be written."""
        self._writer.start_run(self._run)
        self._tell(RunStarted(self._run, self._cell))
        telemetry.drain()

        def hear(message: Message) -> None:
            if message.kind is MessageKind.ROWS:
                self._take_rows(message)
            elif message.kind is MessageKind.STARTED:
                self._begin(_facts(message), telemetry)
            elif message.kind is MessageKind.PROGRESS:
                document = message.document()
                self._tell(Preparing(str(document.get("phase", "")), document.get("share")))

        def idle() -> None:
            self._take_samples(telemetry)
            self._writer.tick()
            now = now_ns()
            if now - self._last_progress_ns > PROGRESS_PERIOD_NS:
                self._last_progress_ns = now
                tell_progress()
            alarm = self._guard.look() if self._guard is not None else ""
            if alarm:
                child.stop_job(Outcome(OutcomeKind.OUT_OF_MEMORY, alarm, child.log_tail))

        if self._guard is not None:
            refusal = self._guard.refusal(self._needed_bytes, held_bytes(child.process_id))
            if refusal:
                return self._end(JobEnd(Outcome(OutcomeKind.OUT_OF_MEMORY, refusal), {}), results)
            self._guard.begin()
        child.start()
        telemetry.watch(child.process_id)
        end = child.run_job("run", self._run.specification.to_json(), on_message=hear, on_idle=idle)
        self._take_samples(telemetry)
        return self._end(end, results)

    def _begin(self, facts: EngineFacts, telemetry: Telemetry) -> None:
        passed = timedelta(microseconds=(now_ns() - facts.origin_ns) / 1000)
        utc = (datetime.now(UTC) - passed).isoformat(timespec="milliseconds")
        self._run = replace(self._run, facts=facts, anchor=WallClockAnchor(facts.origin_ns, utc))
        telemetry.set_origin(facts.origin_ns)
        self._writer.update_run(self._run)
        self._tell(RunMeasuring(self._run))

    def _take_rows(self, message: Message) -> None:
        tables = message.tables()
        for name, rows in tables.items():
            self._tables[name].append(rows)
        requests = tables.get("request", no_rows(COLUMN_DTYPES["request"]))
        tokens = tables.get("token", no_rows(COLUMN_DTYPES["token"]))
        steps = tables.get("step", no_rows(COLUMN_DTYPES["step"]))
        run_id = self._run.run_id
        self._writer.add_requests(run_id, requests)
        self._writer.add_rows(run_id, "token", tokens)
        self._writer.add_rows(run_id, "step", steps)
        self._tell(RowsArrived(run_id, requests, tokens, steps))

    def _take_samples(self, telemetry: Telemetry) -> None:
        if self._run.anchor is None:
            return
        samples = telemetry.drain()
        keep = samples.times_ns >= 0  # a sample from before the origin belongs to no run
        if not keep.any():
            return
        samples = Samples(samples.times_ns[keep], {name: values[keep] for name, values in samples.channels.items()})
        self._samples.append(samples)
        self._writer.add_samples(self._run.run_id, samples)
        self._tell(SamplesArrived(self._run.run_id, samples))

    def _data(self) -> RunData:
        tables = {name: np.concatenate([no_rows(COLUMN_DTYPES[name]), *parts]) for name, parts in self._tables.items()}
        return RunData(tables["request"], tables["token"], tables["step"], concatenated(self._samples))

    def _end(self, end: JobEnd, results: CellResults) -> EndedRun:
        data = self._data()
        status, reason = _status(end)
        if status is RunStatus.DONE and end.result.get("output_tokens") != len(data.tokens):
            status = RunStatus.FAILED
            reason = (
                f"The engine counted {end.result.get('output_tokens')} tokens but {len(data.tokens)} arrived: {APOLOGY}; "
                "please report it."
            )
        run = replace(self._run, status=status, reason=reason, log_tail=end.outcome.log_tail)
        figures: Figures | None = None
        is_valid = True
        if status is RunStatus.DONE:
            figures, flags, is_valid = results.judge(run, self._cell, data, is_repeat=self._is_repeat)
            asleep = _asleep(slept_ns() - self._slept_before_ns)
            is_valid = is_valid and (not asleep or self._is_repeat)
            flags = self._doubts + asleep + flags
            run = replace(run, flags=flags, is_valid=is_valid and run.purpose is not RunPurpose.SHORT_LOOK)
            self._writer.set_run_figures(run.run_id, figures, results.run_classes(run, self._cell, data))
        if end.outcome.may_be_chance:
            run = replace(run, flags=(f"{ENGINE_DIED}: {reason}",))
        self._writer.update_run(run)
        self._writer.flush()
        self._tell(RunEnded(run, figures))
        return EndedRun(run, data, figures, is_disturbed=not is_valid)


def _facts(message: Message) -> EngineFacts:
    """What the engine says of itself; raises GarbledStreamError when that is not what it should be."""
    try:
        return EngineFacts.from_json(message.document())
    except (KeyError, TypeError, AttributeError) as error:
        raise GarbledStreamError("a STARTED message lacks what belongs to it") from error


def _asleep(sleep_ns: int) -> tuple[str, ...]:
    """The flag of a run in which the machine was suspended."""
    if sleep_ns < LEAST_SLEEP_NS:
        return ()
    return (f"{STOOD_STILL}: The machine was suspended for {significant(sleep_ns / 1e9, 2)} s during the run.",)


def _status(end: JobEnd) -> tuple[RunStatus, str]:
    kind = end.outcome.kind
    if kind is OutcomeKind.DONE:
        return RunStatus.DONE, ""
    if kind is OutcomeKind.CANCELLED:
        return RunStatus.PARTIAL, end.outcome.sentence
    return RunStatus.FAILED, end.outcome.sentence


def concatenated(parts: list[Samples]) -> Samples:
    """Telemetry in one piece; a channel that is missing in a part is NaN there."""
    names = list(dict.fromkeys(name for part in parts for name in part.channels))
    if not parts:
        return Samples()
    return Samples(
        np.concatenate([part.times_ns for part in parts]),
        {
            name: np.concatenate([part.channels.get(name, np.full(len(part.times_ns), np.nan)) for part in parts])
            for name in names
        },
    )
