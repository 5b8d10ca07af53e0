"""From a plan to the cells of its sweep, and from a cell to the specification of one run."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from profiler.errors import UnusableArguments
from profiler.plan.plan import AS_IS, Plan
from profiler.records.axis import AXES, Axis, AxisValue, Configuration
from profiler.records.specification import (
    KV_CELL_STEP,
    ContextSettings,
    LoadSettings,
    ModelSettings,
    RunSpecification,
)

DEFAULT_REQUESTS_PER_USER = 4
DEFAULT_OFFLINE_REQUESTS = 64
MAX_CELLS = 10_000
ALL_LAYERS = 999
"""What llama.cpp reads as "every layer" for n_gpu_layers."""


def model_labels(paths: Sequence[str]) -> list[str]:
    """How the models of a plan are told apart: the file's stem, with its folder where two files share one."""
    stems = [Path(path).stem for path in paths]
    return [
        f"{Path(path).parent.name}/{stem}" if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems, strict=True)
    ]


def expand(plan: Plan, models: Sequence[str], default_threads: int, *, has_gpu: bool = False) -> list[Configuration]:
    """Every cell of the sweep, each fully resolved, in the plan's own order.

    Args:
        plan: the plan.
        models: labels of its models, in their order (`model_labels`).
        default_threads: used where the plan names no threads.
        has_gpu: whether llama.cpp has a device to put layers on; then all layers go there unless the plan says otherwise.

    Raises:
        UnusableArguments: a cell makes no sense (its context cannot hold a request), or there are more than MAX_CELLS.
    """
    load, engine = plan.load, plan.engine
    choices: dict[str, Sequence[AxisValue]] = {
        "model": list(models),
        "quant": plan.models.quant,
        "arrival": (load.arrival,),
        "concurrency": load.concurrency,
        "slots": load.slots or (None,),
        "think_time": load.think_time,
        "prompt_tokens": load.prompt_tokens,
        "output_tokens": load.output_tokens,
        "sampling": load.sampling,
        "prefill_chunk": load.prefill_chunk or (None,),
        "threads": engine.threads or (default_threads,),
        "threads_batch": engine.threads_batch or (None,),
        "batch_size": engine.batch_size,
        "ubatch_size": engine.ubatch_size,
        "ctx_size": engine.ctx_size or (None,),
        "n_gpu_layers": engine.n_gpu_layers or (ALL_LAYERS if has_gpu else 0,),
        "flash_attn": engine.flash_attn,
        "cache_type_k": engine.cache_type_k,
        "cache_type_v": engine.cache_type_v,
        "kv_unified": engine.kv_unified,
    }
    count = 1
    for values in choices.values():
        count *= len(values)
    if count > MAX_CELLS:
        raise UnusableArguments(f"The plan has {count} cells; at most {MAX_CELLS} can be swept. Give fewer values on some axes.")
    cells = []
    for values in itertools.product(*(choices[axis.name] for axis in AXES)):
        cell = _resolve(dict(zip(choices, values, strict=True)))
        if cell not in cells:
            cells.append(cell)
    return cells


def _resolve(cell: Configuration) -> Configuration:
    """Fill in what follows from the other axes."""
    concurrency = _integer(cell, "concurrency")
    if cell["arrival"] == "offline":
        # Nobody comes back offline, so concurrency is but another word for slots (design.md).
        cell["slots"] = cell["concurrency"] = cell["slots"] or concurrency
    else:
        cell["slots"] = cell["slots"] or concurrency
    cell["threads_batch"] = cell["threads_batch"] or cell["threads"]
    cell["batch_size"] = max(_integer(cell, "batch_size"), _integer(cell, "slots"))
    cell["prefill_chunk"] = min(_integer(cell, "prefill_chunk", cell["batch_size"]), _integer(cell, "batch_size"))
    needed = _integer(cell, "prompt_tokens") + _integer(cell, "output_tokens")
    cell["ctx_size"] = ctx_size = cell["ctx_size"] or -(-needed // KV_CELL_STEP) * KV_CELL_STEP
    if needed > int(ctx_size):
        raise UnusableArguments(
            f"A context of {ctx_size} tokens cannot hold a prompt of {cell['prompt_tokens']} and an answer of "
            f"{cell['output_tokens']} tokens; give --ctx-size {-(-needed // KV_CELL_STEP) * KV_CELL_STEP} or more."
        )
    return cell


def _integer(cell: Configuration, name: str, default: AxisValue = None) -> int:
    value = cell[name] if cell[name] is not None else default
    assert isinstance(value, int)
    return value


def specification(plan: Plan, cell: Configuration, model_path: Path, repetition: int) -> RunSpecification:
    """What the engine child gets for one repetition of a cell; each repetition has prompts of its own."""
    load = plan.load
    is_closed = cell["arrival"] == "closed"
    requests, requests_per_user = load.requests, load.requests_per_user
    if requests is None and requests_per_user is None and load.duration is None:
        requests_per_user = DEFAULT_REQUESTS_PER_USER if is_closed else None
    if not is_closed and requests is None:
        requests = DEFAULT_OFFLINE_REQUESTS
    return RunSpecification(
        ModelSettings(str(model_path), _integer(cell, "n_gpu_layers"), plan.engine.mmap == "on"),
        ContextSettings(
            slots=_integer(cell, "slots"),
            ctx_size=_integer(cell, "ctx_size"),
            batch_size=_integer(cell, "batch_size"),
            ubatch_size=_integer(cell, "ubatch_size"),
            threads=_integer(cell, "threads"),
            threads_batch=_integer(cell, "threads_batch"),
            flash_attn=cell["flash_attn"],  # type: ignore[arg-type]  # the plan holds only these values
            cache_type_k=str(cell["cache_type_k"]),
            cache_type_v=str(cell["cache_type_v"]),
            kv_unified=cell["kv_unified"] == "on",
        ),
        LoadSettings(
            arrival=load.arrival,
            users=_integer(cell, "concurrency") if is_closed else 0,
            think_time_s=float(cell["think_time"] or 0.0),
            prompt_tokens=_integer(cell, "prompt_tokens"),
            output_tokens=_integer(cell, "output_tokens"),
            requests=requests,
            requests_per_user=requests_per_user if is_closed else None,
            duration_s=load.duration,
            prefill_chunk=_integer(cell, "prefill_chunk"),
            sampling=cell["sampling"],  # type: ignore[arg-type]  # the plan holds only these values
            seed=plan.trust.seed * 1_000_003 + repetition,
        ),
    )


def requests_of_run(specification: RunSpecification) -> int | None:
    """How many requests a run will have, None when only time ends it."""
    load = specification.load
    if load.arrival == "offline":
        return load.requests
    limits = []
    if load.requests is not None:
        limits.append(load.requests)
    if load.requests_per_user is not None:
        limits.append(load.requests_per_user * load.users)
    return min(limits, default=None)


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
