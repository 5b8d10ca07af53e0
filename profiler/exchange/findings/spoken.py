"""Cells in words: for the answer's sentences, and short ones that tell a few apart."""

from collections.abc import Sequence

from profiler.exchange.findings.session_view import CellView
from profiler.plan.cell_words import cell_title, value_text
from profiler.records.axis import BY_NAME, Axis, AxisValue, Configuration

POLICY = ("batching", "static_batch_size", "static_wait_ms", "prefill_chunk", "priority", "prefix_cache")
"""Axes of how a load is served, beside which everything else may be the same."""

STEPS = ("concurrency", "rate", "slots")
"""Axes of how much load there is, or room for it: along them a line goes, the first that varies."""

_BATCHING = {"continuous": "continuous batching", "static": "static batching", "sequential": "one request at a time"}
_RATES = {"ramp": "from {} req/s on", "burst": "with bursts of {} req/s", "spike": "at {} req/s with a spike"}
_OWN_WORDS = ("model", "quant", "arrival", "batching")


def spoken(cell: CellView, varying: Sequence[Axis]) -> str:
    """A cell within a sentence: "static batching at 2 req/s"; in a closed loop and offline, its title."""
    if cell.is_closed or cell.configuration.get("arrival") == "offline":
        return cell.title
    names = [axis.name for axis in varying if axis.name != "rate" and cell.configuration.get(axis.name) is not None]
    if "static_batch_size" in names and "batching" in names:
        names.remove("batching")
    told = ", ".join(filter(None, (_phrase(name, cell.configuration) for name in names)))
    rate = cell.configuration.get("rate")
    if not rate or not (told or any(axis.name == "rate" for axis in varying)):
        return told or cell.title
    at_rate = _RATES.get(str(cell.configuration.get("arrival")), "at {} req/s").format(value_text(rate))
    return f"{told} {at_rate}".strip()


def capitalised(words: str) -> str:
    """The same at the beginning of a sentence, which may begin with strong words."""
    first = len(words) - len(words.lstrip("*"))
    return words[:first] + words[first : first + 1].upper() + words[first + 1 :]


def apart(cell: CellView, axes: Sequence[str]) -> str:
    """What a cell has on these axes, shortly: "static", "prefix cache on", "Q4_K_M · threads 2"; its model without any."""
    present = [name for name in axes if cell.configuration.get(name) is not None]
    if not present:
        named = {name: cell.configuration.get(name) for name in ("model", "quant")}
        return cell_title(named) if not axes else value_text(None)
    return " · ".join(_short(name, cell.configuration[name]) for name in present)


def telling_axes(cells: Sequence[CellView], varying: Sequence[Axis]) -> list[str]:
    """The axes on which these cells differ, of those on which a session's cells do."""
    return [axis.name for axis in varying if len({cell.configuration.get(axis.name) for cell in cells}) > 1]


def _phrase(name: str, configuration: Configuration) -> str:
    value = configuration[name]
    match name:
        case "batching":
            return _BATCHING.get(str(value), str(value))
        case "static_batch_size":
            return f"static batches of {value_text(value)}"
        case "prefix_cache":
            return f"{'with' if value == 'on' else 'without'} the prefix cache"
        case "prefill_chunk":
            return f"prompts in chunks of {value_text(value)} tokens"
        case "priority":
            return "running answers first" if value == "decode" else "new prompts first"
        case _:
            return _short(name, value)


def _short(name: str, value: AxisValue) -> str:
    """A value that says what it is of."""
    if name in _OWN_WORDS:
        return value_text(value)
    axis = BY_NAME[name]
    if name == "concurrency":
        return "1 user" if value == 1 else f"{value_text(value)} users"
    if name == "rate":
        return f"{value_text(value)} req/s"
    if name == "slots":
        return "1 slot" if value == 1 else f"{value_text(value)} slots"
    unit = f" {axis.unit}" if axis.unit in ("s", "ms") else ""
    return f"{axis.label.lower()} {value_text(value)}{unit}"
