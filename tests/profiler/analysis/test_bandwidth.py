import pytest

from profiler.analysis.bandwidth import (
    achieved,
    attention_pairs,
    fits_in_cache,
    kv_bytes,
    scanned_bytes,
    share_percent,
    step_bytes,
    step_flops,
    weight_bytes,
)
from profiler.analysis.window import Window
from profiler.records.run_record import StepCosts

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


def test_weights_and_kv_apart(steps_of, costs):
    steps = steps_of(decode(0, 10))
    assert weight_bytes(steps, costs).tolist() == [120_004_000]
    assert kv_bytes(steps, costs).tolist() == [10_000_000]


def test_experts_hit(steps_of):
    # 8 experts, 2 a token: one token hits 2; two hit 8 × (1 - 0.75²) = 3.5; a hundred hit all.
    costs = StepCosts(0, 0, 0, 0, expert_bytes=8_000, expert_count=8, experts_used=2)
    rows = [{"start": 0, "end": 1, "decode_tokens": tokens, "ubatches": 1} for tokens in (1, 2, 100)]
    assert weight_bytes(steps_of(*rows), costs).tolist() == pytest.approx([2_000, 3_500, 8_000])
    # Cut in two passes each token hits its own.
    split = steps_of({"start": 0, "end": 1, "prefill_tokens": 4, "ubatches": 2})
    assert weight_bytes(split, costs).tolist() == pytest.approx([7_000])
    dense = StepCosts(0, 0, 0, 0, expert_bytes=8_000, expert_count=8, experts_used=8)
    assert weight_bytes(steps_of(*rows), dense).tolist() == [8_000] * 3


def test_states_are_read_once_a_sequence(steps_of):
    costs = StepCosts(100, 0, 0, 2, state_bytes_per_sequence=1_000)
    steps = steps_of(decode(0, 10, sequences=4))
    assert kv_bytes(steps, costs).tolist() == [4_000 + 2 * 200]
    assert scanned_bytes(steps, costs).tolist() == [100 + 4_000 + 2 * 1024]


def test_flops_of_a_decode_step(steps_of):
    costs = StepCosts(1, 1, 1, 1, matmul_flops_per_token=1_000, output_flops_per_row=500, attention_flops_per_pair=7)
    # 4 tokens, 4 flagged rows, 200 tokens looked at.
    assert step_flops(steps_of(decode(0, 10, sequences=4)), costs).tolist() == [4 * 1_000 + 4 * 500 + 200 * 7]


def test_flops_are_not_guessed(steps_of, costs):
    assert step_flops(steps_of(decode(0, 10)), costs) is None


def looked_at(chunk, length):
    """Pairs of a prompt's last `chunk` tokens with all before them and themselves, counted one by one."""
    return sum(range(length - chunk + 1, length + 1))


@pytest.mark.parametrize(("chunk", "length"), [(1, 1), (5, 5), (512, 512), (512, 2048), (1, 700)])
def test_pairs_of_one_prompt_are_exact(steps_of, chunk, length):
    row = {"start": 0, "end": 1, "prefill_tokens": chunk, "sequences": 1, "kv_useful_tokens": length}
    assert attention_pairs(steps_of(row)).tolist() == [looked_at(chunk, length)]


def test_pairs_of_equal_prompts_are_exact(steps_of):
    row = {"start": 0, "end": 1, "prefill_tokens": 30, "sequences": 3, "kv_useful_tokens": 60}
    assert attention_pairs(steps_of(row)).tolist() == [3 * looked_at(10, 20)]


def test_pairs_of_a_mixed_step_are_near(steps_of):
    # Three decodes at 100 and a prompt of 50 that ends at 90: the lengths' mean is 97.5.
    row = {"start": 0, "end": 1, "prefill_tokens": 50, "decode_tokens": 3, "sequences": 4, "kv_useful_tokens": 390}
    (pairs,) = attention_pairs(steps_of(row)).tolist()
    assert pairs == pytest.approx(3 * 100 + looked_at(50, 90), rel=0.12)
    # A prompt longer than the mean of all lengths looks at itself at least.
    long = {"start": 0, "end": 1, "prefill_tokens": 400, "decode_tokens": 7, "sequences": 8, "kv_useful_tokens": 435}
    (pairs,) = attention_pairs(steps_of(long)).tolist()
    assert pairs == pytest.approx(looked_at(400, 400), rel=0.01)


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
    assert read.weights_gb_s == pytest.approx(6.0002)
    assert read.kv_gb_s == pytest.approx(0.5)


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
