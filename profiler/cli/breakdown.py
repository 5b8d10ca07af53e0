"""The command `breakdown`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from profiler.analysis.breakdown import GROUPS, Breakdown
from profiler.analysis.step_breakdown import StepBreakdown
from profiler.cli.output import Json, print_json, printable, standard_output, table
from profiler.cli.work_line import carry_out
from profiler.errors import UnusableArguments
from profiler.hardware.cpu import default_threads
from profiler.sweep.preparation import resolve_model_path
from profiler.sweep.step_look import PROMPT_TOKENS, look_at_model, take_apart
from profiler.units import milliseconds_text, percent_text, significant

MOST_SEQUENCES = 1024
"""Of llama.cpp: LLAMA_MAX_SEQ is 256 in some builds; what a build refuses is told by its own words."""

_TITLES = {
    "input": "input",
    "attention": "attention",
    "kv_write": "KV write",
    "mlp": "MLP",
    "output": "output",
    "sampling": "sampling",
}


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A GGUF file, or 'sample'.")],
    concurrency: Annotated[
        str, typer.Option(metavar="N,…", help="Sequences decoded together, a step for each number.")
    ] = "1,4,8",
    ctx_size: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="Tokens that each slot may hold. [default: what is needed]")
    ] = None,
    prompt_tokens: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Of the prompt whose prefill is looked into too; 0 leaves that out.")
    ] = PROMPT_TOKENS,
    depth: Annotated[int, typer.Option(min=0, max=10_000_000, help="Tokens that every sequence holds already.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="[default: the physical cores]")] = None,
    n_gpu_layers: Annotated[int, typer.Option(min=0, help="Layers on the GPU.")] = 0,
    layers: Annotated[bool, typer.Option("--layers", help="Tell the times of every layer too.")] = False,
    json: Json = False,
) -> None:
    """Tell where the time of a step goes: attention, MLP, KV write, output, sampling, by the number of sequences together."""
    path = resolve_model_path(model)
    look = look_at_model(
        path,
        _counts(concurrency),
        threads or default_threads(),
        ctx_size=ctx_size,
        prompt_tokens=prompt_tokens,
        depth=depth,
        n_gpu_layers=n_gpu_layers,
    )
    found = carry_out(lambda line, cancel: take_apart(look, on_progress=line.hear, cancel=cancel))
    if json:
        print_json(breakdown_document(path, found))
    else:
        _print(found, has_layers=layers)


def breakdown_document(path: Path, found: StepBreakdown) -> dict[str, Any]:
    """The document of `breakdown --json`: times are of a step that nobody looks at, divided as the looked-at one."""
    return {
        "path": str(path),
        "llama_cpp_python": found.library_version,
        "measured_utc": found.measured_utc,
        "context": found.look["context"],
        "doubts": list(found.doubts),
        "steps": [_step(each) for each in found.passes],
    }


def _step(each: Breakdown) -> dict[str, Any]:
    seconds, shares = each.step_seconds, each.shares
    return {
        "kind": each.kind,
        "sequences": each.sequences,
        "tokens": each.tokens,
        "depth": each.depth,
        "step_ms": 1000 * each.step_s,
        "looked_ms": 1000 * each.looked_s,
        "unlooked_ms": 1000 * each.unlooked_s,
        "looking_ratio": each.looking_ratio,
        "groups": {group: {"ms": 1000 * seconds[group], "share": shares[group]} for group in GROUPS},
        "layers": [
            {"layer": layer.layer, **{f"{group}_ms": 1000 * time_s for group, time_s in layer.seconds.items()}}
            for layer in each.layer_step_seconds
        ],
        "operations_looked_ms": {name: 1000 * time_s for name, time_s in each.operations.items()},
    }


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise UnusableArguments(f"--concurrency: '{text[:40]}' is no list of whole numbers such as 1,4,8.") from None
    if not all(1 <= count <= MOST_SEQUENCES for count in counts):
        raise UnusableArguments(f"--concurrency: each number is from 1 to {MOST_SEQUENCES}.")
    return counts


def _print(found: StepBreakdown, *, has_layers: bool) -> None:
    console = standard_output()
    columns = [("step", False), ("whole", True), *((_TITLES[group], True) for group in GROUPS), ("looked at", True)]
    rows = []
    for each in found.passes:
        seconds, shares = each.step_seconds, each.shares
        parts = [f"{milliseconds_text(1000 * seconds[group])} {percent_text(shares[group]):>5}" for group in GROUPS]
        rows.append([_name(each), milliseconds_text(1000 * each.step_s), *parts, f"× {significant(each.looking_ratio, 2)}"])
    console.print(table(columns, rows))
    for each in found.passes if has_layers else ():
        console.print()
        console.print(f"{_name(each)}, by layer")
        groups = [group for group in GROUPS if any(group in layer.seconds for layer in each.layers)]
        console.print(
            table(
                [("layer", True), *((_TITLES[group], True) for group in groups)],
                [
                    [str(layer.layer), *(milliseconds_text(1000 * layer.seconds.get(group, 0.0)) for group in groups)]
                    for layer in each.layer_step_seconds
                ],
            )
        )
    console.print(
        "Looked at operation by operation a step takes longer, as the last column tells. The times are those of a step as it "
        "runs otherwise,\ndivided in the same proportions: an estimate, least sure for the smallest parts."
    )
    for doubt in found.doubts:
        console.print(printable(f"▲ {doubt}"))


def _name(each: Breakdown) -> str:
    held = f" after {each.depth}" if each.depth else ""
    if each.kind == "prefill":
        return f"prefill of {each.tokens} tokens{held}"
    return f"decode of {each.sequences}{held}"
