"""The command `inspect`."""

from typing import Annotated, Any

import typer

from profiler.child.engine_child import EngineChild
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output
from profiler.hardware import ceilings, cpu
from profiler.hardware.main_memory import available_bytes
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.footprint import Footprint, fits, predict
from profiler.models import kernel_speeds
from profiler.models.quantization_sizes import library_types
from profiler.models.speed_prediction import StepPrediction, predicted_step
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
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure this machine's kernels for the model's types first (seconds, once).")
    ] = False,
    json: Json = False,
) -> None:
    """Tell what a model file holds, the memory it will take and how fast it will likely be, from its header alone."""
    description = describe(resolve_model_path(model))
    threads = cpu.default_threads()
    if calibrate:
        with EngineChild() as child:
            version = library_types(child).library_version
            types = [name.lower() if name[0] != "Q" else name.replace("Q", "q", 1) for name in description.type_mix]
            report = standard_error().print
            kernel_speeds.measure(types, version, threads, child=child, on_progress=lambda sentence, _: report(sentence))
    ceiling = ceilings.cached()
    prediction = predicted_step(
        description,
        kernel_speeds.newest(threads),
        ceiling.bandwidth_gb_s if ceiling is not None else None,
        tokens=slots,
        cache_bytes=cpu.read().last_level_cache_bytes,
    )
    footprint = predict(
        description,
        ctx_size=ctx_size,
        slots=slots,
        cache_type_k=cache_type_k,
        cache_type_v=cache_type_v,
        ubatch_size=ubatch_size,
    )
    if json:
        print_json(inspection(description, footprint, prediction, slots))
        return
    console = standard_output()
    for line in _lines(description, footprint, prediction, ctx_size, slots):
        console.print(printable(line))


def inspection(
    description: ModelDescription, footprint: Footprint, prediction: StepPrediction | None, slots: int
) -> dict[str, Any]:
    """The document of `inspect --json`; `decode_tok_s` is null where only bounds are known, or nothing."""
    likely = prediction.seconds if prediction is not None else None
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
            "decode_tok_s": None if likely is None else slots / likely,
            "decode_tok_s_low": None if prediction is None else slots / prediction.high_seconds,
            "decode_tok_s_high": None if prediction is None else slots / prediction.low_seconds,
            "decode_method": None if prediction is None else prediction.method,
        },
    }


def _lines(
    description: ModelDescription, footprint: Footprint, prediction: StepPrediction | None, ctx_size: int, slots: int
) -> list[str]:
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
        f"Decode speed  {_speed_words(prediction, slots)}",
    ]


def _speed_words(prediction: StepPrediction | None, slots: int) -> str:
    if prediction is None:
        return f"{NOT_AVAILABLE} until it has been measured"
    low, high = significant(slots / prediction.high_seconds, 2), significant(slots / prediction.low_seconds, 2)
    whose = "" if slots == 1 else f" for {slots} sequences together"
    if prediction.seconds is None:
        return f"between {low} and {high} tok/s{whose}, from {prediction.method}; --calibrate tells more"
    return f"about {significant(slots / prediction.seconds, 2)} tok/s{whose} ({low} to {high}), from {prediction.method}"
