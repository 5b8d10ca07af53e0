"""How fast a model will likely decode and read prompts here, before it was ever run (measurement.md §2).

    step = Σ over types (bytes / rate of that type's kernel at so many tokens) + layers × what a layer costs beside its weights
           + KV bytes / bandwidth

where no type's weights come faster than memory gives them once they exceed the last-level cache. Kernels' rates and a layer's own
cost are this machine's, measured through the engine (`kernel_speeds`). Without them only the memory bandwidth bounds the step.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler.modelfile.costs import Role, experts_of, step_tensors
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.ggml_types import tensor_type_named
from profiler.modelfile.layers import running_layers
from profiler.records.kernel_speed import KernelSpeed

CALIBRATED = 1.8
"""The truth lies within this factor where every type's kernel was measured: narrow matrices took 1.6 times as long."""

STOOD_IN = 5.0
"""Where another type's kernel stands in: of two types of like size one may have no fast kernel for a processor."""

SLOWEST_UNDER_ROOF = 6.0
"""Without a calibration a step takes from what memory alone needs to this many times as long: small models need the most."""

_LAST_LEVEL_SPILL = 0.5  # of the cache: more than half of it does not survive a step


@dataclass(frozen=True, slots=True)
class StepPrediction:
    """What a step will take.

    Attributes:
        seconds: the likeliest; None where only bounds are known.
        low_seconds, high_seconds: the truth is expected between them.
        method: on what it rests, for the user.
    """

    seconds: float | None
    low_seconds: float
    high_seconds: float
    method: str


def predicted_step(
    description: ModelDescription,
    speeds: Sequence[KernelSpeed],
    bandwidth_gb_s: float | None,
    *,
    tokens: int = 1,
    is_prefill: bool = False,
    kv_bytes: int = 0,
    cache_bytes: int | None = None,
) -> StepPrediction | None:
    """Predict one decode call.

    Args:
        description: the model.
        speeds: this machine's kernels; empty without a calibration.
        bandwidth_gb_s: measured peak of the memory that holds the weights; None when it was not measured.
        tokens: in the call: one for each sequence, or those of a prompt.
        is_prefill: they are one prompt's.
        kv_bytes: that attention reads besides.
        cache_bytes: size of the last-level cache; None: all weights come from memory.

    Returns:
        None for a model whose steps are not understood, or when neither kernels nor bandwidth are known.
    """
    bytes_of = matmul_bytes(description, tokens)
    if bytes_of is None:
        return None
    total = sum(bytes_of.values())
    is_cached = cache_bytes is not None and total < _LAST_LEVEL_SPILL * cache_bytes
    memory_s = None if bandwidth_gb_s is None else (total + kv_bytes) / (bandwidth_gb_s * 1e9)
    layer_s = _layer_seconds(speeds, tokens, is_prefill=is_prefill)
    if not speeds or layer_s is None:
        if memory_s is None:
            return None
        told = "the measured memory bandwidth alone, an upper bound of the speed"
        fastest_s = memory_s / 2 if is_cached else memory_s  # a cache gives about twice what memory does
        return StepPrediction(None, fastest_s, SLOWEST_UNDER_ROOF * memory_s, told)
    seconds, stood_in = running_layers(description) * layer_s, []
    for type_name, count in bytes_of.items():
        used, kernel_s = _kernel_seconds(speeds, type_name, count, tokens, is_prefill=is_prefill)
        if used != type_name:
            stood_in.append(f"{type_name} by {used}")
        roof_s = 0.0 if is_cached or bandwidth_gb_s is None else count / (bandwidth_gb_s * 1e9)
        seconds += max(kernel_s, roof_s)
    if bandwidth_gb_s is not None:
        seconds += kv_bytes / (bandwidth_gb_s * 1e9)
    factor = STOOD_IN if stood_in else CALIBRATED
    told = "this machine's kernels by type and number of tokens"
    if stood_in:
        told += f" ({', '.join(sorted(stood_in))})"
    return StepPrediction(seconds, seconds / factor, seconds * factor, told)


def matmul_bytes(description: ModelDescription, tokens: int) -> dict[str, float] | None:
    """Bytes by type that a step of so many tokens reads of the matrices; of routed experts those that it likely hits."""
    tensors, experts = step_tensors(description), experts_of(description)
    if tensors is None or experts is None:
        return None
    found: dict[str, float] = defaultdict(float)
    hit = 1 - (1 - experts.used / experts.count) ** tokens if experts.count else 0.0
    for each in tensors:
        if each.role in (Role.MATRIX, Role.OUTPUT):
            found[each.tensor.dtype] += each.tensor.bytes
        elif each.role is Role.EXPERTS:
            found[each.tensor.dtype] += each.tensor.bytes * hit
    return dict(found)


def _kernel_seconds(
    speeds: Sequence[KernelSpeed], type_name: str, count: float, tokens: int, *, is_prefill: bool
) -> tuple[str, float]:
    """The type whose kernel was taken, and the seconds that so many bytes of `type_name` take at so many tokens."""
    known = {speed.type: _bits(speed) for speed in speeds if speed.shape == "wide"}
    named = tensor_type_named(type_name)
    wanted_bits = 8 * named.block_bytes / named.block_elements if named is not None else None
    used = next((name for name in known if name.lower() == type_name.lower()), None)
    if used is not None:
        return type_name, count / _bytes_s(speeds, used, tokens, is_prefill=is_prefill)
    nearest = min(known, key=lambda name: abs(known[name] - wanted_bits) if wanted_bits else 0.0)
    # Another type's kernel takes about as long for a weight: what it does with it outweighs how it is packed.
    weights_ratio = known[nearest] / wanted_bits if wanted_bits else 1.0
    return nearest, count * weights_ratio / _bytes_s(speeds, nearest, tokens, is_prefill=is_prefill)


def _bits(speed: KernelSpeed) -> float:
    return 8 * speed.bytes / speed.weights


def _bytes_s(speeds: Sequence[KernelSpeed], type_name: str, tokens: int, *, is_prefill: bool) -> float:
    """Bytes a second of a type's kernel, between the numbers of tokens that were measured by their time."""
    of_type = _by_tokens([speed for speed in speeds if speed.shape == "wide" and speed.type == type_name], is_prefill=is_prefill)
    size = next(speed.bytes for speed in speeds if speed.shape == "wide" and speed.type == type_name)
    return size / _seconds_at(of_type, tokens)


def _layer_seconds(speeds: Sequence[KernelSpeed], tokens: int, *, is_prefill: bool) -> float | None:
    """What a layer takes besides its weights: a thin layer's time less that of its few weights."""
    thin = [speed for speed in speeds if speed.shape == "thin"]
    if not thin or not any(speed.shape == "wide" and speed.type == thin[0].type for speed in speeds):
        return None
    seconds = _seconds_at(_by_tokens(thin, is_prefill=is_prefill), tokens)
    weights_s = thin[0].bytes / _bytes_s(speeds, thin[0].type, tokens, is_prefill=is_prefill)
    return max(0.0, seconds - weights_s) / thin[0].layers


def _by_tokens(speeds: Sequence[KernelSpeed], *, is_prefill: bool) -> Mapping[int, float]:
    """Seconds by tokens; a prompt's steps and one token each are kinds of their own, where both were measured."""
    own = {speed.tokens: speed.seconds for speed in speeds if (speed.sequences == 1 and speed.tokens > 1) == is_prefill}
    return own or {speed.tokens: speed.seconds for speed in speeds}


def _seconds_at(known: Mapping[int, float], tokens: int) -> float:
    """Between two measured numbers of tokens by their line, beyond the largest in proportion to it."""
    counts = sorted(known)
    if tokens > counts[-1]:
        return known[counts[-1]] * tokens / counts[-1]
    return float(np.interp(tokens, counts, [known[count] for count in counts]))
