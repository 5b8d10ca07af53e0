import pytest

from profiler.analysis.bandwidth import achieved, fits_in_cache, scanned_bytes, share_percent, step_bytes
from profiler.analysis.window import Window

MS = 1_000_000
WINDOW = Window(0, 1000 * MS, is_short=False)


def decode(start, end, **row):
    """A decode step of four sequences in one ubatch, 200 KV tokens needed and 1024 scanned."""
    return {
        "start": start,
        "end": end,
        "decode_tokens": 4,
        "outputs": 4,
        "ubatches": 1,
        "kv_useful_tokens": 200,
        "kv_scanned_tokens": 1024,
    } | row


def test_bytes_of_a_decode_step(steps_of, costs):
    # 100 MB + 20 MB + 4 × 1 kB + 200 × 50 kB = 130.004 MB; scanned: 1024 × 50 kB = 51.2 MB of KV instead of 10.
    steps = steps_of(decode(0, 10))
    assert step_bytes(steps, costs).tolist() == [130_004_000]
    assert scanned_bytes(steps, costs).tolist() == [171_204_000]


def test_every_pass_reads_the_weights_again(steps_of, costs):
    # Two passes: 200 MB + 40 MB + 4 kB + 10 MB.
    assert step_bytes(steps_of(decode(0, 10, ubatches=2)), costs).tolist() == [250_004_000]


def test_the_output_matrix_is_read_only_for_flagged_rows(steps_of, costs):
    prefill = {"start": 0, "end": 10, "prefill_tokens": 512, "kv_useful_tokens": 512}
    steps = steps_of(prefill | {"ubatches": 1}, prefill | {"ubatches": 2, "outputs": 1})
    # No row flagged: 100 MB + 512 kB + 25.6 MB. Two passes, one with a flagged row: 200 MB + 20 MB + 512 kB + 25.6 MB.
    assert step_bytes(steps, costs).tolist() == [126_112_000, 246_112_000]


def test_achieved_is_all_bytes_over_all_seconds_of_pure_decode_steps_inside(steps_of, costs):
    steps = steps_of(
        decode(0, 10),
        decode(10, 40),
        decode(40, 60, prefill_tokens=8),  # a mixed step
        decode(990, 1001),  # ends outside
    )
    # 2 × 130.004 MB in 40 ms = 6.5002 GB/s (the mean of the two rates would be 8.67), scanned 2 × 171.204 MB = 8.5602.
    read = achieved(steps, costs, WINDOW)
    assert read.useful_gb_s == pytest.approx(6.5002)
    assert read.scanned_gb_s == pytest.approx(8.5602)
    assert read.mean_step_bytes == 130_004_000


def test_without_decode_steps_there_is_no_bandwidth(steps_of, costs):
    assert achieved(steps_of(), costs, WINDOW) is None
    assert achieved(steps_of({"start": 0, "end": 5, "prefill_tokens": 8, "ubatches": 1}), costs, WINDOW) is None


def test_share_of_the_peak_unless_the_cache_serves_it(steps_of, costs):
    read = achieved(steps_of(decode(0, 10)), costs, WINDOW)  # 13.0004 GB/s
    assert share_percent(read, 26.0008, None) == pytest.approx(50)
    assert share_percent(read, None, None) is None
    assert share_percent(read, 10, None) == pytest.approx(130.004)
    assert share_percent(read, 10, 32_501_000) == pytest.approx(130.004)  # four such caches are read, no more
    assert share_percent(read, 10, 32_501_001) is None
    assert share_percent(read, 26.0008, 480_000_000) == pytest.approx(50)


def test_fits_in_cache_below_four_caches():
    assert fits_in_cache(39.9e6, 10_000_000)
    assert not fits_in_cache(40e6, 10_000_000)
    assert not fits_in_cache(1, None)
