"""What a meter at the wall showed beside the machine's own meters: kept for each machine and each set of its meters."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profiler import paths
from profiler.errors import EnvironmentFault
from profiler.hardware.session_spread import machine_key
from profiler.records.energy_settings import WallCalibration

_FORMAT_VERSION = 1


def kept(machine: Mapping[str, Any], meters: tuple[str, ...]) -> WallCalibration | None:
    """The calibration of these meters of a machine, by its fingerprint's document; None when none was entered."""
    return next((each for each in _read().get(machine_key(machine), []) if set(each.meters) == set(meters)), None)


def keep(machine: Mapping[str, Any], calibration: WallCalibration) -> None:
    """In place of an earlier one of the same meters; raises EnvironmentFault when it cannot be written."""
    _put(machine, calibration.meters, [calibration])


def forget(machine: Mapping[str, Any], meters: tuple[str, ...]) -> None:
    """Have none of these meters; raises EnvironmentFault when that cannot be written."""
    _put(machine, meters, [])


def _put(machine: Mapping[str, Any], meters: tuple[str, ...], new: list[WallCalibration]) -> None:
    everything = _read()
    key = machine_key(machine)
    everything[key] = [each for each in everything.get(key, []) if set(each.meters) != set(meters)] + new
    machines = {key: [_to_document(each) for each in calibrations] for key, calibrations in everything.items()}
    try:
        paths.write_in_one_move(_file(), json.dumps({"format": _FORMAT_VERSION, "machines": machines}, indent=1))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(f"The calibration cannot be kept in {_file().parent}: {reason}.") from error


def _read() -> dict[str, list[WallCalibration]]:
    """Everything that was kept; nothing when the file is missing or damaged."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        if document["format"] != _FORMAT_VERSION:
            return {}
        return {key: [_from_document(each) for each in listed] for key, listed in document["machines"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _file() -> Path:
    return paths.data_folder() / "wall_meter.json"


def _to_document(calibration: WallCalibration) -> dict[str, Any]:
    return {
        "meters": list(calibration.meters),
        "factor": calibration.factor,
        "rest_watts": calibration.rest_watts,
        "made_utc": calibration.made_utc,
    }


def _from_document(document: Mapping[str, Any]) -> WallCalibration:
    """Raises ValueError on what no calibration can be."""
    factor, rest_watts = float(document["factor"]), float(document["rest_watts"])
    if not (math.isfinite(factor) and factor > 0 and math.isfinite(rest_watts)):
        raise ValueError("a calibration out of range")
    return WallCalibration(tuple(map(str, document["meters"])), factor, rest_watts, str(document["made_utc"]))
