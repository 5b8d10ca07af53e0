"""Memory traffic and FLOPs of steps: what each must read and compute, and how fast it was read (measurement.md §2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window
from profiler.records.run_record import StepCosts

FITS_IN_CACHE_BELOW = 4
"""A step that reads less than this many last-level caches is partly served from the cache (measurement.md §2)."""

PerStep = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Achieved:
    """Memory bandwidth over the pure decode steps of a window, in 10^9 bytes a second.

    Attributes:
        useful_gb_s: by the bytes that the steps had to read: weights, and the KV that their sequences hold (a lower bound).
        scanned_gb_s: by the bytes that llama.cpp's KV layout makes them read, padding and masked cells included.
        mean_step_bytes: useful bytes of a step.
        weights_gb_s, kv_gb_s: the two parts of `useful_gb_s`.
    """

    useful_gb_s: float
    scanned_gb_s: float
    mean_step_bytes: float
    weights_gb_s: float
    kv_gb_s: float


def step_bytes(steps: NDArray[Any], costs: StepCosts) -> PerStep:
    """Bytes that each step had to read: its weights, and the KV and states of its sequences."""
    return weight_bytes(steps, costs) + kv_bytes(steps, costs)


def weight_bytes(steps: NDArray[Any], costs: StepCosts) -> PerStep:
    """Bytes of weights that each step had to read.

    ubatches × (matrices + experts hit) + ubatches with flagged rows × output matrix + tokens × look-up rows.

    How many ubatches hold a flagged row is not recorded: it is at most the number of flagged rows, which is exact for pure decode
    steps (every row is flagged) and an upper bound for a prefill cut into several ubatches.

    T tokens of a ubatch are expected to hit E × (1 - (1 - k/E)^T) of E experts when each is sent to k of them, all equally
    likely: an upper estimate, since routing is skewed. Ubatches of unequal size are taken as equal, which is no less.
    """
    ubatches, tokens = steps["ubatches"].astype(np.float64), _tokens(steps)
    read = (
        ubatches * costs.weight_bytes_per_ubatch
        + np.minimum(ubatches, steps["outputs"]) * costs.output_bytes_per_ubatch
        + tokens * costs.embedding_bytes_per_token
    )
    if costs.expert_count:
        missed = (1 - costs.experts_used / costs.expert_count) ** (tokens / np.maximum(ubatches, 1))
        read += ubatches * costs.expert_bytes * (1 - missed)
    return np.asarray(read)


def kv_bytes(steps: NDArray[Any], costs: StepCosts) -> PerStep:
    """Bytes of each step's KV by the lengths of its sequences, and of their recurrent states, read once a step.

    Sliding-window layers count like the others: llama.cpp scans their whole context (`swa_full`).
    """
    return _kv_bytes(steps, "kv_useful_tokens", costs)


def scanned_bytes(steps: NDArray[Any], costs: StepCosts) -> PerStep:
    """Bytes of each step with the KV that llama.cpp scans instead of the KV that it needs."""
    return weight_bytes(steps, costs) + _kv_bytes(steps, "kv_scanned_tokens", costs)


def step_flops(steps: NDArray[Any], costs: StepCosts) -> PerStep | None:
    """Floating-point operations of each step's matmuls and attention; None when the costs do not hold them.

    tokens × matrices + flagged rows × output matrix + pairs of a token and one that it looks at × attention, causal work that can
    be skipped left out.
    """
    if costs.matmul_flops_per_token is None or costs.output_flops_per_row is None or costs.attention_flops_per_pair is None:
        return None
    return np.asarray(
        _tokens(steps) * costs.matmul_flops_per_token
        + steps["outputs"].astype(np.float64) * costs.output_flops_per_row
        + attention_pairs(steps) * costs.attention_flops_per_pair
    )


def attention_pairs(steps: NDArray[Any]) -> PerStep:
    """Pairs of a token and one that it looks at, itself included.

    A decode looks at all L tokens of its sequence. The c tokens of a prompt that ends the step at length L look at
    c × L - c × (c - 1) / 2. A row holds the sums of c and of L only. That is exact for pure decode steps and for those with a
    single prompt. Several prompts are taken to be equally long, and in a mixed step a sequence in prefill as long as one in
    decode: an estimate there.
    """
    decodes, prefill = steps["decode_tokens"].astype(np.float64), steps["prefill_tokens"].astype(np.float64)
    sequences = steps["sequences"].astype(np.float64)
    length = steps["kv_useful_tokens"] / np.maximum(sequences, 1)
    prompts = np.maximum(sequences - decodes, 1)
    chunk = prefill / prompts
    in_prefill = prompts * chunk * (np.maximum(length, chunk) - (chunk - 1) / 2)
    return np.asarray(np.where(prefill > 0, decodes * length + in_prefill, steps["kv_useful_tokens"]))


def _kv_bytes(steps: NDArray[Any], tokens: str, costs: StepCosts) -> PerStep:
    kept = steps[tokens].astype(np.float64) * costs.kv_bytes_per_token
    return np.asarray(kept + steps["sequences"] * float(costs.state_bytes_per_sequence))


def _tokens(steps: NDArray[Any]) -> PerStep:
    return np.asarray(steps["prefill_tokens"].astype(np.float64) + steps["decode_tokens"])


def is_pure_decode(steps: NDArray[Any]) -> NDArray[np.bool_]:
    """Steps that decode and prefill nothing: those in which reading is all that a memory-bound machine does."""
    return np.asarray((steps["prefill_tokens"] == 0) & (steps["decode_tokens"] > 0))


def is_pure_prefill(steps: NDArray[Any]) -> NDArray[np.bool_]:
    """Steps that prefill and decode nothing."""
    return np.asarray((steps["prefill_tokens"] > 0) & (steps["decode_tokens"] == 0))


def achieved(steps: NDArray[Any], costs: StepCosts, window: Window) -> Achieved | None:
    """All bytes over all seconds of the pure decode steps that ended in the window; None when there are none."""
    rows = steps[is_pure_decode(steps) & window.stamped(steps["end_ns"])]
    step_ns = int((rows["end_ns"] - rows["start_ns"]).sum())
    if step_ns <= 0:
        return None
    weights, kv = float(weight_bytes(rows, costs).sum()), float(kv_bytes(rows, costs).sum())
    return Achieved(
        useful_gb_s=(weights + kv) / step_ns,
        scanned_gb_s=float(scanned_bytes(rows, costs).sum()) / step_ns,
        mean_step_bytes=(weights + kv) / len(rows),
        weights_gb_s=weights / step_ns,
        kv_gb_s=kv / step_ns,
    )


def fits_in_cache(mean_step_bytes: float, last_level_cache_bytes: int | None) -> bool:
    """Whether a step reads so little that the last-level cache serves part of it; False when the cache's size is unknown."""
    return last_level_cache_bytes is not None and mean_step_bytes < FITS_IN_CACHE_BELOW * last_level_cache_bytes


def share_percent(read: Achieved, peak_gb_s: float | None, last_level_cache_bytes: int | None) -> float | None:
    """The useful bandwidth in percent of the measured peak.

    None without a peak, and where the cache lifts it above the memory's peak: it is no share of the memory's speed then.
    """
    if not peak_gb_s:
        return None
    share = 100 * read.useful_gb_s / peak_gb_s
    return None if share > 100 and fits_in_cache(read.mean_step_bytes, last_level_cache_bytes) else share
