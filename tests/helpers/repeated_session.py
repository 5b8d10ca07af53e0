"""A session file of cells with many repetitions whose figures are given, not measured: for comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profiler.plan.plan import Load, Models, Plan, Trust
from profiler.records.run_record import CellRecord, CellStatus, Figures, RunStatus
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import BLANK, MACHINE, MODEL, measuring, run_of

USERS = (1, 2, 4)
FLAG = "foreign load: Other programs took 31 % of the processors."


def write_repeated(
    path: Path,
    *,
    factors: Mapping[int, float] | float = 1.0,
    users: Sequence[int] = USERS,
    repetitions: int = 6,
    spread: float = 0.01,
    seed: int = 1,
    flags: tuple[str, ...] = (),
    machine: Mapping[str, Any] | None = None,
) -> Path:
    """Cells of Q8_0 with these numbers of users, each with output near 100 × its factor, the rest following from that.

    Args:
        factors: of all cells, or by the number of users.
        spread: standard deviation of the logarithms over repetitions; the same seed gives the same figures but for the factors.
        flags: of each cell's first run, which counts all the same.
        machine: differs in these facts from the usual one.
    """
    plan = Plan(title=path.stem, models=Models(quant=("Q8_0",)), load=Load(concurrency=tuple(users)), trust=Trust(seed=seed))
    noise = np.random.default_rng(seed)
    fingerprint = {**MACHINE.to_json(), **(machine or {})}
    with SessionWriter.create(path, plan=plan.to_document(), machine=fingerprint, title=plan.title) as writer:
        writer.add_model(MODEL)
        run_id = 0
        for number, count in enumerate(users, 1):
            axes = {"model": "sample", "quant": "Q8_0", "arrival": "closed", "concurrency": count, "slots": count}
            cell = CellRecord(number, 1, {**BLANK, **axes, "threads": 2})
            writer.add_cell(cell)
            factor = factors if isinstance(factors, float) else factors.get(count, 1.0)
            for repetition in range(1, repetitions + 1):
                run_id += 1
                run = replace(measuring(run_of(cell, run_id, repetition)), block=repetition)
                writer.start_run(run)
                told = flags if repetition == 1 else ()
                writer.update_run(replace(run, status=RunStatus.DONE, flags=told))
                writer.set_run_figures(run_id, _figures(100 * factor * float(np.exp(spread * noise.standard_normal())), count))
            writer.update_cell(replace(cell, status=CellStatus.DONE))
    return path


def _figures(output_tok_s: float, users: int) -> Figures:
    gap_ms = 1000 * users / output_tok_s
    return {
        "output_tok_s": output_tok_s,
        "user_tok_s": output_tok_s / users,
        "tpot_ms": {"mean": gap_ms, "p50": gap_ms, "p90": None, "p95": None, "p99": None, "max": gap_ms, "n": 24},
        "rss_peak_bytes": 308_000_000 + 10_000 * output_tok_s,
    }
