"""From a plan to the cells of its sweep, each fully resolved."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from profiler.errors import UnusableArguments
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.resolution import longest_request, request_classes, whole
from profiler.records.axis import AXES, MIX, Axis, AxisValue, Configuration
from profiler.records.specification import KV_CELL_STEP, OPEN_LOOP

DEFAULT_CONCURRENCY = (1, 2, 4)
DEFAULT_OPEN_SLOTS = 8
MAX_CELLS = 10_000
ALL_LAYERS = 999
"""What llama.cpp reads as "every layer" for n_gpu_layers."""


def model_labels(paths: Sequence[str]) -> list[str]:
    """How the models of a plan are told apart: the file's stem, with its folder where two files share one."""
    stems = [Path(path).stem for path in paths]
    return [
        f"{Path(path).parent.name}/{stem}" if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems, strict=True)
    ]


Choices = Sequence[tuple[str, str]]
"""The models of a sweep as (model, quant), where files that are one model in several quantizations are grouped."""


def expand(
    plan: Plan, models: Sequence[str] | None, default_threads: int, *, has_gpu: bool = False, choices: Choices | None = None
) -> list[Configuration]:
    """Every cell of the sweep, each fully resolved, in the plan's own order.

    Args:
        plan: the plan.
        models: labels of its models, in their order (`model_labels`), each in all quantizations of the plan; None with `choices`.
        default_threads: used where the plan names no threads.
        has_gpu: whether llama.cpp has a device to put layers on; then all layers go there unless the plan says otherwise.
        choices: instead of `models`, where not each model has each quantization.

    Raises:
        UnusableArguments: a cell makes no sense (its context cannot hold a request), or there are more than MAX_CELLS.
    """
    if choices is None:
        choices = [(model, quant) for model in models or () for quant in plan.models.quant]
    values_of = _values(plan, default_threads, has_gpu=has_gpu)
    count = len(choices)
    for values in values_of.values():
        count *= len(values)
    if count > MAX_CELLS:
        raise UnusableArguments(f"The plan has {count} cells; at most {MAX_CELLS} can be swept. Give fewer values on some axes.")
    cells = []
    for model, quant in choices:
        for values in itertools.product(*values_of.values()):
            named = {"model": model, "quant": quant, **dict(zip(values_of, values, strict=True))}
            cell = _resolve(plan, {axis.name: named[axis.name] for axis in AXES})
            if cell not in cells:
                cells.append(cell)
    return cells


def _values(plan: Plan, default_threads: int, *, has_gpu: bool) -> dict[str, Sequence[AxisValue]]:
    """The values on every axis but "model" and "quant", in AXES' order; None is one that follows from the others."""
    load, engine = plan.load, plan.engine
    choices: dict[str, Sequence[AxisValue]] = {
        "n_gpu_layers": engine.n_gpu_layers or (ALL_LAYERS if has_gpu else 0,),
        "threads": engine.threads or (default_threads,),
        "arrival": load.arrival if load.classes is None else (MIX,),
    }
    for axis in AXES:
        if axis.name not in choices and axis.name not in _OF_A_CHOICE:
            section = load if axis.name in type(load).model_fields else engine
            choices[axis.name] = getattr(section, axis.name) or (None,)
    if load.classes is not None:
        choices |= dict.fromkeys(_OF_A_CLASS, (None,))
    elif load.concurrency is None:
        choices["concurrency"] = DEFAULT_CONCURRENCY
    return {axis.name: choices[axis.name] for axis in AXES if axis.name not in _OF_A_CHOICE}


_OF_A_CHOICE = ("model", "quant")
_OF_A_CLASS = (
    "concurrency", "rate", "burstiness", "think_time", "prompt_tokens", "output_tokens", "shared_prefix", "prefixes", "turns",
)  # fmt: skip


def _resolve(plan: Plan, cell: Configuration) -> Configuration:
    """Fill in what follows from the other axes, and leave out what has no meaning beside them."""
    arrival = str(cell["arrival"])
    cell["prefixes"] = cell["prefixes"] if cell["shared_prefix"] else None
    if arrival != MIX:
        _resolve_arrivals(plan, cell, arrival)
    _resolve_policy(cell)
    classes = request_classes(plan.load, cell)
    if arrival == MIX:
        users = sum(each.users for each in classes)
        others = sum(each.arrival != "closed" for each in classes)
        cell["slots"] = cell["slots"] or users + others
    cell["threads_batch"] = cell["threads_batch"] or cell["threads"]
    cell["batch_size"] = max(whole(cell, "batch_size"), whole(cell, "slots"))
    if cell["priority"] == "decode":
        cell["prefill_chunk"] = min(whole(cell, "prefill_chunk", cell["batch_size"]), whole(cell, "batch_size"))
    longest = max(classes, key=longest_request)
    needed = whole(cell, "depth") + longest_request(longest)
    enough = -(-needed // KV_CELL_STEP) * KV_CELL_STEP
    cell["ctx_size"] = ctx_size = cell["ctx_size"] or enough
    if needed > int(ctx_size):
        said = "a prompt" if longest.turns == 1 else f"{longest.turns} turns, each with a prompt"
        depth = f"a depth of {cell['depth']} tokens, " if cell["depth"] else ""
        raise UnusableArguments(
            f"A context of {ctx_size} tokens cannot hold {depth}{said} of {longest.prompt_tokens} and an answer of "
            f"{longest.output_tokens} tokens; give --ctx-size {enough} or more."
        )
    return cell


def _resolve_arrivals(plan: Plan, cell: Configuration, arrival: str) -> None:
    is_open = arrival in OPEN_LOOP
    if is_open or arrival == "offline":
        # Nobody comes back for an answer, so concurrency is but another word for slots (design.md).
        if is_open and plan.load.concurrency is None:
            cell["concurrency"] = DEFAULT_OPEN_SLOTS
        cell["slots"] = cell["concurrency"] = cell["slots"] or cell["concurrency"]
    else:
        cell["slots"] = cell["slots"] or cell["concurrency"]
    cell["rate"] = cell["rate"] if is_open and arrival != "trace" else None
    cell["burstiness"] = cell["burstiness"] if arrival == "gamma" else None
    if arrival != "closed" and cell["turns"] == 1:
        cell["think_time"] = None


def _resolve_policy(cell: Configuration) -> None:
    if cell["batching"] != "static":
        cell["static_batch_size"] = cell["static_wait_ms"] = None
    if cell["batching"] != "continuous":
        cell["priority"] = None
    if cell["priority"] != "decode":
        cell["prefill_chunk"] = None


def varying_axes(cells: Sequence[Mapping[str, AxisValue]]) -> list[Axis]:
    """The axes on which the cells differ, in AXES' order, without those that only follow from another one.

    An axis that takes as many values as an earlier one, always in step with it (slots with users), says nothing new.
    """
    found: list[Axis] = []
    for axis in AXES:
        values = [cell[axis.name] for cell in cells]
        if len(set(values)) < 2:
            continue
        follows = any(
            len({(cell[other.name], cell[axis.name]) for cell in cells}) == len({cell[other.name] for cell in cells})
            for other in found
        )
        if not follows:
            found.append(axis)
    return found


def is_made(cell: Mapping[str, AxisValue]) -> bool:
    """Whether the cell's model must be quantized first."""
    return cell["quant"] != AS_IS
