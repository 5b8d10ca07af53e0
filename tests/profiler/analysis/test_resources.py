"""Memory and energy, both from telemetry."""

import numpy as np
import pytest

from profiler.analysis.energy import energy_j, tokens_per_joule
from profiler.analysis.memory import rss_peak_bytes, vram_peak_bytes
from profiler.analysis.window import Window
from profiler.records.timing import Samples

SECOND = 1_000_000_000
WINDOW = Window(1 * SECOND, 4 * SECOND, is_short=False)


def sampled(**channels):
    """One sample a second from 0 on."""
    count = len(next(iter(channels.values())))
    columns = {name: np.array(values, np.float64) for name, values in channels.items()}
    return Samples(np.arange(count, dtype=np.int64) * SECOND, columns)


def test_peaks_are_of_the_whole_run_and_gaps_do_not_count():
    samples = sampled(process_rss_bytes=[100, np.nan, 900, 300])
    assert rss_peak_bytes(samples) == 900


def test_vram_is_summed_over_gpus_at_each_sample():
    # The peaks of each alone, 500 and 700, never came together; with an unread GPU the sum is unknown.
    samples = sampled(gpu0_vram_used_bytes=[500, 100, 900], gpu1_vram_used_bytes=[100, 700, np.nan])
    assert vram_peak_bytes(samples) == 800
    assert vram_peak_bytes(sampled(amdgpu0_vram_used_bytes=[5, 7], amdgpu0_gtt_used_bytes=[90, 90])) == 7


def test_memory_that_was_never_read_is_none():
    assert rss_peak_bytes(Samples()) is None
    assert vram_peak_bytes(Samples()) is None
    assert rss_peak_bytes(sampled(process_rss_bytes=[np.nan, np.nan])) is None
    assert vram_peak_bytes(sampled(gpu0_vram_used_bytes=[np.nan])) is None


def test_a_counter_gives_the_difference_at_the_windows_ends():
    samples = sampled(gpu0_energy_joules=[1000, 1010, 1030, 1060, 1100, 1150])
    assert energy_j(samples, WINDOW) == pytest.approx(90)
    # Between two reads: 1.5 s is 1020, 3.5 s is 1080.
    assert energy_j(samples, Window(3 * SECOND // 2, 7 * SECOND // 2, is_short=False)) == pytest.approx(60)


def test_power_is_integrated_by_trapezoids():
    # From 1 to 4 s: (20+40)/2 + (40+40)/2 + (40+10)/2 = 30 + 40 + 25.
    samples = sampled(gpu0_power_watts=[20, 20, 40, 40, 10, 10])
    assert energy_j(samples, WINDOW) == pytest.approx(95)
    # From 1.5 to 2.5 s: 30 at 1.5, 40 at 2 and at 2.5: (30+40)/2·0.5 + 40·0.5 = 37.5.
    assert energy_j(samples, Window(3 * SECOND // 2, 5 * SECOND // 2, is_short=False)) == pytest.approx(37.5)


def test_a_reading_that_failed_is_bridged():
    assert energy_j(sampled(gpu0_power_watts=[20, 20, np.nan, 20, 20]), WINDOW) == pytest.approx(60)


def test_each_device_counts_once_and_the_counter_is_preferred():
    samples = sampled(
        gpu0_energy_joules=[0, 10, 20, 30, 40],
        gpu0_power_watts=[999, 999, 999, 999, 999],
        gpu1_power_watts=[5, 5, 5, 5, 5],
        gpu2_power_watts=[np.nan] * 5,
        cpu_percent=[100] * 5,
    )
    assert energy_j(samples, WINDOW) == pytest.approx(30 + 15)


def test_a_meter_that_fell_silent_has_not_measured_the_window():
    assert energy_j(sampled(gpu0_power_watts=[20, 20, 20]), Window(0, 4 * SECOND, is_short=False)) is None
    assert energy_j(sampled(gpu0_power_watts=[20, 20, 20, 20]), Window(0, 4 * SECOND, is_short=False)) == pytest.approx(80)
    assert energy_j(sampled(gpu0_power_watts=[20]), Window(0, SECOND, is_short=False)) is None
    assert energy_j(Samples(), WINDOW) is None
    assert energy_j(sampled(gpu0_power_watts=[20, 20]), Window(0, 0, is_short=True)) is None


def test_tokens_per_joule():
    assert tokens_per_joule(300, 60.0) == 5
    assert tokens_per_joule(300, None) is None
    assert tokens_per_joule(300, 0.0) is None
