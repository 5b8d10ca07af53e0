"""What machines cost, as their user said once: kept for the window and the command line."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from profiler import paths
from profiler.errors import EnvironmentFault
from profiler.records.machine_price import MachinePrice

_FORMAT_VERSION = 1


def kept_prices() -> dict[str, MachinePrice]:
    """Prices by the machine's key (`hardware.session_spread.machine_key`); none where the file is missing or damaged."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        machines = document["machines"].items() if document["format"] == _FORMAT_VERSION else ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    prices = {str(key): _price(item) for key, item in machines}
    return {key: price for key, price in prices.items() if price is not None}


def keep_prices(changes: Mapping[str, MachinePrice | None]) -> None:
    """Keep these beside the others; None forgets a machine's. Raises EnvironmentFault when it cannot be written."""
    prices = {**kept_prices(), **changes}
    machines = {key: [price.amount, price.currency] for key, price in prices.items() if price is not None}
    try:
        paths.write_in_one_move(_file(), json.dumps({"format": _FORMAT_VERSION, "machines": machines}, indent=1))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentFault(f"The machine's price cannot be kept in {_file().parent}: {reason}.") from error


def _price(item: object) -> MachinePrice | None:
    """None for what no price can be."""
    amount, currency = item if isinstance(item, list) and len(item) == 2 else (None, "")
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < math.inf:
        return None
    return MachinePrice(float(amount), str(currency))


def _file() -> Path:
    return paths.data_folder() / "machine_prices.json"
