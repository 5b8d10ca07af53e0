"""The command `inspect`."""

from functools import partial
from typing import Annotated, Any

import typer

from profiler.child.engine_child import EngineChild
from profiler.cli.output import Json, print_json, printable, standard_error, standard_output
from profiler.hardware import cpu
from profiler.hardware.main_memory import available_bytes
from profiler.hardware.memory_speed import kept_memory_speed
from profiler.hardware.sources import nvml
from profiler.modelfile.description import ModelDescription, describe
from profiler.modelfile.footprint import Footprint, predict
from profiler.modelfile.offload import CacheSettings, most_gpu_layers
from profiler.models import kernel_speeds
from profiler.models.fit import Fit, FreeMemory, Processor, fit
from profiler.models.machine_prediction import predict_speed, types_to_measure
from profiler.models.quantization_sizes import library_types
from profiler.models.speed_prediction import StepPrediction
from profiler.sweep.preparation import resolve_model_path
from profiler.units import NOT_AVAILABLE, bytes_text, count_text, significant

DEFAULT_CTX_SIZE = 4096
PROMPT_TOKENS = 512
"""Of the prompt whose speed is told."""


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
            report = standard_error().print
            kernel_speeds.calibrate(
                types_to_measure(description), version, threads, child=child, on_progress=lambda sentence, _: report(sentence)
            )
    predicted = partial(
        predict_speed, description, kept_memory_speed(), threads=threads, cache_type_k=cache_type_k, cache_type_v=cache_type_v
    )
    prediction, prefill = (
        predicted(tokens=slots, context_tokens=ctx_size // 2),
        predicted(tokens=min(PROMPT_TOKENS, ctx_size), is_prefill=True),
    )
    footprint = predict(
        description,
        ctx_size=ctx_size,
        slots=slots,
        cache_type_k=cache_type_k,
        cache_type_v=cache_type_v,
        ubatch_size=ubatch_size,
    )
    settings = CacheSettings(
        ctx_size=ctx_size, slots=slots, cache_type_k=cache_type_k, cache_type_v=cache_type_v, ubatch_size=ubatch_size
    )
    gpus = tuple(device.vram_free_bytes for device in nvml.devices() if device.vram_free_bytes is not None)
    processor = Processor(cpu.read().instruction_sets)
    fitted = fit(description, settings, FreeMemory(available_bytes()), processor, users=(slots,))
    gpu_layers = most_gpu_layers(description, settings, gpus) if gpus else None
    if json:
        print_json(inspection(description, footprint, prediction, prefill, fitted, gpu_layers))
        return
    console = standard_output()
    for line in _lines(description, footprint, prediction, prefill, ctx_size, slots):
        console.print(printable(line))
    for line in _fit_lines(fitted, gpu_layers, ctx_size, slots):
        console.print(printable(line))


def inspection(
    description: ModelDescription,
    footprint: Footprint,
    decode: StepPrediction | None,
    prefill: StepPrediction | None,
    fitted: Fit,
    gpu_layers: int | None,
) -> dict[str, Any]:
    """The document of `inspect --json`; `decode_tok_s` is null where only bounds are known, or nothing."""
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
            "repacked_bytes": fitted.devices[0].repacked.copy_bytes,
            "needed_bytes": fitted.needed_bytes,
            "fits": fitted.is_enough,
            "largest_ctx_size": next(iter(fitted.largest_ctx_sizes.values())),
            "most_users": fitted.most_users,
            "gpu_layers": gpu_layers,
            **_speed_document("decode", decode),
            **_speed_document("prefill", prefill),
        },
    }


def _speed_document(kind: str, prediction: StepPrediction | None) -> dict[str, Any]:
    return {
        f"{kind}_tok_s": None if prediction is None else prediction.tok_s,
        f"{kind}_tok_s_low": None if prediction is None else prediction.tok_s_low,
        f"{kind}_tok_s_high": None if prediction is None else prediction.tok_s_high,
        f"{kind}_method": None if prediction is None else prediction.method,
    }


def _lines(
    description: ModelDescription,
    footprint: Footprint,
    decode: StepPrediction | None,
    prefill: StepPrediction | None,
    ctx_size: int,
    slots: int,
) -> list[str]:
    context = "unknown" if description.context_train is None else f"{description.context_train} tokens"
    mix = ", ".join(f"{name} {share.tensors} ({bytes_text(share.bytes)})" for name, share in description.type_mix.items())
    together = "" if slots == 1 else f" for {slots} sequences together,"
    return [
        f"{description.name} · {description.architecture} · {count_text(description.parameters)} parameters",
        f"File          {bytes_text(description.file_bytes)} · {description.quantization} · "
        f"{significant(description.bits_per_weight)} bits per weight",
        f"Tensors       {mix}",
        f"Trained for   a context of {context}",
        f"Weights       {bytes_text(footprint.weights_bytes)}",
        f"KV cache      {bytes_text(footprint.kv_bytes)} for {slots} × {ctx_size} tokens",
        f"Buffers       {bytes_text(footprint.compute_bytes)} (estimate)",
        f"Together      {bytes_text(footprint.total_bytes)}",
        f"Decode speed  {_speed_words(decode, f'{together} with {ctx_size // 2} tokens held')}",
        f"Prompt speed  {_speed_words(prefill, '')}",
    ]


def _fit_lines(fitted: Fit, gpu_layers: int | None, ctx_size: int, slots: int) -> list[str]:
    answer = {True: "✓ fits in the memory that is free now", False: "✕ does not fit in the memory that is free now", None: ""}
    copies, size = fitted.devices[0].repacked.copy_bytes, next(iter(fitted.largest_ctx_sizes.values()))
    beside = f", with {bytes_text(copies)} of weights laid out anew for this processor" if copies else ""
    lines = [
        f"Needed        {bytes_text(fitted.needed_bytes)}{beside}  {answer[fitted.is_enough]}",
        f"Would fit     contexts up to {NOT_AVAILABLE if size is None else size} tokens for {slots} at once; "
        f"up to {NOT_AVAILABLE if fitted.most_users is None else fitted.most_users} at once with {ctx_size} tokens",
    ]
    return lines if gpu_layers is None else [*lines, f"GPU layers    {gpu_layers} fit in the free GPU memory"]


def _speed_words(prediction: StepPrediction | None, whose: str) -> str:
    if prediction is None:
        return f"{NOT_AVAILABLE} until it has been measured"
    low, high = significant(prediction.tok_s_low, 2), significant(prediction.tok_s_high, 2)
    if prediction.tok_s is None:
        return f"between {low} and {high} tok/s{whose}, from {prediction.method}; --calibrate tells more"
    return f"about {significant(prediction.tok_s, 2)} tok/s{whose} ({low} to {high}), from {prediction.method}"
