"""This machine's prediction for a model: from what is kept of its kernels and finished runs, by `speed_prediction`."""

from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import ModelDescription
from profiler.models import kernel_speeds, prediction_residuals
from profiler.models.attention_speed import attention_of
from profiler.models.speed_prediction import StepPrediction, matmul_bytes, predicted_step
from profiler.records.kernel_speed import KernelSpeed
from profiler.records.memory_speed import MemorySpeed


def predict_speed(
    description: ModelDescription,
    memory: MemorySpeed,
    *,
    threads: int,
    tokens: int = 1,
    context_tokens: int = 0,
    is_prefill: bool = False,
    n_gpu_layers: int = 0,
    cache_type_k: str = "f16",
    cache_type_v: str = "f16",
    library_version: str | None = None,
) -> StepPrediction | None:
    """What one decode call of this model will likely take here; reads small kept files and measures nothing.

    Args:
        description: the model.
        memory: of this machine (`hardware.memory_speed`).
        threads: for all steps.
        tokens: of the call: one for each sequence, or those of a prompt.
        context_tokens: that each sequence holds.
        is_prefill: the tokens are one prompt's.
        n_gpu_layers: 0 keeps the weights on the CPU; with more nothing is told without a calibration of that setting.
        cache_type_k: ggml's name.
        cache_type_v: likewise.
        library_version: whose calibration and residuals; None: the newest calibration's.

    Returns:
        None where nothing is known, or for a model whose steps are not understood. Corrected by what finished runs took.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    if library_version is None:
        library_version = kernel_speeds.newest_version(threads, n_gpu_layers)
    speeds = () if library_version is None else kernel_speeds.known(library_version, threads, n_gpu_layers)
    found = uncorrected(
        description,
        speeds,
        memory,
        tokens=tokens,
        context_tokens=context_tokens,
        is_prefill=is_prefill,
        n_gpu_layers=n_gpu_layers,
        cache_types=(cache_type_k, cache_type_v),
    )
    if found is None or is_prefill or library_version is None:
        return found
    setting = prediction_residuals.Setting.of(description, speeds, library_version, threads, n_gpu_layers)
    return prediction_residuals.corrected(found, setting, prediction_residuals.known())


def uncorrected(
    description: ModelDescription,
    speeds: tuple[KernelSpeed, ...],
    memory: MemorySpeed,
    *,
    tokens: int,
    context_tokens: float,
    is_prefill: bool = False,
    n_gpu_layers: int = 0,
    cache_types: tuple[str, str] = ("f16", "f16"),
) -> StepPrediction | None:
    """The prediction before residuals correct it; the arguments are those of `predict_speed`."""
    if n_gpu_layers and not speeds:
        return None  # main memory's bandwidth says nothing of a GPU's
    costs = step_costs(description, *cache_types)
    scanned = context_tokens + tokens / 2 if is_prefill else context_tokens * tokens
    return predicted_step(
        description,
        speeds,
        None if n_gpu_layers else memory.bandwidth_gb_s,
        tokens=tokens,
        is_prefill=is_prefill,
        kv_bytes=0 if costs is None else round(costs.kv_bytes_per_token * scanned),
        attention=attention_of(description, tokens, context_tokens, is_prefill=is_prefill),
        is_cache_measured=set(cache_types) == {"f16"},
        cache_bytes=memory.last_level_cache_bytes,
    )


def types_to_measure(description: ModelDescription) -> list[str]:
    """The types of the matrices that a step reads, as ggml names them; a representative choice where it is not known which."""
    names = matmul_bytes(description, 1)
    if not names:
        return list(kernel_speeds.REPRESENTATIVE_TYPES)
    return [name.replace("Q", "q", 1) if name.startswith("Q") and name.endswith("_K") else name.lower() for name in names]
