"""The command `inspect`."""

from typing import Annotated, Any

import typer

from profiler.cli.output import Json, print_json, printable, standard_output
from profiler.hardware.main_memory import available_bytes
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.footprint import Footprint, fits, predict
from profiler.sweep.preparation import resolve_model_path
from profiler.units import NOT_AVAILABLE, bytes_text, count_text, significant

DEFAULT_CTX_SIZE = 4096


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A GGUF file, or 'sample'.")],
    ctx_size: Annotated[int, typer.Option(min=1, max=10_000_000, help="Tokens that each slot may hold.")] = DEFAULT_CTX_SIZE,
    slots: Annotated[int, typer.Option(min=1, max=100_000, help="Sequences decoded together.")] = 1,
    cache_type_k: Annotated[str, typer.Option(help="Type of the K cache.")] = "f16",
    cache_type_v: Annotated[str, typer.Option(help="Type of the V cache.")] = "f16",
    ubatch_size: Annotated[int, typer.Option(min=1, max=1_000_000, help="Tokens in a pass over the weights.")] = 512,
    json: Json = False,
) -> None:
    """Tell what a model file holds and the memory it will take, from its header alone."""
    description = describe(resolve_model_path(model))
    footprint = predict(
        description,
        ctx_size=ctx_size,
        slots=slots,
        cache_type_k=cache_type_k,
        cache_type_v=cache_type_v,
        ubatch_size=ubatch_size,
    )
    if json:
        print_json(inspection(description, footprint))
        return
    console = standard_output()
    for line in _lines(description, footprint, ctx_size, slots):
        console.print(printable(line))


def inspection(description: ModelDescription, footprint: Footprint) -> dict[str, Any]:
    """The document of `inspect --json`; the decode speed is not predicted yet and so null."""
    return {
        "name": description.name,
        "path": str(description.path),
        "architecture": description.architecture,
        "parameters": description.parameters,
        "quantization": description.quantization,
        "file_bytes": description.file_bytes,
        "bits_per_weight": description.bits_per_weight,
        "context_train": description.context_train,
        "types": {name: {"tensors": share.tensors, "bytes": share.bytes} for name, share in description.type_mix.items()},
        "predicted": {
            "weights_bytes": footprint.weights_bytes,
            "kv_bytes": footprint.kv_bytes,
            "compute_bytes": footprint.compute_bytes,
            "total_bytes": footprint.total_bytes,
            "fits": fits(footprint, available_bytes()),
            "decode_tok_s": None,
        },
    }


def _lines(description: ModelDescription, footprint: Footprint, ctx_size: int, slots: int) -> list[str]:
    context = "unknown" if description.context_train is None else f"{description.context_train} tokens"
    answer = {True: "✓ fits in the memory that is free now", False: "✕ does not fit in the memory that is free now", None: ""}
    mix = ", ".join(f"{name} {share.tensors} ({bytes_text(share.bytes)})" for name, share in description.type_mix.items())
    return [
        f"{description.name} · {description.architecture} · {count_text(description.parameters)} parameters",
        f"File          {bytes_text(description.file_bytes)} · {description.quantization} · "
        f"{significant(description.bits_per_weight)} bits per weight",
        f"Tensors       {mix}",
        f"Trained for   a context of {context}",
        f"Weights       {bytes_text(footprint.weights_bytes)}",
        f"KV cache      {bytes_text(footprint.kv_bytes)} for {slots} × {ctx_size} tokens",
        f"Buffers       {bytes_text(footprint.compute_bytes)} (estimate)",
        f"Together      {bytes_text(footprint.total_bytes)}  {answer[fits(footprint, available_bytes())]}",
        f"Decode speed  {NOT_AVAILABLE} until it has been measured",
    ]
