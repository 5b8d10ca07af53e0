"""Memory traffic of decode steps: the bytes that a step must read, and how fast they were read (measurement.md §2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window
from profiler.records.run_record import StepCosts

FITS_IN_CACHE_BELOW = 4
"""A step that reads less than this many last-level caches is partly served from the cache (measurement.md §2)."""


@dataclass(frozen=True, slots=True)
class Achieved:
    """Memory bandwidth over the pure decode steps of a window, in 10^9 bytes a second.

    Attributes:
        useful_gb_s: by the bytes that the steps had to read: weights, and the KV that their sequences hold (a lower bound).
        scanned_gb_s: by the bytes that llama.cpp's KV layout makes them read, padding and masked cells included.
        mean_step_bytes: useful bytes of a step.
    """

    useful_gb_s: float
    scanned_gb_s: float
    mean_step_bytes: float


def step_bytes(steps: NDArray[Any], costs: StepCosts) -> NDArray[np.float64]:
    """Bytes that each step had to read.

    ubatches × weights + ubatches with flagged rows × output matrix + tokens × look-up rows + KV length of its sequences × KV of a
    token. How many ubatches hold a flagged row is not recorded: it is at most the number of flagged rows, which is exact for
    pure decode steps (every row is flagged) and an upper bound for a prefill cut into several ubatches.
    """
    return _weight_bytes(steps, costs) + steps["kv_useful_tokens"].astype(np.float64) * costs.kv_bytes_per_token


def scanned_bytes(steps: NDArray[Any], costs: StepCosts) -> NDArray[np.float64]:
    """Bytes of each step with the KV that llama.cpp scans instead of the KV that it needs."""
    return _weight_bytes(steps, costs) + steps["kv_scanned_tokens"].astype(np.float64) * costs.kv_bytes_per_token


def _weight_bytes(steps: NDArray[Any], costs: StepCosts) -> NDArray[np.float64]:
    ubatches = steps["ubatches"].astype(np.float64)
    tokens = steps["prefill_tokens"].astype(np.float64) + steps["decode_tokens"]
    return np.asarray(
        ubatches * costs.weight_bytes_per_ubatch
        + np.minimum(ubatches, steps["outputs"]) * costs.output_bytes_per_ubatch
        + tokens * costs.embedding_bytes_per_token
    )


def is_pure_decode(steps: NDArray[Any]) -> NDArray[np.bool_]:
    """Steps that decode and prefill nothing: those in which reading is all that a memory-bound machine does."""
    return np.asarray((steps["prefill_tokens"] == 0) & (steps["decode_tokens"] > 0))


def achieved(steps: NDArray[Any], costs: StepCosts, window: Window) -> Achieved | None:
    """All bytes over all seconds of the pure decode steps that ended in the window; None when there are none."""
    rows = steps[is_pure_decode(steps) & window.stamped(steps["end_ns"])]
    step_ns = int((rows["end_ns"] - rows["start_ns"]).sum())
    if step_ns <= 0:
        return None
    useful = float(step_bytes(rows, costs).sum())
    return Achieved(useful / step_ns, float(scanned_bytes(rows, costs).sum()) / step_ns, useful / len(rows))


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
