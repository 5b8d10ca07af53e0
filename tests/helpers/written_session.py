"""A session file of generated runs, its figures computed as a sweep computes them: for tests of what shows sessions."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.analysis.intervals import cell_intervals
from profiler.plan.plan import Load, Models, Need, Plan, Trust
from profiler.plan.slo import parse_slo
from profiler.records.run_record import CellRecord, CellStatus, RunStatus
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, RunData
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import MACHINE, MODEL, measuring, run_of, sweep_cells

REQUESTS_PER_USER = 6
TOKENS = 16
MS = 1_000_000
FAILURE = "llama.cpp could not allocate the KV cache; give a smaller context."
FOREIGN_LOAD = "foreign load: Other programs took 31 % of the processors."
FITS_IN_CACHE = "fits in cache: A step reads less than four times the cache."

PLAN = Plan(
    title="2 users chatting",
    need=Need(slo="ttft_ms.p95<=250,tpot_ms.p95<=60", users=2),
    models=Models(quant=("Q8_0", "Q4_K_M")),
    load=Load(concurrency=(1, 2, 4)),
    trust=Trust(repetitions=2, seed=7),
)


def run_data(users: int, first_token_ms: int, gap_ms: int) -> RunData:
    """Users in lockstep: each request waits `first_token_ms`, then its tokens come every `gap_ms`."""
    requests = np.zeros(users * REQUESTS_PER_USER, REQUEST_DTYPE)
    tokens = np.zeros(len(requests) * TOKENS, TOKEN_DTYPE)
    request_ns = (first_token_ms + (TOKENS - 1) * gap_ms) * MS
    for number in range(len(requests)):
        due_ns = number // users * request_ns
        requests[number]["request"], requests[number]["user"] = number, number % users
        for name in ("due_ns", "sent_ns", "prefill_start_ns"):
            requests[number][name] = due_ns
        requests[number]["first_token_ns"] = due_ns + first_token_ms * MS
        requests[number]["end_ns"] = due_ns + request_ns
        of_request = tokens[number * TOKENS : (number + 1) * TOKENS]
        of_request["request"] = number
        of_request["time_ns"] = due_ns + (first_token_ms + np.arange(TOKENS) * gap_ms) * MS
        of_request["step"] = number // users * TOKENS + np.arange(TOKENS)
    requests["turn"] = 1
    requests["prompt_tokens"], requests["output_tokens"], requests["status"] = 64, TOKENS, RequestStatus.COMPLETED
    tokens = tokens[np.argsort(tokens["time_ns"], kind="stable")]
    ends_ns = np.unique(tokens["time_ns"])
    steps = np.zeros(len(ends_ns), STEP_DTYPE)
    steps["start_ns"], steps["end_ns"] = ends_ns - 10 * MS, ends_ns
    steps["decode_tokens"] = steps["sequences"] = steps["outputs"] = users
    steps["ubatches"] = 1
    return RunData(requests, tokens, steps)


def write_session(path: Path, plan: Plan = PLAN, *, measured: int = 5, has_failure: bool = True) -> Path:
    """Six cells, of which the first `measured` have two runs each; the last failed.

    With u users a first token takes 100 u + 10 r ms in repetition r, and each further one 20 u ms, or 18 u in the second
    quantization.
    The first run of the third cell was disturbed and left out; it was run again.
    """
    slo = parse_slo(plan.need.slo)
    with SessionWriter.create(path, plan=plan.to_document(), machine=MACHINE.to_json(), title=plan.title) as writer:
        writer.add_model(MODEL)
        run_id = 0
        for number, cell in enumerate(sweep_cells(), 1):
            writer.add_cell(cell)
            if number > measured:
                if has_failure and number == 6:
                    writer.update_cell(replace(cell, status=CellStatus.FAILED, reason=FAILURE))
                continue
            run_id = _write_runs(writer, cell, run_id, slo, is_disturbed=number == 3)
            writer.update_cell(replace(cell, status=CellStatus.DONE))
    return path


def _write_runs(writer: SessionWriter, cell: CellRecord, run_id: int, slo: tuple[object, ...], *, is_disturbed: bool) -> int:
    users = int(cell.configuration["concurrency"] or 0)
    gap_ms = (20 if cell.configuration["quant"] == "Q8_0" else 18) * users
    done = []
    for repetition in (1, 1, 2) if is_disturbed else (1, 2):
        run_id += 1
        is_valid = not (is_disturbed and run_id == 5)
        run = measuring(run_of(cell, run_id, repetition))
        data = run_data(users, 100 * users + 10 * repetition, gap_ms)
        context = RunContext(run.specification, run.facts, None, None, slo)  # type: ignore[arg-type]
        figures = run_figures(data, context)
        writer.start_run(run)
        writer.add_requests(run_id, data.requests)
        writer.add_rows(run_id, "token", data.tokens)
        writer.add_rows(run_id, "step", data.steps)
        flags = (FITS_IN_CACHE,) if is_valid else (FOREIGN_LOAD, FITS_IN_CACHE)
        writer.update_run(replace(run, status=RunStatus.DONE, flags=flags, is_valid=is_valid))
        writer.set_run_figures(run_id, figures)
        if is_valid:
            done.append((data, context, figures))
    writer.set_cell_figures(cell.cell_id, cell_figures(done), cell_intervals([figures for _, _, figures in done]))
    return run_id
