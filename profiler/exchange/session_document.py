"""A session as the one document that `run --json` and `show --json` print and exports embed: its summary, with the energy."""

from collections.abc import Mapping
from typing import Any

from profiler.exchange.session_energy import SessionEnergy, add_energy, read_energy
from profiler.exchange.summary import summary_document
from profiler.hardware import wall_meter
from profiler.records.energy_settings import EnergyPrice, WallCalibration
from profiler.session.reader import SessionReader


def session_document(reader: SessionReader, price: EnergyPrice | None = None) -> dict[str, Any]:
    """The summary document, each cell with its "energy": at the wall, too, where a calibration is kept for its machine.

    Raises:
        BadFile, EnvironmentFault: the session cannot be read.
    """
    document = summary_document(reader)
    found = read_energy(reader)
    add_energy(document, found, price, kept_calibration(reader.machine(), found))
    return document


def kept_calibration(machine: Mapping[str, Any], found: SessionEnergy) -> WallCalibration | None:
    """What a meter at the wall once told of this machine's own meters; None where none was entered or nothing was measured."""
    cells = [cell for cell_id in found.of_runs if (cell := found.cell(cell_id)) is not None]
    return wall_meter.kept(machine, cells[0].meters) if cells else None
