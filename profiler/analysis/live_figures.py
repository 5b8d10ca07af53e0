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
        output_tokens, prompt_tokens, completed, failed: all that has arrived since the run's origin; `failed` ended in any other
            way than completed.
        ttft_p50_ms, ttft_p95_ms: over the run's requests that have ended (the newest 16384).
        output_tok_s, prompt_tok_s, user_tok_s, bandwidth_gb_s: over the last few seconds.
        bandwidth_share: that bandwidth in percent of the measured peak.
        sequences, waiting: of the newest step.
        kv_occupancy: of the newest step, in percent.
        rss_bytes, vram_bytes: newest readings; VRAM over all GPUs.
    """

    output_tokens: int
    prompt_tokens: int
    completed: int
    failed: int
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
    rss_bytes: float | None
    vram_bytes: float | None


@dataclass(frozen=True, slots=True)
class LiveSlices:
    """The last minute in equal time slices, complete ones only, aligned with `times_s`, the slices' ends since the origin.

    Output tokens count in the slice of their stamp. Prompt tokens and what describes steps are spread over the time that the
    steps took, so that a step longer than a slice leaves no hole. A slice without steps or gaps has NaN there.
    """

    times_s: Series
    output_tok_s: Series
    prompt_tok_s: Series
    itl_p50_ms: Series
    itl_p95_ms: Series
    sequences: Series
    waiting: Series
    kv_occupancy: Series  # percent
    bandwidth_gb_s: Series  # of pure decode steps


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
