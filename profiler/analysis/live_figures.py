"""What the live page shows of a running repetition, as frozen values. None and NaN: nothing to tell yet, or not measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import Samples

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LiveTiles:
    """The figures of now.

    Attributes:
        output_tokens, prompt_tokens, cached_tokens: since the run's origin: written, evaluated of prompts, and taken from the
            prefix cache instead.
        completed, failed, refused, timed_out: how the requests of the run so far ended; `failed` holds unfinished ones, too.
        ttft_p50_ms, ttft_p95_ms: over the run's requests that have ended (the newest 16384). One that never got a first token
            counts as longer than all, so that a percentile may fall on it: None.
        output_tok_s, prompt_tok_s, user_tok_s, bandwidth_gb_s: over the last few seconds.
        bandwidth_share: that bandwidth in percent of the measured peak.
        sequences, waiting: of the newest step.
        kv_occupancy: of the newest step, in percent.
        cached_share: prompt tokens taken from the prefix cache, in percent of those that were evaluated or taken so far.
        evictions: entries that the prefix cache has given up.
        rss_bytes, vram_bytes: newest readings; VRAM over all GPUs.
    """

    output_tokens: int
    prompt_tokens: int
    cached_tokens: int
    completed: int
    failed: int
    refused: int
    timed_out: int
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    output_tok_s: float | None
    prompt_tok_s: float | None
    user_tok_s: float | None
    bandwidth_gb_s: float | None
    bandwidth_share: float | None
    sequences: int | None
    waiting: int | None
    kv_occupancy: float | None
    cached_share: float | None
    evictions: int
    rss_bytes: float | None
    vram_bytes: float | None


@dataclass(frozen=True, slots=True)
class LiveSlices:
    """The last minute in equal time slices, complete ones only, aligned with `times_s`, the slices' ends since the origin.

    Output tokens count in the slice of their stamp. Prompt tokens and what describes steps are spread over the time that the
    steps took, so that a step longer than a slice leaves no hole. A slice without steps or gaps has NaN there.

    Attributes:
        sequences, waiting, kv_occupancy: means over the steps in the slice, weighted by their time in it.
        prefill_tokens_step, decode_tokens_step, cached_tokens_step: such means of the tokens a step evaluates of prompts and
            decodes, and of the prompt tokens that the requests which begin with it take from the prefix cache.
        bandwidth_gb_s, weights_gb_s, kv_gb_s: what pure decode steps must read over their seconds; in all, and its two parts.
    """

    times_s: Series
    output_tok_s: Series
    prompt_tok_s: Series
    itl_p50_ms: Series
    itl_p95_ms: Series
    sequences: Series
    waiting: Series
    kv_occupancy: Series  # percent
    prefill_tokens_step: Series
    decode_tokens_step: Series
    cached_tokens_step: Series
    bandwidth_gb_s: Series
    weights_gb_s: Series
    kv_gb_s: Series


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """One look at a running repetition; the arrays are the looker's own.

    Attributes:
        now_s: its instant since the run's origin.
        ttft_times_s, ttft_ms: first tokens of the last minute by when they became visible, known once their request has ended.
        samples: telemetry of the last minute.
    """

    now_s: float
    tiles: LiveTiles
    slices: LiveSlices
    ttft_times_s: Series
    ttft_ms: Series
    samples: Samples
