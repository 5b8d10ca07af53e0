"""A sweep that follows a script instead of an engine: for everything of the window that watches one."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from profiler.clock import WallClockAnchor
from profiler.plan.plan import Plan
from profiler.records.axis import AXES, Configuration
from profiler.records.fingerprint import Ceilings, Cpu, EngineIdentity, Fingerprint
from profiler.records.run_record import (
    CellRecord,
    CellStatus,
    Figures,
    ModelRecord,
    RunRecord,
    RunStatus,
    SessionEvent,
    StepCosts,
)
from profiler.records.specification import (
    ContextSettings,
    EngineFacts,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
)
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, Samples
from profiler.sweep.events import (
    CellChanged,
    Happened,
    Preparing,
    Progress,
    RowsArrived,
    RunEnded,
    RunMeasuring,
    RunStarted,
    SamplesArrived,
    SweepEnded,
    SweepEvent,
    SweepStarted,
)

Subscriber = Callable[[SweepEvent], None]


@dataclass
class Hold:
    """A place in a script where the sweep waits until the test lets it go on, or until it is stopped."""

    go: threading.Event = field(default_factory=threading.Event)


class ScriptedRunner:
    """Tells the script's events from its own thread. `stop` ends it at the next hold with everything saved."""

    def __init__(self, script: Sequence[object], session: Path, subscriber: Subscriber) -> None:
        self.wishes: list[str] = []
        self.threads: list[int] = []
        self._script = script
        self._session = session
        self._subscriber = subscriber
        self._stopped = threading.Event()

    def run(self) -> None:
        self.threads.append(threading.get_ident())
        for item in self._script:
            if isinstance(item, Hold):
                while not item.go.wait(0.005):
                    if self._stopped.is_set():
                        self._subscriber(SweepEnded(self._session, True, ""))
                        return
            elif isinstance(item, BaseException):
                raise item
            else:
                self._subscriber(item)  # type: ignore[arg-type]

    def pause(self) -> None:
        self.wishes.append("pause")

    def resume(self) -> None:
        self.wishes.append("resume")

    def skip_cell(self) -> None:
        self.wishes.append("skip")

    def stop(self) -> None:
        self.wishes.append("stop")
        self._stopped.set()


class ScriptedFactory:
    """Makes scripted runners where the window would make real ones, and keeps them."""

    def __init__(self, script: Sequence[object]) -> None:
        self.script = script
        self.runners: list[ScriptedRunner] = []
        self.plans: list[Plan] = []

    def __call__(self, plan: Plan, output: Path, subscriber: Subscriber) -> ScriptedRunner:
        self.plans.append(plan)
        self.runners.append(ScriptedRunner(self.script, output, subscriber))
        return self.runners[-1]


MACHINE = Fingerprint(
    cpu=Cpu("Example CPU", 2, 2, 32_000_000, ("AVX2", "FMA")),
    memory_total_bytes=24_000_000_000,
    swap_total_bytes=0,
    devices=(),
    ceilings=Ceilings(bandwidth_gb_s=24.9),
    engine=EngineIdentity("0.3.36", ("CPU",)),
    operating_system="Linux",
    kernel="6.1",
    python="3.11.7",
    app_version="0.1.0",
)

BLANK: Configuration = {axis.name: None for axis in AXES}

MODEL = ModelRecord(1, "SmolLM2-135M-Instruct", "model.gguf", "ab" * 32, "llama", 134_515_008, "Q4_1", 98_000_000, 5.8, 8192)


def sweep_cells() -> tuple[CellRecord, ...]:
    """Two quantizations by 1, 2 and 4 users."""
    costs = StepCosts(80_000_000, 16_000_000, 648, 23_040)
    return tuple(
        CellRecord(
            number,
            1,
            {**BLANK, "model": "sample", "quant": quant, "arrival": "closed", "concurrency": users, "slots": users, "threads": 2},
            costs=costs,
        )
        for number, (quant, users) in enumerate([(q, u) for q in ("Q8_0", "Q4_K_M") for u in (1, 2, 4)], 1)
    )


def run_of(cell: CellRecord, run_id: int, repetition: int = 1, *, threads: int = 2) -> RunRecord:
    users = int(cell.configuration["concurrency"] or 0)
    specification = RunSpecification(
        ModelSettings("model.gguf", 0, True),
        ContextSettings(users, 256, 512, 512, threads, threads, "auto", "f16", "f16", True),
        LoadSettings((RequestClass(users=users, prompt_tokens="64", output_tokens="32", requests_per_user=4),)),
    )
    return RunRecord(run_id, cell.cell_id, repetition, 1, specification)


def measuring(run: RunRecord) -> RunRecord:
    """The run with its clock started now."""
    buffers = {"CPU model buffer size": 96_000_000, "CPU KV buffer size": 23_592_960, "CPU compute buffer size": 21_000_000}
    anchor = WallClockAnchor.take()
    facts = EngineFacts(
        0.4, False, anchor.monotonic_ns, 1024, 256, 512, 512, run.specification.context.slots, 1024, 49152, buffers, ["CPU"], 4
    )
    return replace(run, anchor=anchor, facts=facts)


def rows(run_id: int, from_s: float, until_s: float, sequences: int) -> RowsArrived:
    """Decode steps of 40 ms with `sequences` members, and a request of each member that ends at the end."""
    ends_ns = (np.arange(from_s + 0.04, until_s, 0.04) * 1e9).astype(np.int64)
    steps = np.zeros(len(ends_ns), STEP_DTYPE)
    steps["start_ns"], steps["end_ns"], steps["decode_ns"] = ends_ns - 40_000_000, ends_ns, 39_000_000
    steps["decode_tokens"] = steps["sequences"] = steps["outputs"] = sequences
    steps["ubatches"], steps["kv_useful_tokens"], steps["kv_scanned_tokens"] = 1, 80 * sequences, 256 * sequences
    steps["kv_used_cells"], steps["waiting"], steps["in_system"] = 80 * sequences, 1, sequences + 1
    tokens = np.zeros(len(ends_ns) * sequences, TOKEN_DTYPE)
    tokens["time_ns"] = np.repeat(ends_ns, sequences)
    tokens["request"] = np.tile(np.arange(sequences), len(ends_ns)) + round(from_s * 100)
    requests = np.zeros(sequences, REQUEST_DTYPE)
    requests["request"] = np.arange(sequences) + round(from_s * 100)
    requests["due_ns"] = requests["sent_ns"] = requests["prefill_start_ns"] = round(from_s * 1e9)
    requests["first_token_ns"], requests["end_ns"] = ends_ns[0] + np.arange(sequences) * 90_000_000, ends_ns[-1]
    requests["prompt_tokens"], requests["output_tokens"], requests["status"] = 64, len(ends_ns), RequestStatus.COMPLETED
    requests["turn"] = 1
    return RowsArrived(run_id, requests, tokens, steps)


def samples(run_id: int, from_s: float, until_s: float) -> SamplesArrived:
    times_s = np.arange(from_s, until_s, 0.25)
    levels = {"process_rss_bytes": 312e6, "cpu_percent": 96.0, "cpu_temperature_celsius": 61.0, "foreign_cpu_percent": 3.0}
    channels = {name: np.full(len(times_s), level) for name, level in levels.items()}
    return SamplesArrived(run_id, Samples((times_s * 1e9).astype(np.int64), channels))


def figures(user_tok_s: float) -> Figures:
    return {
        "user_tok_s": user_tok_s,
        "output_tok_s": 3 * user_tok_s,
        "ttft_ms": {"mean": 400.0, "p50": 390.0, "p90": 600.0, "p95": 690.0, "p99": None, "max": 800.0, "n": 16},
    }


def happened(kind: str, sentence: str, cell_id: int | None = None) -> Happened:
    return Happened(SessionEvent("2026-11-24T23:04:12.000+00:00", kind, sentence, cell_id))


def whole_sweep(session: Path, while_measuring: Hold | None = None) -> list[object]:
    """Everything a sweep of six cells tells: five are done, the last fails; it may be held in its third run."""
    cells = sweep_cells()
    script: list[object] = [
        Preparing("making Q8_0", 0.4),
        SweepStarted(session, MACHINE, (MODEL,), cells, len(cells)),
        happened("start", "6 runs of 6 cells begin."),
    ]
    for number, cell in enumerate(cells, 1):
        run = run_of(cell, number)
        script.append(RunStarted(run, cell))
        if number == len(cells):
            reason = "llama.cpp could not allocate the KV cache; give a smaller --ctx-size."
            script += [
                RunEnded(replace(run, status=RunStatus.FAILED, reason=reason), None),
                CellChanged(replace(cell, status=CellStatus.FAILED, reason=reason), None, {}, 0),
                happened("cell failed", reason, cell.cell_id),
            ]
            continue
        users = int(cell.configuration["concurrency"] or 0)
        script += [RunMeasuring(measuring(run)), rows(number, 0.0, 4.0, users), samples(number, 0.0, 4.0)]
        if while_measuring is not None and number == 3:
            script.append(while_measuring)
        done = figures(30.0 - 3 * number)
        script += [
            RunEnded(replace(run, status=RunStatus.DONE), done),
            CellChanged(replace(cell, status=CellStatus.DONE), done, {"user_tok_s": (20.0, 29.0)}, 1),
            Progress(number, len(cells), 4.0 * number, 4.0 * (len(cells) - number), "running"),
        ]
        if number == 2:
            script.append(happened("flag", "Run 1 of cell 2: another program used 31 % of the processor.", 2))
    script.append(SweepEnded(session, False, ""))
    return script
