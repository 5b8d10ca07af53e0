"""How `show` and `run` tell energy, and how `show` takes a price and the readings of a meter at the wall."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from profiler.analysis.energy import wall_calibration
from profiler.cli.output import table
from profiler.errors import UnusableArguments
from profiler.exchange import energy_words
from profiler.exchange.session_document import kept_calibration
from profiler.exchange.session_energy import SessionEnergy
from profiler.hardware import wall_meter
from profiler.plan.cells import varying_axes
from profiler.records.energy_settings import EnergyPrice, WallCalibration

_TITLES = ("meters W", "J/output token", "above idle", "J/request", "tok/J")


def price_of(per_kwh: float | None, currency: str) -> EnergyPrice | None:
    """The price that was given; raises UnusableArguments for one below zero."""
    if per_kwh is not None and not 0 <= per_kwh < 1e6:
        raise UnusableArguments("--price is what a kilowatt-hour costs, 0 or more.")
    return None if per_kwh is None else EnergyPrice(per_kwh, currency)


def calibration_of(
    machine: Mapping[str, Any], found: SessionEnergy, *, wall_watts: float | None, wall_idle_watts: float | None
) -> WallCalibration | None:
    """The calibration of the session's machine: made from these readings and kept, else the one that was kept.

    Raises:
        UnusableArguments: the readings cannot be used.
        EnvironmentFault: they cannot be kept.
    """
    if wall_watts is None:
        if wall_idle_watts is not None:
            raise UnusableArguments("--wall-idle-watts needs --wall-watts, the reading while the session was measured.")
        return kept_calibration(machine, found)
    cells = [cell for cell_id in found.of_runs if (cell := found.cell(cell_id)) is not None]
    if len(cells) != 1:
        raise UnusableArguments(
            "--wall-watts is what the meter showed while one cell was measured; this session has "
            f"{len(cells)} cells whose energy was measured. Measure one alone, or enter the reading on the Results page."
        )
    (cell,) = cells
    try:
        made = wall_calibration(
            cell.meters,
            wall_watts=wall_watts,
            metered_watts=cell.gross.watts.joules,
            wall_idle_watts=wall_idle_watts,
            metered_idle_watts=cell.idle_watts,
        )
    except ValueError as error:
        raise UnusableArguments(f"--wall-watts: {error}") from error
    made = WallCalibration(made.meters, made.factor, made.rest_watts, datetime.now(UTC).isoformat(timespec="seconds"))
    wall_meter.keep(machine, made)
    return made


def energy_table(document: Mapping[str, Any]) -> Table | None:
    """The energy of the cells that were measured; None where none was. After each figure half its sampling interval."""
    cells = [cell for cell in document["cells"] if cell["energy"]["meters"]]
    if not cells:
        return None
    axes = varying_axes([cell["config"] for cell in document["cells"]])
    has_wall = any(cell["energy"]["at_the_wall"] for cell in cells)
    costs = [cell["energy"]["cost_per_million_output_tokens"] for cell in cells]
    titles = [*_TITLES, *(("wall W", "J/output token at the wall") if has_wall else ())]
    currency = next((cost["currency"] for cost in costs if cost), None)
    titles += [] if currency is None else [f"{currency} per million output tokens".strip()]
    rows = []
    for cell, cost in zip(cells, costs, strict=True):
        told = cell["energy"]
        wall, above = told["at_the_wall"], told["above_idle"]
        row = [str(cell["config"][varying.name]) for varying in axes]
        row += [_text(told["gross"]["watts"]), _text(told["gross"]["joules_per_output_token"])]
        row += [_text(above and above["joules_per_output_token"]), _text(told["gross"]["joules_per_request"])]
        row += [_text(told["tokens_per_joule"])]
        row += [_text(wall and wall["watts"]), _text(wall and wall["joules_per_output_token"])] if has_wall else []
        rows.append(row + ([] if currency is None else [_text(cost)]))
    return table([(varying.name, varying.kind != "text") for varying in axes] + [(title, True) for title in titles], rows)


def energy_sentences(document: Mapping[str, Any]) -> list[str]:
    """Which meters these are, or why there is no figure; each sentence once."""
    return energy_words.energy_sentences(document["cells"])


def _text(interval: Mapping[str, Any] | None) -> str:
    return energy_words.energy_text(interval)
