"""From a cell to the specification of one run: the plain, fully resolved values that the engine child gets."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from profiler.plan.plan import Load, Plan, RequestMix, read_tensor_split
from profiler.plan.recorded_load import recorded_load
from profiler.records.axis import AxisValue, Configuration
from profiler.records.specification import (
    OPEN_LOOP,
    ContextSettings,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
    TraceSettings,
)
from profiler.scheduling.lengths import parse_length
from profiler.scheduling.open_loop import DEFAULT_DURATION_S, horizon_s_of, rate_s_at
from profiler.scheduling.trace import Trace

DEFAULT_REQUESTS_PER_USER = 4
DEFAULT_OFFLINE_REQUESTS = 64
CACHED_SEQUENCES = 64
"""Ended requests whose beginnings a prefix cache may keep; each costs a row of logits in memory, and nothing in a step."""


def specification(plan: Plan, cell: Configuration, model_path: Path, repetition: int) -> RunSpecification:
    """What the engine child gets for one repetition of a cell; each repetition has prompts and arrivals of its own.

    Raises:
        UnusableArguments, BadFile, EnvironmentFault: the trace that the plan replays cannot be read.
    """
    load = plan.load
    has_cache = cell["prefix_cache"] == "on"
    split = cell["tensor_split"]
    return RunSpecification(
        ModelSettings(
            str(model_path),
            whole(cell, "n_gpu_layers"),
            cell["mmap"] == "on",
            cell["split_mode"],  # type: ignore[arg-type]  # the plan holds only these values
            read_tensor_split(str(split)) if split else (),
            whole(cell, "main_gpu"),
            repack=cell["repack"] == "on",
            no_host=cell["no_host"] == "on",
        ),
        ContextSettings(
            slots=whole(cell, "slots"),
            ctx_size=whole(cell, "ctx_size"),
            batch_size=whole(cell, "batch_size"),
            ubatch_size=whole(cell, "ubatch_size"),
            threads=whole(cell, "threads"),
            threads_batch=whole(cell, "threads_batch"),
            flash_attn=cell["flash_attn"],  # type: ignore[arg-type]  # the plan holds only these values
            cache_type_k=str(cell["cache_type_k"]),
            cache_type_v=str(cell["cache_type_v"]),
            kv_unified=cell["kv_unified"] == "on",
            op_offload=cell["op_offload"] == "on",
            kv_offload=cell["kv_offload"] == "on",
            cached_sequences=CACHED_SEQUENCES if has_cache else 0,
        ),
        LoadSettings(
            classes=request_classes(load, cell),
            batching=cell["batching"],  # type: ignore[arg-type]  # the plan holds only these values
            static_batch_size=whole(cell, "static_batch_size", 1),
            static_wait_s=_real(cell, "static_wait_ms", 0.0) / 1000,
            prefill_chunk=whole(cell, "prefill_chunk", cell["batch_size"]),
            priority=cell["priority"] or "decode",  # type: ignore[arg-type]  # likewise
            queue_limit=load.queue_limit,
            timeout_s=load.timeout,
            prefix_cache=has_cache,
            depth=whole(cell, "depth"),
            sampling=cell["sampling"],  # type: ignore[arg-type]  # likewise
            seed=plan.trust.seed * 1_000_003 + repetition,
        ),
    )


def request_classes(load: Load, cell: Configuration) -> tuple[RequestClass, ...]:
    """The classes of a cell's requests: one from the cell's axes, or the plan's own mix."""
    if load.classes is not None:
        return tuple(_class_of_mix(each, load) for each in load.classes)
    arrival = str(cell["arrival"])
    is_closed, is_open = arrival == "closed", arrival in OPEN_LOOP
    turns = whole(cell, "turns", 1)
    requests, per_user, duration = load.requests, load.requests_per_user if is_closed else None, load.duration
    if is_closed and requests is None and per_user is None and duration is None:
        per_user = -(-DEFAULT_REQUESTS_PER_USER // turns) * turns
    if arrival == "offline" and requests is None:
        requests = DEFAULT_OFFLINE_REQUESTS
    return (
        RequestClass(
            arrival=arrival,  # type: ignore[arg-type]  # the plan holds only these values
            users=whole(cell, "concurrency") if is_closed else 0,
            think_time_s=_real(cell, "think_time", 0.0),
            prompt_tokens=str(cell["prompt_tokens"]),
            output_tokens=str(cell["output_tokens"]),
            rate_s=None if cell["rate"] is None else _real(cell, "rate", 0.0),
            rate_to_s=load.rate_to if is_open else None,
            burstiness=_real(cell, "burstiness", 1.0),
            burst_on_s=load.burst_on,
            burst_off_s=load.burst_off,
            spike_at_s=load.spike_at,
            spike_for_s=load.spike_for,
            trace=_trace(load, requests) if arrival == "trace" else None,
            shared_prefix=_real(cell, "shared_prefix", 0.0),
            prefixes=whole(cell, "prefixes", 1),
            turns=turns,
            requests=requests,
            requests_per_user=per_user,
            duration_s=duration if not is_open or requests or duration or arrival == "trace" else DEFAULT_DURATION_S,
        ),
    )


def _class_of_mix(each: RequestMix, load: Load) -> RequestClass:
    is_closed, is_open = each.arrival == "closed", each.arrival in OPEN_LOOP
    requests, per_user, duration = each.requests, each.requests_per_user, each.duration or load.duration
    if is_closed and requests is None and per_user is None and duration is None:
        per_user = -(-DEFAULT_REQUESTS_PER_USER // each.turns) * each.turns
    if each.arrival == "offline" and requests is None:
        requests = DEFAULT_OFFLINE_REQUESTS
    if is_open and requests is None and duration is None and each.arrival != "trace":
        duration = each.start + DEFAULT_DURATION_S
    return RequestClass(
        name=each.name,
        arrival=each.arrival,
        users=each.users if is_closed else 0,
        think_time_s=each.think_time,
        prompt_tokens=str(each.prompt_tokens),
        output_tokens=str(each.output_tokens),
        rate_s=each.rate if is_open else None,
        rate_to_s=each.rate_to,
        burstiness=each.burstiness,
        burst_on_s=each.burst_on,
        burst_off_s=each.burst_off,
        spike_at_s=each.spike_at,
        spike_for_s=each.spike_for,
        trace=_trace(each, requests) if each.arrival == "trace" else None,
        shared_prefix=each.shared_prefix,
        prefixes=each.prefixes,
        turns=each.turns,
        requests=requests,
        requests_per_user=per_user if is_closed else None,
        duration_s=duration,
        start_s=each.start,
        slo=each.slo,
    )


def _trace(load: Load | RequestMix, rows: int | None) -> TraceSettings:
    assert load.trace is not None  # the plan was checked
    return recorded_load(load.trace, load.trace_columns, load.time_scale, rows)[0]


def shortened(order: RunSpecification, share: float) -> RunSpecification:
    """A run of so much of the load: fewer requests, a shorter time; at least one request of each user."""

    def part(count: int | None) -> int | None:
        return None if count is None else max(1, math.ceil(count * share))

    classes = tuple(
        replace(
            each,
            requests=None if each.requests is None else max(each.users, math.ceil(each.requests * share), 1),
            requests_per_user=part(each.requests_per_user),
            duration_s=None if each.duration_s is None else each.duration_s * share,
        )
        for each in order.load.classes
    )
    return replace(order, load=replace(order.load, classes=classes))


def longest_request(each: RequestClass) -> int:
    """Tokens that the longest request of a class may come to hold: all that was said in its conversation, and its answer."""
    prompt, output = parse_length(each.prompt_tokens), parse_length(each.output_tokens)
    if prompt.longest is not None and output.longest is not None:
        return each.turns * (prompt.longest + output.longest)
    assert each.trace is not None
    trace = _recorded(each.trace)
    prompts = trace.prompt_tokens if prompt.longest is None else np.array([prompt.longest])
    outputs = trace.output_tokens if output.longest is None else np.array([output.longest])
    return int((prompts.astype(np.int64) + outputs).max())


def mean_tokens(each: RequestClass) -> tuple[float, float]:
    """Mean tokens of a class's prompts (in a conversation: that a turn adds) and answers."""
    means = []
    for text, name in ((each.prompt_tokens, "prompt_tokens"), (each.output_tokens, "output_tokens")):
        mean = parse_length(text).mean
        if mean is None:
            assert each.trace is not None
            mean = float(getattr(_recorded(each.trace), name).mean())
        means.append(mean)
    return means[0], means[1]


def _recorded(settings: TraceSettings) -> Trace:
    columns = None if settings.columns is None else ",".join(settings.columns)
    return recorded_load(settings.path, columns, settings.time_scale, settings.rows)[1]


def requests_of_run(specification: RunSpecification) -> int | None:
    """How many requests a run will have, about so many where a rate makes them; None when only time ends it."""
    counts = [_requests_of(each) for each in specification.load.classes]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _requests_of(each: RequestClass) -> int | None:
    limits = [] if each.requests is None else [each.requests]
    if each.requests_per_user is not None:
        limits.append(each.requests_per_user * each.users)
    if each.arrival == "trace":
        assert each.trace is not None
        due_s = _recorded(each.trace).times_s * each.trace.time_scale + each.start_s
        limits.append(int(np.count_nonzero(due_s < (each.duration_s or np.inf))))
    elif each.arrival in OPEN_LOOP and (each.duration_s is not None or not limits):
        horizon_s = horizon_s_of(each)
        times_s = np.linspace(0.0, horizon_s, 1001)
        limits.append(round(float(np.trapezoid(rate_s_at(each, times_s, horizon_s), times_s)) * each.turns))
    return min(limits, default=None)


def whole(cell: Configuration, name: str, default: AxisValue = None) -> int:
    """A cell's whole number on an axis, the default where the axis does not apply."""
    value = cell[name] if cell[name] is not None else default
    assert isinstance(value, int)
    return value


def _real(cell: Configuration, name: str, default: float) -> float:
    value = cell[name]
    return default if value is None else float(value)
