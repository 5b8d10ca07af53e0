"""What a plan will take, before it runs and while it does: time, memory, disk, and the cells that will not fit."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from profiler.errors import UnusableArguments
from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.footprint import predict_context
from profiler.modelfile.ggml_types import tensor_type_named
from profiler.plan.cells import is_made
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.recorded_load import recorded_load
from profiler.plan.resolution import mean_tokens, requests_of_run, specification
from profiler.records.axis import Configuration
from profiler.records.fingerprint import Ceilings
from profiler.records.specification import OPEN_LOOP, ContextSettings, LoadSettings, RequestClass, RunSpecification
from profiler.scheduling.open_loop import due_times_ns, horizon_s_of
from profiler.sweep.known_speeds import Speeds, StepSpeed, kin_of, settings_of
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

KNOWN_SPREAD = 1.3
"""Where this model was timed on this machine with these settings."""

KIN_SPREAD = 1.6
"""Where it was in another quantization, or with other settings that matter less: a type's own kernels are not known then."""

BYTES_SHARE = 0.5
"""Of a step's time goes with the bytes of its weights; the rest with the work, which is the same in any quantization."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan will take; None where it cannot be said.

    Attributes:
        runs: repetitions over all cells that can run.
        seconds, seconds_low, seconds_high: a rough guess and the range that likely holds the truth.
        memory_bytes: of the largest cell.
        disk_bytes: of the quantizations to make, at the most.
        does_not_fit: cells whose memory exceeds what is free, each with a sentence.
        cell_seconds: of one run of each cell, in the order of the cells; None where it cannot be said.
    """

    runs: int
    seconds: float | None
    seconds_low: float | None
    seconds_high: float | None
    memory_bytes: int | None
    disk_bytes: int
    does_not_fit: tuple[tuple[Configuration, str], ...]
    cell_seconds: tuple[float | None, ...] = ()


def estimate(
    plan: Plan,
    cells: Sequence[Configuration],
    descriptions: Mapping[str, ModelDescription],
    ceilings: Ceilings | None,
    free_bytes: int,
    speeds: Sequence[Speeds] = (),
) -> Estimate:
    """Estimate a plan from its models' headers, and from what was timed of them on this machine.

    Args:
        plan: the plan.
        cells: its cells (`plan.cells.expand`).
        descriptions: of its models by their label; a model that is missing leaves the figures it touches unknown.
        ceilings: of this machine, None when they were not measured.
        free_bytes: main memory that may be used.
        speeds: what is known of this machine (`known_speeds.known`); the newest come last.
    """
    bandwidth = (ceilings.bandwidth_gb_s if ceilings else None) or ASSUMED_BANDWIDTH_GB_S
    memory_of = cache(lambda label, context: _memory_bytes(descriptions[label], context))
    bytes_of = cache(lambda label, type_k, type_v: _bytes_read(descriptions[label], type_k, type_v))
    timed: list[tuple[float, float] | None] = []
    memory: int | None = None
    too_large = []
    for cell in cells:
        label = str(cell["model"])
        description = descriptions.get(label)
        if description is None:
            timed.append(None)
            continue
        order = specification(plan, cell, Path(description.path), 1)
        needed = memory_of(label, order.context)
        if needed is not None:
            memory = max(memory or 0, needed)
            if needed > free_bytes:
                too_large.append((cell, f"needs {bytes_text(needed)}, {bytes_text(free_bytes)} are free"))
        bytes_read = bytes_of(label, order.context.cache_type_k, order.context.cache_type_v)
        step_s = None if bytes_read is None else STEP_SLOWDOWN * bytes_read / (bandwidth * 1e9)
        basis, spread = _basis(description, order, str(cell["quant"]), step_s, speeds)
        run_seconds = None if basis is None else _run_seconds(basis, order)
        timed.append(None if run_seconds is None else (run_seconds, spread))
    made = {(str(cell["model"]), str(cell["quant"])) for cell in cells if is_made(cell)}
    disk = sum(int(descriptions[model].parameters * 1.2) for model, _ in made if model in descriptions)
    low, middle, high = _sums(timed, plan.trust.repetitions, plan.trust.budget)
    return Estimate(
        runs=len(cells) * plan.trust.repetitions,
        seconds=middle,
        seconds_low=low,
        seconds_high=high,
        memory_bytes=memory,
        disk_bytes=disk,
        does_not_fit=tuple(too_large),
        cell_seconds=tuple(None if each is None else each[0] for each in timed),
    )


def remaining_seconds(
    foretold: Mapping[int, float | None], took: Mapping[int, Sequence[float]], to_come: Iterable[int]
) -> float | None:
    """What the runs to come will take, corrected by those that have ended; None where it cannot be said.

    A cell that has run takes the mean of its own runs. One that has not takes what was foretold of it, times the factor by which
    those that have were foretold wrongly (the median of the cells); without a foretelling the mean of all cells that have run.

    Args:
        foretold: seconds of a run by cell (`Estimate.cell_seconds`).
        took: seconds of each ended run by cell.
        to_come: the cell of each run that is still to come.
    """
    means = {cell: sum(seconds) / len(seconds) for cell, seconds in took.items() if seconds}
    errors = sorted(mean / guess for cell, mean in means.items() if (guess := foretold.get(cell)))
    error = errors[len(errors) // 2] if errors else 1.0
    overall = sum(means.values()) / len(means) if means else None
    total = 0.0
    for cell in to_come:
        guess = foretold.get(cell)
        seconds = means.get(cell, overall if guess is None else guess * error)
        if seconds is None:
            return None
        total += seconds
    return total


def _sums(
    timed: Sequence[tuple[float, float] | None], repetitions: int, budget_s: float | None
) -> tuple[float | None, float | None, float | None]:
    """The least, the likely and the most seconds of all runs; no run starts after the budget."""
    known = [each for each in timed if each is not None]
    if len(known) < len(timed):
        return None, None, None
    most_s = math.inf if budget_s is None else budget_s
    low = sum(seconds / spread for seconds, spread in known) * repetitions
    middle = sum(seconds for seconds, _ in known) * repetitions
    high = sum(seconds * spread for seconds, spread in known) * repetitions
    return min(low, most_s), min(middle, most_s), min(high, most_s)


def _memory_bytes(description: ModelDescription, context: ContextSettings) -> int | None:
    try:
        return predict_context(description, context).total_bytes
    except UnusableArguments:
        return None


def _basis(
    description: ModelDescription, order: RunSpecification, quant: str, step_s: float | None, speeds: Sequence[Speeds]
) -> tuple[Speeds | None, float]:
    """How fast this model will run, and within which factor that is likely right; None where it cannot be said.

    Measured with the same settings, else with the same threads and layers on the GPU, else of the same weights in another
    quantization, else by the rule of thumb, by which a step of one sequence takes `step_s`.
    """
    quantization = description.quantization if quant == AS_IS else quant
    kin = [
        each
        for each in reversed(speeds)
        if (each.architecture, each.parameters, each.kin) == (description.architecture, description.parameters, kin_of(order))
    ]
    same = [each for each in kin if each.quantization == quantization]
    exact = [each for each in same if each.settings == settings_of(order)]
    if exact:
        return exact[0], KNOWN_SPREAD
    if same:
        return same[0], KIN_SPREAD
    if kin:
        tensor_bytes = description.tensor_bytes if quant == AS_IS else _likely_bytes(description, quant) or kin[0].tensor_bytes
        factor = 1 - BYTES_SHARE + BYTES_SHARE * tensor_bytes / kin[0].tensor_bytes
        decode = tuple(replace(step, seconds=step.seconds * factor) for step in kin[0].decode)
        return replace(kin[0], decode=decode), KIN_SPREAD
    return None if step_s is None else _rule_of_thumb(description, order, step_s), SPREAD


def _likely_bytes(description: ModelDescription, quant: str) -> float | None:
    """The parameters in the tensor type that the quantization is named after: "Q4_K" for Q4_K_M; None when none is."""
    words = quant.split("_")
    for count in range(len(words), 0, -1):
        if (named := tensor_type_named("_".join(words[:count]))) is not None:
            return description.parameters * named.block_bytes / named.block_elements
    return None


def _bytes_read(description: ModelDescription, cache_type_k: str, cache_type_v: str) -> int | None:
    """What a step of one sequence reads of the weights; None for a cache type that llama.cpp will refuse."""
    try:
        costs = step_costs(description, cache_type_k, cache_type_v)
    except UnusableArguments:
        return None
    return costs.weight_bytes_per_ubatch + costs.output_bytes_per_ubatch if costs is not None else description.tensor_bytes


def _rule_of_thumb(description: ModelDescription, order: RunSpecification, step_s: float) -> Speeds:
    return Speeds(
        description.architecture,
        description.parameters,
        description.quantization,
        description.tensor_bytes,
        settings_of(order),
        kin_of(order),
        "",
        (StepSpeed(1, 0, step_s), StepSpeed(2, 0, step_s * (1 + SHARED_STEP_GROWTH))),
        step_s / PREFILL_SPEEDUP,
        RUN_OVERHEAD_S,
    )


def _run_seconds(speeds: Speeds, order: RunSpecification) -> float | None:
    """Seconds of one run: those of the class that takes longest, the others going on beside it; None where it cannot be said."""
    load, context = order.load, order.context
    sequences = _sequences(load, context.slots)
    filling_s = load.depth * context.slots * _prefill_s(speeds)
    try:
        longest_s = max(_class_seconds(order, each, speeds, sequences) for each in load.classes)
    except ValueError:  # its requests would never come, or be too many: the run will say so
        return None
    return filling_s + longest_s + (RUN_OVERHEAD_S if speeds.overhead_s is None else speeds.overhead_s)


def _prefill_s(speeds: Speeds) -> float:
    return speeds.decode_s(1, 0) / PREFILL_SPEEDUP if speeds.prefill_s is None else speeds.prefill_s


def _sequences(load: LoadSettings, slots: int) -> int:
    """How many requests are likely answered at a time, all classes together."""
    if load.batching == "sequential":
        return 1
    is_closed = all(each.arrival == "closed" for each in load.classes)
    most = load.static_batch_size if load.batching == "static" else slots
    return min(slots, most, load.users if is_closed else slots)


def _class_seconds(order: RunSpecification, each: RequestClass, speeds: Speeds, sequences: int) -> float:
    """Seconds that a class takes."""
    load = order.load
    prompt_tokens, output_tokens = mean_tokens(each)
    # A conversation's later turns repeat what was said before: on average half of its other turns.
    said_tokens = (each.turns - 1) / 2 * (prompt_tokens + output_tokens)
    kv_tokens = load.depth + said_tokens + prompt_tokens + output_tokens / 2
    # What was said and, in a first turn, what the prompt shares with others lies in the cache.
    read_tokens = prompt_tokens * (1 - each.shared_prefix / each.turns) if load.prefix_cache else prompt_tokens + said_tokens
    requests = requests_of_run(replace(order, load=replace(load, classes=(each,))))
    own = min(sequences, each.users if each.arrival == "closed" else max(1, requests or 1))
    # The step that reads a prompt's end gives the first token; long prompts take more steps, in which the others go on.
    request_s = read_tokens * _prefill_s(speeds) * own + output_tokens * speeds.decode_s(sequences, kv_tokens)
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
