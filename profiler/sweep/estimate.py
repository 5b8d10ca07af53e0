"""What a plan will take, before it runs: time, memory, disk, and the cells that will not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from profiler.errors import UnusableArguments
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.footprint import predict
from profiler.plan.cells import is_made
from profiler.plan.plan import Plan
from profiler.plan.recorded_load import recorded_load
from profiler.plan.resolution import mean_tokens, requests_of_run, specification
from profiler.records.axis import Configuration
from profiler.records.fingerprint import Ceilings
from profiler.records.specification import OPEN_LOOP, LoadSettings, RequestClass, RunSpecification
from profiler.scheduling.open_loop import due_times_ns, horizon_s_of
from profiler.units import bytes_text

ASSUMED_BANDWIDTH_GB_S = 20.0
"""For a machine whose bandwidth was not measured yet: what two memory channels of a laptop give."""

STEP_SLOWDOWN = 2.0
"""Small models run their steps that much slower than their bytes alone would take (measurement.md §2: 2.6 for the sample)."""

PREFILL_SPEEDUP = 4.0
"""Prompt tokens cost that much less each than a decode step's token: many share one pass over the weights."""

SHARED_STEP_GROWTH = 0.25
"""A decode step of B sequences takes about 1 + this × (B - 1) times as long as one of a single sequence on a CPU."""

RUN_OVERHEAD_S = 0.5
"""Loading from the page cache, warming up and computing figures."""

SPREAD = 2.0
"""These are rules of thumb: the truth is expected within this factor either way until a run has been timed."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan will take; None where it cannot be said.

    Attributes:
        runs: repetitions over all cells that can run.
        seconds, seconds_low, seconds_high: a rough guess and the range that likely holds the truth.
        memory_bytes: of the largest cell.
        disk_bytes: of the quantizations to make, at the most.
        does_not_fit: cells whose memory exceeds what is free, each with a sentence.
    """

    runs: int
    seconds: float | None
    seconds_low: float | None
    seconds_high: float | None
    memory_bytes: int | None
    disk_bytes: int
    does_not_fit: tuple[tuple[Configuration, str], ...]


def estimate(
    plan: Plan,
    cells: Sequence[Configuration],
    descriptions: Mapping[str, ModelDescription],
    ceilings: Ceilings | None,
    free_bytes: int,
) -> Estimate:
    """Estimate a plan from its models' headers.

    Args:
        plan: the plan.
        cells: its cells (`plan.cells.expand`).
        descriptions: of its models by their label; a model that is missing leaves the figures it touches unknown.
        ceilings: of this machine, None when they were not measured.
        free_bytes: main memory that may be used.
    """
    bandwidth = (ceilings.bandwidth_gb_s if ceilings else None) or ASSUMED_BANDWIDTH_GB_S
    seconds: float | None = 0.0
    memory: int | None = None
    too_large = []
    for cell in cells:
        description = descriptions.get(str(cell["model"]))
        if description is None:
            seconds = None
            continue
        order = specification(plan, cell, Path(description.path), 1)
        needed = _memory_bytes(description, order)
        if needed is not None:
            memory = max(memory or 0, needed)
            if needed > free_bytes:
                too_large.append((cell, f"needs {bytes_text(needed)}, {bytes_text(free_bytes)} are free"))
        run_seconds = _run_seconds(description, order, bandwidth)
        seconds = None if seconds is None or run_seconds is None else seconds + run_seconds * plan.trust.repetitions
    made = {(str(cell["model"]), str(cell["quant"])) for cell in cells if is_made(cell)}
    disk = sum(int(descriptions[model].parameters * 1.2) for model, _ in made if model in descriptions)
    if seconds is not None and plan.trust.budget is not None:
        seconds = min(seconds, plan.trust.budget)
    return Estimate(
        runs=len(cells) * plan.trust.repetitions,
        seconds=seconds,
        seconds_low=None if seconds is None else seconds / SPREAD,
        seconds_high=None if seconds is None else seconds * SPREAD,
        memory_bytes=memory,
        disk_bytes=disk,
        does_not_fit=tuple(too_large),
    )


def _memory_bytes(description: ModelDescription, order: RunSpecification) -> int | None:
    context = order.context
    try:
        return predict(
            description,
            ctx_size=context.ctx_size,
            slots=context.slots,
            cache_type_k=context.cache_type_k,
            cache_type_v=context.cache_type_v,
            kv_unified=context.kv_unified,
            ubatch_size=context.ubatch_size,
        ).total_bytes
    except UnusableArguments:
        return None


def _run_seconds(description: ModelDescription, order: RunSpecification, bandwidth_gb_s: float) -> float | None:
    """Seconds of one run: those of the class that takes longest, the others going on beside it; None where it cannot be said."""
    load, context = order.load, order.context
    try:
        costs = step_costs(description, context.cache_type_k, context.cache_type_v)
    except UnusableArguments:
        return None
    bytes_read = costs.weight_bytes_per_ubatch + costs.output_bytes_per_ubatch if costs is not None else description.tensor_bytes
    step_s = STEP_SLOWDOWN * bytes_read / (bandwidth_gb_s * 1e9)
    sequences = _sequences(load, context.slots)
    filling_s = load.depth * context.slots * step_s / PREFILL_SPEEDUP
    try:
        longest_s = max(_class_seconds(order, each, step_s, sequences) for each in load.classes)
    except ValueError:  # its requests would never come, or be too many: the run will say so
        return None
    return filling_s + longest_s + RUN_OVERHEAD_S


def _sequences(load: LoadSettings, slots: int) -> int:
    """How many requests are likely answered at a time, all classes together."""
    if load.batching == "sequential":
        return 1
    is_closed = all(each.arrival == "closed" for each in load.classes)
    most = load.static_batch_size if load.batching == "static" else slots
    return min(slots, most, load.users if is_closed else slots)


def _class_seconds(order: RunSpecification, each: RequestClass, step_s: float, sequences: int) -> float:
    """Seconds that a class takes; what a prefix cache or a shared beginning saves is not looked at."""
    load = order.load
    prompt_tokens, output_tokens = mean_tokens(each)
    # A conversation's later turns repeat what was said before: on average half of its other turns.
    prompt_tokens += (each.turns - 1) / 2 * (prompt_tokens + output_tokens)
    requests = requests_of_run(replace(order, load=replace(load, classes=(each,))))
    own = min(sequences, each.users if each.arrival == "closed" else max(1, requests or 1))
    shared_step_s = step_s * (1 + SHARED_STEP_GROWTH * (sequences - 1))
    request_s = prompt_tokens * step_s / PREFILL_SPEEDUP * own + output_tokens * shared_step_s
    if each.arrival in OPEN_LOOP:
        assert requests is not None  # a rate or a trace makes a number
        return _open_loop_seconds(load, each, requests, request_s, own)
    if requests is None:
        return (each.duration_s or 0.0) + request_s
    seconds = each.start_s + requests / own * (request_s + each.think_time_s)
    return seconds if each.duration_s is None else min(seconds, each.duration_s + request_s)


def _open_loop_seconds(load: LoadSettings, each: RequestClass, requests: int, request_s: float, sequences: int) -> float:
    """The time of sending, and until the last request is answered: longer where more is asked than can be served."""
    sent_s = _sending_ends_s(each, load.seed)
    served_s = each.start_s + requests / sequences * request_s
    if load.timeout_s is not None:
        served_s = min(served_s, sent_s + load.timeout_s)
    if load.queue_limit is not None:
        served_s = min(served_s, sent_s + load.queue_limit / sequences * request_s)
    return max(sent_s, served_s) + request_s


def _sending_ends_s(each: RequestClass, seed: int) -> float:
    """When the last request of an open loop is due, at the latest."""
    if each.arrival != "trace" and each.requests is None:
        return horizon_s_of(each)
    trace = None
    if each.trace is not None:
        columns = None if each.trace.columns is None else ",".join(each.trace.columns)
        trace = recorded_load(each.trace.path, columns, each.trace.time_scale, each.trace.rows)[1]
    due_ns = due_times_ns(each, seed, horizon_s_of(each), trace)
    return float(due_ns[-1]) / 1e9 if len(due_ns) else each.start_s
