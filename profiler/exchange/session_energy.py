"""The energy of a session's cells, from the samples of their runs, and as a document of `show --json` and `run --json`."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from profiler.analysis import energy
from profiler.analysis.context import RunContext
from profiler.analysis.energy import Joules
from profiler.analysis.energy_account import Account, CellEnergy, RunEnergy, cell_energy, run_energy, why_not_measured
from profiler.analysis.figure_name import figure_value
from profiler.analysis.window import measurement_window
from profiler.errors import Interrupted
from profiler.records.energy_settings import EnergyPrice, WallCalibration
from profiler.records.power_meter import IdleDraw, IdlePower
from profiler.records.run_record import RunRecord, RunStatus
from profiler.session.reader import SessionReader
from profiler.units import significant

IDLE_POWER = "idle_power"
"""The key of the session's meta table."""


@dataclass(frozen=True, slots=True)
class SessionEnergy:
    """A session.

    Attributes:
        idle: what the meters showed before it; None when they were not read.
        of_runs: of each cell, by its number, its valid runs that were measured, by theirs.
        why_not: of a cell without any, the reason in sentences.
    """

    idle: IdlePower | None = None
    of_runs: Mapping[int, Mapping[int, RunEnergy]] = field(default_factory=dict)
    why_not: Mapping[int, str] = field(default_factory=dict)

    def cell(self, cell_id: int, calibration: WallCalibration | None = None) -> CellEnergy | None:
        """A cell's account; None when it was not measured."""
        return cell_energy(list(self.of_runs.get(cell_id, {}).values()), self.idle, calibration)


def read_energy(
    reader: SessionReader, known: SessionEnergy | None = None, cancel: threading.Event | None = None
) -> SessionEnergy:
    """Read the runs that are not known yet; those of cells without a meter are not read at all.

    Args:
        reader: the session.
        known: an earlier reading of the same file.
        cancel: ends it when set.

    Raises:
        BadFile, EnvironmentFault: the file cannot be read; Interrupted: `cancel` was set.
    """
    idle = idle_power(reader.meta().get(IDLE_POWER))
    machine = reader.machine()
    of_runs: dict[int, dict[int, RunEnergy]] = {}
    why_not: dict[int, str] = {}
    runs = [run for run in reader.runs() if run.status is RunStatus.DONE and run.is_valid]
    for cell in reader.cells():
        figures, _ = reader.cell_figures(cell.cell_id)
        of_cell = [run for run in runs if run.cell_id == cell.cell_id]
        if figures is None or figure_value(figures, "energy_j") is None:
            samples = next(iter(reader.sample_chunks(of_cell[-1].run_id)), None) if of_cell else None
            why_not[cell.cell_id] = why_not_measured(samples, machine)
            continue
        before = known.of_runs.get(cell.cell_id, {}) if known is not None else {}
        of_runs[cell.cell_id] = {}
        for run in of_cell:
            if cancel is not None and cancel.is_set():
                raise Interrupted("Reading the energy was stopped.")
            found = before.get(run.run_id) or _read_run(reader, run, idle)
            of_runs[cell.cell_id][run.run_id] = found
    return SessionEnergy(idle, of_runs, why_not)


def _read_run(reader: SessionReader, run: RunRecord, idle: IdlePower | None) -> RunEnergy:
    data = reader.run_data(run.run_id)
    return run_energy(data, measurement_window(data, RunContext(run.specification, run.facts, None, None)), idle)


def idle_power(text: str | None) -> IdlePower | None:
    """As the sweep wrote it; None where it is missing or makes no sense, since a file may hold anything."""
    try:
        document = json.loads(text or "null")
        draws = {str(name): IdleDraw(**draw) for name, draw in document["draws"].items()}
        return IdlePower(draws, float(document["duration_s"]))
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def add_energy(
    document: dict[str, Any], found: SessionEnergy, price: EnergyPrice | None = None, calibration: WallCalibration | None = None
) -> None:
    """Give each cell of a summary document its "energy"."""
    for cell in document["cells"]:
        account = found.cell(cell["cell_id"], calibration)
        cell["energy"] = energy_document(account, found.why_not.get(cell["cell_id"], ""), price)


def energy_document(cell: CellEnergy | None, why_not: str, price: EnergyPrice | None) -> dict[str, Any]:
    """One cell's account as plain values, each figure with the ends of its sampling interval; None where it is not known.

    `tokens_per_joule` is also the speed per watt (tok/s / W). Costs are of all that was drawn, at the wall where that is known.
    """
    if cell is None:
        return {"reason": why_not or "Not measured yet.", "meters": []}
    return {
        "reason": None,
        "meters": list(cell.meters),
        "runs": cell.runs,
        "idle_watts": cell.idle_watts,
        "gross": _account_document(cell.gross),
        "above_idle": _account_document(cell.net),
        "tokens_per_joule": _interval(cell.tokens_per_joule),
        "at_the_wall": _account_document(cell.wall),
        "at_the_wall_above_idle": _account_document(cell.wall_net),
        "cost_per_million_output_tokens": _cost_document(cell.costed.per_output_token, price),
        "cost_per_million_tokens": _cost_document(cell.costed.per_token, price),
        "cost_is_of": "at_the_wall" if cell.wall is not None else "gross",
    }


def interval_words(value: Joules | None) -> str:
    """With half its interval, to the digits that it leaves: 1.84 ± 0.32; "–" where it is not known."""
    if value is None:
        return "–"
    if value.low is None or value.high is None:
        return significant(value.joules)
    half = significant((value.high - value.low) / 2, 2)
    decimals = len(half.partition(".")[2])
    return f"{round(value.joules, decimals) + 0.0:.{decimals}f} ± {half}"


def _account_document(account: Account | None) -> dict[str, Any] | None:
    if account is None:
        return None
    return {
        "watts": _interval(account.watts),
        "joules_per_output_token": _interval(account.per_output_token),
        "joules_per_token": _interval(account.per_token),
        "joules_per_request": _interval(account.per_request),
    }


def _cost_document(per_token: Joules | None, price: EnergyPrice | None) -> dict[str, Any] | None:
    if per_token is None or price is None:
        return None
    cost = _interval(energy.cost_per_million_tokens(per_token, price.per_kwh))
    return {**(cost or {}), "currency": price.currency, "price_per_kwh": price.per_kwh}


def _interval(value: Joules | None) -> dict[str, float | None] | None:
    return None if value is None else {"value": value.joules, "low": value.low, "high": value.high}
