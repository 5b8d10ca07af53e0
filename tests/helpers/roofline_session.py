"""A session file whose steps read and compute at chosen rates: for tests of the roofline."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profiler.plan.plan import Load, Models, Plan, Trust
from profiler.records.fingerprint import Ceilings
from profiler.records.run_record import CellRecord, CellStatus, RunStatus, StepCosts
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, RunData
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import MACHINE, MODEL, figures, measuring, run_of, sweep_cells

MS = 1_000_000
PROMPT_TOKENS = 64
TOKENS = 16
COSTS = StepCosts(
    weight_bytes_per_ubatch=180_000_000,
    output_bytes_per_ubatch=20_000_000,
    embedding_bytes_per_token=0,
    kv_bytes_per_token=0,
    matmul_flops_per_token=200_000_000,
    output_flops_per_row=40_000_000,
    attention_flops_per_pair=0,
)
"""A decode step of B users reads 200 MB and computes 0.24 B GFLOP; a prompt of 64 tokens reads 200 MB, computes 12.84 GFLOP."""

PLAN = Plan(
    title="Roofs",
    models=Models(quant=("Q8_0", "Q4_K_M")),
    load=Load(concurrency=(1, 2, 4)),
    trust=Trust(repetitions=2, seed=7),
)
CEILINGS = Ceilings(bandwidth_gb_s=24.0, compute_gflop_s=100.0)


def run_data(users: int, decode_ms: float, prefill_ms: float) -> RunData:
    """One request a user, all at once: a prompt each, one after the other, then steps that all decode in."""
    begin_ns = round(users * prefill_ms * MS)
    starts = [round(number * prefill_ms * MS) for number in range(users)]
    starts += [begin_ns + round(number * decode_ms * MS) for number in range(TOKENS - 1)]
    steps = np.zeros(len(starts), STEP_DTYPE)
    steps["start_ns"] = starts
    steps["end_ns"] = [*starts[1:], begin_ns + round((TOKENS - 1) * decode_ms * MS)]
    steps["ubatches"] = 1
    steps["prefill_tokens"][:users], steps["sequences"][:users], steps["outputs"][:users] = PROMPT_TOKENS, 1, 1
    for name in ("decode_tokens", "sequences", "outputs"):
        steps[name][users:] = users
    ends_ns = steps["end_ns"]
    requests = np.zeros(users, REQUEST_DTYPE)
    requests["request"] = requests["user"] = np.arange(users)
    requests["first_token_ns"], requests["end_ns"] = ends_ns[:users], ends_ns[-1]
    requests["turn"], requests["status"] = 1, RequestStatus.COMPLETED
    requests["prompt_tokens"], requests["output_tokens"] = PROMPT_TOKENS, TOKENS
    tokens = np.zeros(users * TOKENS, TOKEN_DTYPE)
    tokens["request"] = [*range(users), *np.tile(np.arange(users), TOKENS - 1)]
    tokens["time_ns"] = [*ends_ns[:users], *np.repeat(ends_ns[users:], users)]
    return RunData(requests, tokens, steps)


def write_roofline_session(
    path: Path,
    *,
    ceilings: Ceilings = CEILINGS,
    costs: Sequence[StepCosts | None] = (COSTS,) * 6,
    decode_ms: Mapping[int, float] | None = None,
) -> Path:
    """Two quantizations by 1, 2 and 4 users, two runs each: a decode step takes 20, 20 and 40 ms, a prompt 200 ms.

    The second quantization is twice as fast in decoding. The last run of the first cell is left out.
    """
    times_ms = decode_ms or {1: 20.0, 2: 20.0, 4: 40.0}
    machine: dict[str, Any] = replace(MACHINE, ceilings=ceilings).to_json()
    with SessionWriter.create(path, plan=PLAN.to_document(), machine=machine, title=PLAN.title) as writer:
        writer.add_model(MODEL)
        run_id = 0
        for cell, of_cell in zip(sweep_cells(), costs, strict=True):
            known = replace(cell, costs=of_cell)
            writer.add_cell(known)
            users = int(cell.configuration["concurrency"] or 0)
            step_ms = times_ms[users] / (1 if cell.configuration["quant"] == "Q8_0" else 2)
            repetitions = (1, 2, 3) if cell.cell_id == 1 else (1, 2)
            for repetition in repetitions:
                run_id += 1
                is_valid = repetition < 3
                _write_run(writer, known, run_id, repetition, run_data(users, step_ms if is_valid else 1.0, 200.0), is_valid)
            writer.set_cell_figures(cell.cell_id, figures(1000 / step_ms), {})
            writer.update_cell(replace(known, status=CellStatus.DONE))
    return path


def _write_run(writer: SessionWriter, cell: CellRecord, run_id: int, repetition: int, data: RunData, is_valid: bool) -> None:
    run = measuring(run_of(cell, run_id, repetition))
    writer.start_run(run)
    writer.add_requests(run_id, data.requests)
    writer.add_rows(run_id, "token", data.tokens)
    writer.add_rows(run_id, "step", data.steps)
    writer.update_run(replace(run, status=RunStatus.DONE, is_valid=is_valid))
