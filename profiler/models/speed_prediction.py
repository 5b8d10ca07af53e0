"""How fast a model will likely decode and read prompts here, before it was ever run (measurement.md §2).

    step = layers × what a layer costs beside its weights
           + Σ over matrices (bytes × seconds a byte of the matrix's type, size and number of tokens)
           + the larger of KV bytes / bandwidth and looks at held tokens × seconds a look (`attention_speed`)

Seconds a byte are this machine's, measured through the engine (`kernel_speeds`) on large ("wide") and small ("narrow") matrices
of the type and, for a matrix in between, on their line over the logarithm of its elements; small ones cost more, for each is
shared out among the threads and waited for. They are medians of steps whose weights come from memory, as a run's are; what a
layer costs beside comes from "thin" layers. No weights come faster than memory gives them once they exceed the last-level cache.

A type that was not measured is stood in for by one whose kernel is alike (`KIN`), else by the one nearest in bits: of few tokens
its bytes take as long, of many its weights. Without kernels only the memory bandwidth bounds the step. What finished runs took
corrects all this (`prediction_residuals`).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from profiler.modelfile.costs import Role, experts_of, step_tensors
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.ggml_types import tensor_type_named
from profiler.modelfile.layers import running_layers
from profiler.models.attention_speed import Attention, pair_seconds
from profiler.records.kernel_speed import KernelSpeed

CALIBRATED = 1.4
"""The truth lies within this factor where every type's kernel was measured."""

STOOD_IN_BY_KIN = 1.8
"""Where a kernel that is alike stands in for the most part of a step."""

STOOD_IN = 5.0
"""Where any other does: of two types of like size one may have no fast kernel for a processor."""

KIN = (
    frozenset({"q8_0"}),
    frozenset({"q4_0", "q4_1", "iq4_nl", "mxfp4"}),
    frozenset({"q4_k", "iq4_xs"}),
    frozenset({"q5_0", "q5_1"}),
    frozenset({"q5_k", "q6_k"}),
    frozenset({"q2_k", "q3_k"}),
    frozenset({"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s"}),
    frozenset({"f16", "bf16", "f32"}),
)
"""Types whose kernels are alike on the processors that llama.cpp has own kernels for: those of a line have an own layout for a
processor's instructions, or have none, and unpack their bits in a like way."""

SLOWEST_UNDER_ROOF = 6.0
"""Without a calibration a step takes from what memory alone needs to this many times as long: small models need the most."""

SLOWEST_LOOK = 24.0
"""Likewise of K and V: on processors looking at them is computing, which took 20 times as long with heads of 64 elements."""

_MANY_TOKENS = 8  # so many and more reuse what was read: weights count, not bytes
_IN_CACHE = 2.0  # a cache gives about so many times what memory does
_MATRICES_OF_LAYER = 7  # of a probe's
_LEAST_OF_STEP = 0.2  # goes into the weights, however much a layer seems to cost beside
_LAST_LEVEL_SPILL = 0.5  # of the cache: more than half of it does not survive a step


@dataclass(frozen=True, slots=True)
class StepPrediction:
    """What a step will take.

    Attributes:
        seconds: the likeliest; None where only bounds are known.
        low_seconds, high_seconds: the truth is expected between them.
        method: on what it rests, for the user.
        tokens: of the step.
    """

    seconds: float | None
    low_seconds: float
    high_seconds: float
    method: str
    tokens: int = 1

    @property
    def tok_s(self) -> float | None:
        """Tokens a second, of all sequences together; None where only bounds are known."""
        return None if self.seconds is None else self.tokens / self.seconds

    @property
    def tok_s_low(self) -> float:
        """The least that is expected."""
        return self.tokens / self.high_seconds

    @property
    def tok_s_high(self) -> float:
        """The most that is expected."""
        return self.tokens / self.low_seconds


@dataclass(frozen=True, slots=True)
class MatrixShare:
    """Matrices of one type and size that a step reads.

    Attributes:
        type: as the file names it ("Q4_K").
        elements: of one matrix.
        bytes: of all of them; of routed experts those that the step likely hits.
    """

    type: str
    elements: int
    bytes: float


def predicted_step(
    description: ModelDescription,
    speeds: Sequence[KernelSpeed],
    bandwidth_gb_s: float | None,
    *,
    tokens: int = 1,
    is_prefill: bool = False,
    kv_bytes: int = 0,
    attention: Attention | None = None,
    is_cache_measured: bool = True,
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
        attention: what the step looks back at; None where that is not known.
        is_cache_measured: K and V are of the type that the kernels were measured with, F16.
        cache_bytes: size of the last-level cache; None: all weights come from memory.

    Returns:
        None for a model whose steps are not understood, or when neither kernels nor bandwidth are known.
    """
    shares = matrix_shares(description, tokens)
    if shares is None:
        return None
    total = sum(share.bytes for share in shares)
    is_cached = cache_bytes is not None and total < _LAST_LEVEL_SPILL * cache_bytes
    memory_s = None if bandwidth_gb_s is None else (total + kv_bytes) / (bandwidth_gb_s * 1e9)
    kernels = _Kernels(speeds, tokens, is_prefill)
    layer_s = kernels.layer_seconds()
    if layer_s is None:
        if memory_s is None or bandwidth_gb_s is None:
            return None
        told = "the measured memory bandwidth alone, an upper bound of the speed"
        fastest_s = memory_s / _IN_CACHE if is_cached else memory_s
        slowest_s = (SLOWEST_UNDER_ROOF * total + SLOWEST_LOOK * kv_bytes) / (bandwidth_gb_s * 1e9)
        return StepPrediction(None, fastest_s, slowest_s, told, tokens)
    seconds, by_others = running_layers(description) * layer_s, {}
    log_error_s = 0.0
    for share in shares:
        used = kernels.stand_in(share.type)
        taken_s = share.bytes * kernels.seconds_a_byte(share, used)
        if not is_cached and bandwidth_gb_s is not None:
            taken_s = max(taken_s, share.bytes / (bandwidth_gb_s * 1e9))
        seconds += taken_s
        if used.lower() != share.type.lower():
            by_others[share.type] = used
            log_error_s += taken_s * math.log((STOOD_IN_BY_KIN if _are_kin(used, share.type) else STOOD_IN) / CALIBRATED)
    read_s = 0.0 if bandwidth_gb_s is None else kv_bytes / (bandwidth_gb_s * 1e9)
    looked_s = max(read_s, kernels.attention_seconds(attention))
    seconds += looked_s
    if not is_cache_measured:
        log_error_s += looked_s * math.log(STOOD_IN_BY_KIN / CALIBRATED)
    factor = CALIBRATED * math.exp(log_error_s / seconds) if seconds else CALIBRATED
    told = "this machine's kernels by type and number of tokens"
    if by_others:
        told += f" ({', '.join(f'{name} by {other}' for name, other in sorted(by_others.items()))})"
    return StepPrediction(seconds, seconds / factor, seconds * factor, told, tokens)


def matmul_bytes(description: ModelDescription, tokens: int) -> dict[str, float] | None:
    """Bytes by type that a step of so many tokens reads of the matrices; of routed experts those that it likely hits."""
    shares = matrix_shares(description, tokens)
    if shares is None:
        return None
    found: dict[str, float] = defaultdict(float)
    for share in shares:
        found[share.type] += share.bytes
    return dict(found)


def matrix_shares(description: ModelDescription, tokens: int) -> tuple[MatrixShare, ...] | None:
    """What a step of so many tokens reads, by type and size of the matrices; None for a model that is not understood."""
    tensors, experts = step_tensors(description), experts_of(description)
    if tensors is None or experts is None:
        return None
    found: dict[tuple[str, int], float] = defaultdict(float)
    hit = 1 - (1 - experts.used / experts.count) ** tokens if experts.count else 0.0
    for each in tensors:
        if each.role in (Role.MATRIX, Role.OUTPUT):
            found[each.tensor.dtype, each.tensor.elements] += each.tensor.bytes
        elif each.role is Role.EXPERTS:
            found[each.tensor.dtype, each.tensor.elements // experts.count] += each.tensor.bytes * hit
    return tuple(MatrixShare(name, elements, count) for (name, elements), count in found.items())


class _Kernels:
    """This machine's kernels at one number of tokens."""

    def __init__(self, measured: Sequence[KernelSpeed], tokens: int, is_prefill: bool) -> None:
        self._measured, self._tokens, self._is_prefill = measured, tokens, is_prefill
        self._speeds = speeds = [_without_attention(speed, measured) for speed in measured if speed.shape != "heads"]
        self._bits = {speed.type: 8 * speed.bytes / speed.weights for speed in speeds if speed.shape == "wide"}
        self._layer_s: float | None = None
        self._by_size: dict[str, tuple[list[float], list[float]]] = {}
        thin = [speed for speed in speeds if speed.shape == "thin"]
        if thin and self._bits:
            # Thin weights are few enough to stay in a cache.
            weights_s = thin[0].bytes * self._shape_seconds("wide", self.stand_in(thin[0].type), 0.0) / _IN_CACHE
            self._layer_s = max(0.0, self._seconds(thin) - weights_s) / thin[0].layers

    def layer_seconds(self) -> float | None:
        """What a layer takes besides its weights; None where no thin layers, or no type, were measured."""
        return self._layer_s

    def attention_seconds(self, attention: Attention | None) -> float:
        """What looking back takes; 0 where it is not known."""
        if attention is None:
            return 0.0
        each_s = pair_seconds(self._measured, attention.head_elements, is_prefill=self._is_prefill)
        return (each_s or 0.0) * attention.heads * attention.pairs

    def stand_in(self, type_name: str) -> str:
        """The measured type whose kernel is taken for a type's: its own, one that is alike, or the nearest in bits."""
        own = next((name for name in self._bits if name.lower() == type_name.lower()), None)
        if own is not None:
            return own
        alike = [name for name in self._bits if _are_kin(name, type_name)]
        named = tensor_type_named(type_name)
        bits = None if named is None else 8 * named.block_bytes / named.block_elements
        return min(alike or self._bits, key=lambda name: abs(self._bits[name] - bits) if bits else 0.0)

    def seconds_a_byte(self, share: MatrixShare, used: str) -> float:
        """What a byte of such matrices takes, with the kernel of the type `used`."""
        if used not in self._by_size:
            sizes, rates = [], []
            for shape in ("narrow", "wide"):
                of_shape = [speed for speed in self._speeds if speed.shape == shape and speed.type == used]
                # Of many tokens the size of a matrix matters little: narrow layers read no prompts.
                has_kind = shape == "wide" or not self._is_prefill or any(_is_prompt(speed) for speed in of_shape)
                if of_shape and has_kind:
                    sizes.append(math.log(of_shape[0].weights / of_shape[0].layers / _MATRICES_OF_LAYER))
                    rates.append(self._shape_seconds(shape, used, self._layer_s or 0.0))
            self._by_size[used] = sizes, rates
        sizes, rates = self._by_size[used]
        rate = float(np.interp(math.log(max(1, share.elements)), sizes, rates))
        named = tensor_type_named(share.type)
        if named is None or self._tokens < _MANY_TOKENS:
            return rate
        return rate * self._bits[used] / (8 * named.block_bytes / named.block_elements)

    def _shape_seconds(self, shape: str, type_name: str, layer_s: float) -> float:
        """Seconds a byte in layers of a shape, less what these cost beside."""
        of_shape = [speed for speed in self._speeds if speed.shape == shape and speed.type == type_name]
        whole_s = self._seconds(of_shape)
        return max(whole_s - of_shape[0].layers * layer_s, _LEAST_OF_STEP * whole_s) / of_shape[0].bytes

    def _seconds(self, speeds: Sequence[KernelSpeed]) -> float:
        return _seconds_at(_by_tokens(speeds, is_prefill=self._is_prefill), self._tokens)


def _without_attention(speed: KernelSpeed, measured: Sequence[KernelSpeed]) -> KernelSpeed:
    """A prompt's step less what its tokens took to look at those before them."""
    if not _is_prompt(speed) or not speed.heads:
        return speed
    each_s = pair_seconds(measured, 2 * speed.head_size, is_prefill=True) or 0.0
    own_s = each_s * speed.heads * speed.layers * speed.tokens**2 / 2
    return replace(speed, seconds=max(_LEAST_OF_STEP * speed.seconds, speed.seconds - own_s))


def _are_kin(one: str, other: str) -> bool:
    return any(one.lower() in group and other.lower() in group for group in KIN)


def _is_prompt(speed: KernelSpeed) -> bool:
    return speed.sequences == 1 and speed.tokens > 1


def _by_tokens(speeds: Sequence[KernelSpeed], *, is_prefill: bool) -> Mapping[int, float]:
    """Seconds by tokens; a prompt's steps and one token each are kinds of their own, where both were measured."""
    own = {speed.tokens: speed.typical_s for speed in speeds if _is_prompt(speed) == is_prefill}
    return own or {speed.tokens: speed.typical_s for speed in speeds}


def _seconds_at(known: Mapping[int, float], tokens: int) -> float:
    """Between two measured numbers of tokens by their line, beyond the largest in proportion to it."""
    counts = sorted(known)
    if tokens > counts[-1]:
        return known[counts[-1]] * tokens / counts[-1]
    return float(np.interp(tokens, counts, [known[count] for count in counts]))
