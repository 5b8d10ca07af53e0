"""The command `run`."""

import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from profiler.cli.main import INTERRUPTED
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output
from profiler.cli.plan_options import plan_from_options
from profiler.cli.progress import ProgressDisplay
from profiler.cli.show import print_energy, search_sentences, summary_table
from profiler.errors import UnusableArguments
from profiler.exchange.session_document import session_document
from profiler.hardware.cpu import default_threads
from profiler.plan.cells import expand, varying_axes
from profiler.plan.plan import Plan
from profiler.plan.plan_file import load_plan
from profiler.plan.sample_plans import sample_plans
from profiler.plan.use_case import BY_NAME
from profiler.session.reader import SessionReader
from profiler.sweep.events import SweepEvent
from profiler.sweep.preparation import choices_of
from profiler.sweep.runner import Runner
from profiler.sweep.search.problem import Arms

_LIST = "; a list by commas is an axis"


def _option(help_text: str, *, default: str | None = None, metavar: str = "N") -> typer.models.OptionInfo:
    told = f"{help_text} [default: {default}]" if default else help_text
    return typer.Option(help=told, metavar=metavar)  # type: ignore[no-any-return]


def command(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL…", help="GGUF files; 'sample' is the sample model.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="The session file to write.", show_default=False)
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A plan as TOML, or a sample plan by its name; options beside it win.", show_default=False
        ),
    ] = None,
    quant: Annotated[
        str | None, _option("Types to make from the model, as-is for itself" + _LIST, default="as-is", metavar="TYPE")
    ] = None,
    concurrency: Annotated[str | None, _option("Users of a closed loop; offline: slots" + _LIST, default="1,2,4")] = None,
    slots: Annotated[
        str | None,
        _option(
            "Sequences decoded together" + _LIST + "; the allocated context grows with them",
            default="concurrency; 8 in an open loop",
        ),
    ] = None,
    arrival: Annotated[
        str | None,
        _option(
            "closed: users who ask again; offline: all at once; by a clock: constant, poisson, gamma, burst, spike, ramp, trace"
            + _LIST,
            default="closed",
            metavar="HOW",
        ),
    ] = None,
    rate: Annotated[str | None, _option("Requests a second of an open loop" + _LIST)] = None,
    rate_to: Annotated[str | None, _option("The other rate: of a ramp's end, a spike, a burst")] = None,
    burstiness: Annotated[
        str | None, _option("Shape of gamma's gaps: 1 is Poisson, less comes in clumps" + _LIST, default="1")
    ] = None,
    burst_on: Annotated[str | None, _option("Seconds of a burst")] = None,
    burst_off: Annotated[
        str | None, _option("Seconds between bursts, at --rate when --rate-to is given, else without requests")
    ] = None,
    spike_at: Annotated[str | None, _option("When a spike begins, in seconds")] = None,
    spike_for: Annotated[str | None, _option("How long it lasts, in seconds")] = None,
    trace: Annotated[
        str | None,
        _option(
            "What --arrival trace replays: Mooncake JSONL, Azure or BurstGPT CSV, or any with --trace-columns", metavar="FILE"
        ),
    ] = None,
    trace_columns: Annotated[
        str | None, _option("Its columns of time in seconds, prompt and answer tokens", metavar="T,P,O")
    ] = None,
    time_scale: Annotated[str | None, _option("The trace's clock runs so many times slower", default="1")] = None,
    queue_limit: Annotated[str | None, _option("A request that finds so many waiting is refused")] = None,
    timeout: Annotated[str | None, _option("Seconds after which a request is given up")] = None,
    think_time: Annotated[str | None, _option("Seconds between an answer and the next request" + _LIST, default="0")] = None,
    prompt_tokens: Annotated[
        str | None,
        _option(
            "Prompt length: 128, uniform:64:256, normal:128:32, lognormal:128:0.5 or trace" + _LIST,
            default="128",
            metavar="LENGTH",
        ),
    ] = None,
    output_tokens: Annotated[str | None, _option("Answer length, likewise" + _LIST, default="64", metavar="LENGTH")] = None,
    shared_prefix: Annotated[
        str | None, _option("Share of a prompt that others begin with, too, 0 to 1" + _LIST, default="0", metavar="SHARE")
    ] = None,
    prefixes: Annotated[str | None, _option("How many such beginnings there are" + _LIST, default="1")] = None,
    turns: Annotated[str | None, _option("Requests of a conversation, each repeating it" + _LIST, default="1")] = None,
    prefix_cache: Annotated[
        str | None, _option("on keeps beginnings of prompts in the KV cache" + _LIST, default="off", metavar="HOW")
    ] = None,
    batching: Annotated[
        str | None, _option("continuous, static or sequential" + _LIST, default="continuous", metavar="HOW")
    ] = None,
    static_batch_size: Annotated[str | None, _option("Requests that a static batch collects" + _LIST, default="8")] = None,
    static_wait_ms: Annotated[
        str | None, _option("The longest that it waits for them" + _LIST, default="50", metavar="MS")
    ] = None,
    sampling: Annotated[
        str | None, _option("greedy, or none to leave logits unread" + _LIST, default="greedy", metavar="HOW")
    ] = None,
    prefill_chunk: Annotated[
        str | None, _option("Most prompt tokens in a step beside decodes" + _LIST, default="the batch size")
    ] = None,
    priority: Annotated[
        str | None, _option("What waits for the other: decode or prefill comes first" + _LIST, default="decode", metavar="WHAT")
    ] = None,
    depth: Annotated[str | None, _option("Tokens that every slot holds before the measurement" + _LIST, default="0")] = None,
    requests: Annotated[str | None, _option("Stop after this many requests", default="64 offline")] = None,
    requests_per_user: Annotated[str | None, _option("Stop a user after this many", default="4 in a closed loop")] = None,
    duration: Annotated[str | None, _option("Send nothing after this many seconds", default="30 in an open loop")] = None,
    threads: Annotated[str | None, _option("Threads for decoding" + _LIST, default="physical cores")] = None,
    threads_batch: Annotated[str | None, _option("Threads for prefill" + _LIST, default="threads")] = None,
    batch_size: Annotated[str | None, _option("Tokens in a decode call" + _LIST, default="512")] = None,
    ubatch_size: Annotated[str | None, _option("Tokens in a pass over the weights" + _LIST, default="512")] = None,
    ctx_size: Annotated[
        str | None, _option("Tokens that each slot may hold" + _LIST, default="what a request needs, in 256s")
    ] = None,
    n_gpu_layers: Annotated[str | None, _option("Layers on the GPU" + _LIST, default="all where there is one")] = None,
    flash_attn: Annotated[str | None, _option("auto, on or off" + _LIST, default="auto", metavar="HOW")] = None,
    cache_type_k: Annotated[str | None, _option("Type of the K cache" + _LIST, default="f16", metavar="TYPE")] = None,
    cache_type_v: Annotated[str | None, _option("Type of the V cache" + _LIST, default="f16", metavar="TYPE")] = None,
    kv_unified: Annotated[
        str | None, _option("One KV buffer for all slots, on or off" + _LIST, default="on", metavar="HOW")
    ] = None,
    mmap: Annotated[str | None, _option("Map the model file, on or off" + _LIST, default="on", metavar="HOW")] = None,
    op_offload: Annotated[
        str | None,
        _option("Large operations on tensors in main memory go to a GPU, on or off" + _LIST, default="on", metavar="HOW"),
    ] = None,
    kv_offload: Annotated[
        str | None, _option("The KV cache goes to a GPU, on or off" + _LIST, default="on", metavar="HOW")
    ] = None,
    repack: Annotated[
        str | None, _option("Lay weights out anew for this processor, on or off" + _LIST, default="on", metavar="HOW")
    ] = None,
    no_host: Annotated[
        str | None, _option("Keep weights out of a GPU's pinned host memory, on or off" + _LIST, default="off", metavar="HOW")
    ] = None,
    split_mode: Annotated[
        str | None, _option("How GPUs share a model: none, layer or row" + _LIST, default="layer", metavar="HOW")
    ] = None,
    tensor_split: Annotated[
        str | None, _option("A part for each GPU, as 3/1" + _LIST, default="llama.cpp's own", metavar="PARTS")
    ] = None,
    main_gpu: Annotated[str | None, _option("The GPU of --split-mode none" + _LIST, default="0")] = None,
    imatrix: Annotated[str | None, _option("An importance matrix to make the quantizations with", metavar="FILE")] = None,
    quality_tokens: Annotated[
        str | None, _option("Score so many tokens of a text with each model", default="only what is known already is told")
    ] = None,
    quality_text: Annotated[str | None, _option("That text", default="the one that ships", metavar="FILE")] = None,
    search: Annotated[
        bool,
        typer.Option("--search", help="Look for the best between the ends of --concurrency or --rate; measures fewer cells."),
    ] = False,
    repetitions: Annotated[str | None, _option("Runs of each cell, interleaved", default="6")] = None,
    target_percent: Annotated[
        str | None, _option("A cell with six runs stops when half of its interval is within so many percent", default="2")
    ] = None,
    most_repetitions: Annotated[
        str | None, _option("With --budget, runs that a cell on which the answer hangs may get", default="30")
    ] = None,
    seed: Annotated[str | None, _option("Of prompts, order and starts", default="1")] = None,
    budget: Annotated[str | None, _option("Start no run after this many seconds")] = None,
    slo: Annotated[str | None, _option("Limits to meet: ttft_ms.p95<=1000,tpot_ms.p95<=100", metavar="LIMITS")] = None,
    use_case: Annotated[
        str | None, _option(f"A need with its limits and load: {', '.join(BY_NAME)}; options beside it win", metavar="NAME")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT when it exists.")] = False,
    json: Json = False,
) -> int:
    """Sweep the product of the axes over the models and keep everything in one session file."""
    if output is None:
        raise UnusableArguments("Say where the session goes: -o NAME.inferometer.")
    if not models and plan is None:
        raise UnusableArguments("Say what to measure: a GGUF file, 'sample', or --plan FILE.")
    options = {
        "quant": quant, "concurrency": concurrency, "slots": slots, "arrival": arrival, "rate": rate,
        "rate_to": rate_to, "burstiness": burstiness, "burst_on": burst_on, "burst_off": burst_off,
        "spike_at": spike_at, "spike_for": spike_for, "trace": trace, "trace_columns": trace_columns,
        "time_scale": time_scale, "queue_limit": queue_limit, "timeout": timeout, "think_time": think_time,
        "prompt_tokens": prompt_tokens, "output_tokens": output_tokens, "shared_prefix": shared_prefix,
        "prefixes": prefixes, "turns": turns, "prefix_cache": prefix_cache, "batching": batching,
        "static_batch_size": static_batch_size, "static_wait_ms": static_wait_ms, "sampling": sampling,
        "prefill_chunk": prefill_chunk, "priority": priority, "depth": depth, "requests": requests,
        "requests_per_user": requests_per_user, "duration": duration, "threads": threads,
        "threads_batch": threads_batch, "batch_size": batch_size, "ubatch_size": ubatch_size, "ctx_size": ctx_size,
        "n_gpu_layers": n_gpu_layers, "flash_attn": flash_attn, "cache_type_k": cache_type_k,
        "cache_type_v": cache_type_v, "kv_unified": kv_unified, "mmap": mmap, "op_offload": op_offload,
        "kv_offload": kv_offload, "repack": repack, "no_host": no_host,
        "split_mode": split_mode, "tensor_split": tensor_split, "main_gpu": main_gpu, "repetitions": repetitions,
        "imatrix": imatrix, "quality_tokens": quality_tokens, "quality_text": quality_text, "search": "on" if search else None,
        "target_percent": target_percent, "most_repetitions": most_repetitions,
        "seed": seed, "budget": budget, "slo": slo, "use_case": use_case,
    }  # fmt: skip
    wanted = plan_from_options(models or [], options, _plan_of(plan) if plan is not None else Plan())
    varying = _varying(wanted)
    return carry_out(lambda hear: Runner(wanted, output, hear, force=force), output, varying, as_json=json)


def _plan_of(file: Path) -> Plan:
    """The plan in a file, or the sample plan of that name."""
    samples = {sample.name: sample.plan for sample in sample_plans()}
    return samples[str(file)] if str(file) in samples and not file.exists() else load_plan(file)


def _varying(plan: Plan) -> list[str]:
    """The axes that tell the sweep's cells apart, for its progress. Raises UnusableArguments when the plan makes no sense."""
    choices, threads = [(choice.label, choice.quant) for choice in choices_of(plan)], default_threads()
    if not plan.search.enabled:
        return [axis.name for axis in varying_axes(expand(plan, None, threads, choices=choices))]
    arms = Arms(plan, choices, threads, has_gpu=False)
    cells = [arms.configuration(arm, place) for arm in range(arms.count) for place in {0, len(arms.ladder) - 1}]
    return [axis.name for axis in varying_axes(cells)]


def carry_out(
    make_runner: Callable[[Callable[[SweepEvent], None]], Runner], output: Path, varying: list[str], *, as_json: bool
) -> int:
    """Carry a sweep out, with its progress on standard error and what it found on standard output; returns the exit status.

    Args:
        make_runner: makes the sweep for a subscriber.
        output: its session file.
        varying: the axes that tell its cells apart.
        as_json: a document instead of tables.
    """
    with ProgressDisplay(standard_error(), varying) as display:
        runner = make_runner(display.hear)

        def interrupt(_signal: int, _frame: FrameType | None) -> None:
            runner.stop()

        previous = signal.signal(signal.SIGINT, interrupt)
        try:
            end = runner.run()
        finally:
            signal.signal(signal.SIGINT, previous)
    document = print_session(output, as_json=as_json)
    if end.fault:
        standard_error().print(f"inferometer: {end.fault}")
        return 1
    if end.stopped:
        return INTERRUPTED
    return 1 if all(cell["status"] == "failed" for cell in document["cells"]) else 0


def print_session(output: Path, *, as_json: bool) -> dict[str, Any]:
    """Print what a session found; returns its document."""
    with SessionReader.open(output) as reader:
        document = session_document(reader)
    if as_json:
        print_json(document)
    else:
        standard_output().print(summary_table(document))
        print_energy(standard_output(), document)
        for sentence in search_sentences(document):
            standard_output().print(printable(sentence))
    return document
