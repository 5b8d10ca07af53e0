"""A made-up minute of a run, for plots and pages: every series is a simple function of time."""

import numpy as np

from profiler.analysis.live_figures import LiveFigures, LiveSlices, LiveTiles
from profiler.records.timing import Samples


def live_minute(now_s: float = 100.0, **channels: float) -> LiveFigures:
    """Figures of the minute before `now_s`; `channels` are further telemetry channels of constant value."""
    times_s = now_s - 60 + np.arange(1, 241) * 0.25
    wave = np.sin(times_s / 5)
    gap = 40 + 5 * wave
    gap[100:104] = np.nan
    constant = {"process_rss_bytes": 312e6, "cpu_percent": 97.0, "cpu_temperature_celsius": 61.0, "foreign_cpu_percent": 3.0}
    return LiveFigures(
        now_s=now_s,
        tiles=LiveTiles(
            output_tokens=15_800,
            prompt_tokens=6_100,
            cached_tokens=0,
            completed=240,
            failed=0,
            refused=0,
            timed_out=0,
            ttft_p50_ms=412.0,
            ttft_p95_ms=690.0,
            output_tok_s=158.0,
            prompt_tok_s=61.0,
            user_tok_s=19.7,
            bandwidth_gb_s=16.9,
            bandwidth_share=68.0,
            sequences=7,
            waiting=2,
            kv_occupancy=34.0,
            cached_share=0.0,
            evictions=0,
            rss_bytes=312e6,
            vram_bytes=None,
        ),
        slices=LiveSlices(
            times_s=times_s,
            output_tok_s=158 + 20 * wave,
            prompt_tok_s=np.maximum(0, 90 * wave),
            itl_p50_ms=gap,
            itl_p95_ms=gap + 15,
            sequences=np.round(6.6 + wave),
            waiting=np.round(2 + 2 * wave),
            kv_occupancy=34 + wave,
            prefill_tokens_step=np.maximum(0, 64 * wave),
            decode_tokens_step=np.round(6 + wave),
            cached_tokens_step=np.maximum(0, 24 * wave),
            bandwidth_gb_s=16.9 + wave,
            weights_gb_s=np.full(len(times_s), 12.9),
            kv_gb_s=4 + wave,
        ),
        ttft_times_s=times_s[::6],
        ttft_ms=450 + 150 * np.sin(times_s[::6] * 7),
        samples=Samples(
            (times_s * 1e9).astype(np.int64),
            {name: np.full(len(times_s), value) for name, value in {**constant, **channels}.items()},
        ),
    )
