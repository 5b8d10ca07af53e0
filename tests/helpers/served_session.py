"""A session file of a plan that the real scheduler served in virtual time, its figures computed as a sweep computes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from profiler.analysis.class_figures import cell_class_figures, class_figures
from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.analysis.intervals import cell_intervals
from profiler.analysis.validity import flags
from profiler.clock import WallClockAnchor
from profiler.plan.cells import expand
from profiler.plan.plan import Plan
from profiler.plan.resolution import specification
from profiler.plan.slo import parse_slo
from profiler.records.run_record import CellRecord, CellStatus, RunRecord, RunStatus
from profiler.records.specification import EngineFacts, LoadSettings, RunSpecification
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RunData
from profiler.scheduling.admission import admission_of
from profiler.scheduling.arrivals import Arrival
from profiler.scheduling.batcher import Batcher
from profiler.scheduling.load import LengthsOf, source_of
from profiler.scheduling.step import StepPlan
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import MACHINE, MODEL
from tests.helpers.virtual_engine import ServedRequest, VirtualEngine

MS = 1_000_000
REQUEST_TIME_NS = 1_000 * MS
CELLS_A_SLOT = 256


def step_ns(plan: StepPlan) -> int:
    """20 ms a pass, half a millisecond a prompt token, 2 ms a decode."""
    return 20 * MS + plan.prefill_tokens * MS // 2 + plan.decode_tokens * 2 * MS


def served(specification_: RunSpecification) -> RunData:
    """The rows of a run. A prefix cache is an ideal one: after the first request of a class all find its shared beginning."""
    load, slots = specification_.load, specification_.context.slots
    lengths = LengthsOf(load, {})
    engine: VirtualEngine
    seen_classes: set[int] = set()

    def admitted(slot: int, request: int) -> int:
        row = engine.requests[request]
        each = load.classes[row.arrival.class_number]
        if load.prefix_cache and row.arrival.class_number in seen_classes:
            row.cached_tokens = int(each.shared_prefix * lengths.prompt_tokens(row.arrival))
        seen_classes.add(row.arrival.class_number)
        return row.cached_tokens

    def batcher(on_admit: object) -> Batcher:
        return Batcher(
            slots,
            specification_.context.batch_size,
            load.prefill_chunk,
            admission=admission_of(load, slots),
            priority=load.priority,
            timeout_ns=None if load.timeout_s is None else round(load.timeout_s * 1e9),
            queue_limit=load.queue_limit,
            on_admit=admitted,
        )

    def lengths_of(arrival: Arrival) -> tuple[int, int]:
        return lengths.prompt_tokens(arrival), lengths.output_tokens(arrival)

    engine = VirtualEngine(batcher, source_of(load, REQUEST_TIME_NS, {}), lengths_of, step_ns)
    engine.run()
    requests = list(engine.requests.values())
    rows = np.array([_request_row(row, load, lengths) for row in requests], REQUEST_DTYPE)
    return RunData(rows, *_tokens_and_steps(engine, slots))


def _request_row(row: ServedRequest, load: LoadSettings, lengths: LengthsOf) -> tuple[int, ...]:
    def ns(instant: int | None) -> int:
        return ABSENT_NS if instant is None else instant

    arrival = row.arrival
    return (
        row.request,
        arrival.class_number,
        arrival.user,
        arrival.turn + 1,
        row.due_ns,
        row.sent_ns,
        ns(row.prefill_start_ns),
        ns(row.first_token_ns),
        ns(row.end_ns),
        lengths.prompt_tokens(arrival),
        row.cached_tokens,
        row.output_tokens,
        row.status,
    )


def _tokens_and_steps(engine: VirtualEngine, slots: int) -> tuple[np.ndarray, np.ndarray]:
    tokens, steps = [], []
    for number, step in enumerate(engine.steps):
        plan = step.plan
        decoding = step.requests[: plan.decode_tokens]
        completed = [r for part, r in zip(plan.prefill, step.requests[plan.decode_tokens :], strict=True) if part.completes]
        tokens += [(request, number, step.end_ns, -1) for request in (*decoding, *completed)]
        outputs = len(decoding) + len(completed)
        counts = (plan.prefill_tokens, plan.decode_tokens, plan.sequences, outputs, 1, step.used_cells, step.used_cells)
        queue = (step.used_cells, step.waiting, step.in_system, plan.cached_tokens, 0)
        steps.append((step.start_ns, step.end_ns, step.end_ns - step.start_ns, 0, *counts, *queue))
    return np.array(tokens, TOKEN_DTYPE), np.array(steps, STEP_DTYPE)


def write_served_session(path: Path, plan: Plan) -> Path:
    """Every repetition of every cell of the plan."""
    slo = parse_slo(plan.need.slo)
    with SessionWriter.create(path, plan=plan.to_document(), machine=MACHINE.to_json(), title=plan.title) as writer:
        writer.add_model(MODEL)
        run_id = 0
        for number, configuration in enumerate(expand(plan, ["sample"], 2), 1):
            cell = CellRecord(number, 1, configuration)
            writer.add_cell(cell)
            done = []
            for repetition in range(1, plan.trust.repetitions + 1):
                run_id += 1
                run = _run(plan, cell, run_id, repetition)
                data = served(run.specification)
                context = RunContext(run.specification, run.facts, None, None, slo)
                figures = run_figures(data, context)
                writer.start_run(run)
                writer.add_requests(run_id, data.requests)
                writer.add_rows(run_id, "token", data.tokens)
                writer.add_rows(run_id, "step", data.steps)
                told = tuple(str(flag) for flag in flags(data, context))
                writer.update_run(replace(run, status=RunStatus.DONE, flags=told))
                writer.set_run_figures(run_id, figures, class_figures(data, context))
                done.append((data, context, figures))
            intervals = cell_intervals([figures for _, _, figures in done])
            classes = cell_class_figures([(data, context) for data, context, _ in done])
            writer.set_cell_figures(number, cell_figures(done), intervals, classes)
            writer.update_cell(replace(cell, status=CellStatus.DONE))
    return path


def _run(plan: Plan, cell: CellRecord, run_id: int, repetition: int) -> RunRecord:
    made = specification(plan, cell.configuration, Path("model.gguf"), repetition)
    anchor = WallClockAnchor.take()
    slots = made.context.slots
    cells = slots * made.context.ctx_size
    facts = EngineFacts(
        0.4, False, anchor.monotonic_ns, cells, made.context.ctx_size, 512, 512, slots, cells, 49152, {}, ["CPU"], 4
    )
    return replace(RunRecord(run_id, cell.cell_id, repetition, 1, made), anchor=anchor, facts=facts)
