"""A session of one cell with two runs, in which a GPU's energy counter rises by 200 W beside 50 W at rest."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.plan.slo import parse_slo
from profiler.records.fingerprint import TelemetrySource
from profiler.records.power_meter import IdleDraw, IdlePower
from profiler.records.run_record import CellStatus, RunStatus
from profiler.records.timing import RunData, Samples
from profiler.session.writer import SessionWriter
from tests.helpers.scripted_sweep import MACHINE, MODEL, measuring, run_of, sweep_cells
from tests.helpers.written_session import PLAN, run_data

WATTS, IDLE_WATTS = 200.0, 50.0
USERS, FIRST_TOKEN_MS, GAP_MS = 2, 100, 20
WITHOUT_METERS = replace(
    MACHINE,
    telemetry=(
        TelemetrySource("memory", True, "not of this matter"),
        TelemetrySource("rapl", False, "Only root may read it."),
        TelemetrySource("nvml", False, "No driver."),
    ),
)


def write_metered_session(path: Path, *, has_meter: bool = True) -> Path:
    """The session file."""
    idle = IdlePower({"gpu0": IdleDraw(IDLE_WATTS, 0.0, 5)}, 3.0) if has_meter else None
    with SessionWriter.create(path, plan=PLAN.to_document(), machine=WITHOUT_METERS.to_json(), title=PLAN.title) as writer:
        writer.add_model(MODEL)
        cell = sweep_cells()[1]
        writer.add_cell(cell)
        if idle is not None:
            draws = {"gpu0": {"watts": IDLE_WATTS, "error_watts": 0.0, "degrees": 5}}
            writer.set_meta("idle_power", json.dumps({"draws": draws, "duration_s": 3.0}))
        done = []
        for repetition in (1, 2):
            run = measuring(run_of(cell, repetition, repetition))
            rows = run_data(USERS, FIRST_TOKEN_MS, GAP_MS)
            times_ns = np.arange(0, int(rows.steps["end_ns"].max()) + 200_000_000, 130_000_000, dtype=np.int64)
            channels = (
                {"gpu0_energy_joules": 9e9 + WATTS * times_ns / 1e9} if has_meter else {"cpu_percent": np.zeros(len(times_ns))}
            )
            data = RunData(rows.requests, rows.tokens, rows.steps, Samples(times_ns, channels))
            context = RunContext(run.specification, run.facts, None, None, parse_slo(PLAN.need.slo), idle_power=idle)
            figures = run_figures(data, context)
            writer.start_run(run)
            writer.add_requests(run.run_id, data.requests)
            writer.add_rows(run.run_id, "token", data.tokens)
            writer.add_rows(run.run_id, "step", data.steps)
            writer.add_samples(run.run_id, data.samples)
            writer.update_run(replace(run, status=RunStatus.DONE))
            writer.set_run_figures(run.run_id, figures)
            done.append((data, context, figures))
        writer.set_cell_figures(cell.cell_id, cell_figures(done), {})
        writer.update_cell(replace(cell, status=CellStatus.DONE))
    return path
