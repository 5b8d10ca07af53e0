"""The command `run`."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from profiler.cli.main import INTERRUPTED
from profiler.cli.output import Json, print_json, standard_error, standard_output
from profiler.cli.plan_options import plan_from_options
from profiler.cli.progress import ProgressDisplay
from profiler.cli.show import summary_table
from profiler.errors import UnusableArguments
from profiler.exchange.summary import summary_document
from profiler.hardware.cpu import default_threads
from profiler.plan.cells import expand, model_labels, varying_axes
from profiler.plan.plan import Plan
from profiler.plan.plan_file import load_plan
from profiler.session.reader import SessionReader
from profiler.sweep.runner import Runner

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
        Path | None, typer.Option(metavar="FILE", help="A plan as TOML; options beside it win.", show_default=False)
    ] = None,
    quant: Annotated[
        str | None, _option("Types to make from the model, as-is for itself" + _LIST, default="as-is", metavar="TYPE")
    ] = None,
    concurrency: Annotated[str | None, _option("Users of a closed loop; offline: slots" + _LIST, default="1,2,4")] = None,
    slots: Annotated[
        str | None,
        _option("Sequences decoded together" + _LIST + "; the allocated context grows with them", default="concurrency"),
    ] = None,
    arrival: Annotated[
        str | None, _option("closed: users who ask again; offline: all at once", default="closed", metavar="HOW")
    ] = None,
    think_time: Annotated[str | None, _option("Seconds between an answer and the next request" + _LIST, default="0")] = None,
    prompt_tokens: Annotated[str | None, _option("Prompt length" + _LIST, default="128")] = None,
    output_tokens: Annotated[str | None, _option("Answer length" + _LIST, default="64")] = None,
    sampling: Annotated[
        str | None, _option("greedy, or none to leave logits unread" + _LIST, default="greedy", metavar="HOW")
    ] = None,
    prefill_chunk: Annotated[
        str | None, _option("Most prompt tokens in a step beside decodes" + _LIST, default="the batch size")
    ] = None,
    requests: Annotated[str | None, _option("Stop after this many requests", default="64 offline")] = None,
    requests_per_user: Annotated[str | None, _option("Stop a user after this many", default="4 in a closed loop")] = None,
    duration: Annotated[str | None, _option("Send nothing after this many seconds")] = None,
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
    mmap: Annotated[str | None, _option("Map the model file, on or off", default="on", metavar="HOW")] = None,
    repetitions: Annotated[str | None, _option("Runs of each cell, interleaved", default="6")] = None,
    seed: Annotated[str | None, _option("Of prompts, order and starts", default="1")] = None,
    budget: Annotated[str | None, _option("Start no run after this many seconds")] = None,
    slo: Annotated[str | None, _option("Limits to meet: ttft_ms.p95<=1000,tpot_ms.p95<=100", metavar="LIMITS")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT when it exists.")] = False,
    json: Json = False,
) -> int:
    """Sweep the product of the axes over the models and keep everything in one session file."""
    if output is None:
        raise UnusableArguments("Say where the session goes: -o NAME.inferometer.")
    if not models and plan is None:
        raise UnusableArguments("Say what to measure: a GGUF file, 'sample', or --plan FILE.")
    options = {
        "quant": quant, "concurrency": concurrency, "slots": slots, "arrival": arrival, "think_time": think_time,
        "prompt_tokens": prompt_tokens, "output_tokens": output_tokens, "sampling": sampling, "prefill_chunk": prefill_chunk,
        "requests": requests, "requests_per_user": requests_per_user, "duration": duration, "threads": threads,
        "threads_batch": threads_batch, "batch_size": batch_size, "ubatch_size": ubatch_size, "ctx_size": ctx_size,
        "n_gpu_layers": n_gpu_layers, "flash_attn": flash_attn, "cache_type_k": cache_type_k, "cache_type_v": cache_type_v,
        "kv_unified": kv_unified, "mmap": mmap, "repetitions": repetitions, "seed": seed, "budget": budget, "slo": slo,
    }  # fmt: skip
    wanted = plan_from_options(models or [], options, load_plan(plan) if plan is not None else Plan())
    return _carry_out(wanted, output, force=force, as_json=json)


def _carry_out(plan: Plan, output: Path, *, force: bool, as_json: bool) -> int:
    cells = expand(plan, model_labels(plan.models.paths), default_threads())
    varying = [axis.name for axis in varying_axes(cells)]
    with ProgressDisplay(standard_error(), varying) as display:
        runner = Runner(plan, output, display.hear, force=force)

        def interrupt(_signal: int, _frame: FrameType | None) -> None:
            runner.stop()

        previous = signal.signal(signal.SIGINT, interrupt)
        try:
            end = runner.run()
        finally:
            signal.signal(signal.SIGINT, previous)
    with SessionReader.open(output) as reader:
        document = summary_document(reader)
    if as_json:
        print_json(document)
    else:
        standard_output().print(summary_table(document))
    if end.fault:
        standard_error().print(f"inferometer: {end.fault}")
        return 1
    if end.stopped:
        return INTERRUPTED
    return 1 if all(cell["status"] == "failed" for cell in document["cells"]) else 0
