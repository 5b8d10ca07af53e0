import dataclasses

import pytest

from profiler.analysis.roofline import BOUND_FROM_PERCENT, Phase, Roofs, Verdict, Work, place, sentence, together, work_of
from profiler.analysis.window import Window
from profiler.records.run_record import StepCosts

MS = 1_000_000
WINDOW = Window(0, 1_000 * MS, is_short=False)
ROOFS = Roofs(bandwidth_gb_s=20.0, compute_gflop_s=100.0)
COSTS = StepCosts(
    100_000_000,
    20_000_000,
    0,
    50_000,
    matmul_flops_per_token=200_000_000,
    output_flops_per_row=40_000_000,
    attention_flops_per_pair=100_000,
)


def work(gb_s, gflop_s, *, phase=Phase.DECODE, kv_share=0.0, step_bytes=1e9):
    """100 steps that read and compute at these rates."""
    read = 100 * step_bytes
    step_ns = round(read / gb_s)
    flops = None if gflop_s is None else gflop_s * step_ns
    return Work(phase, 100, step_ns, read * (1 - kv_share), read * kv_share, flops)


def test_decode_and_prefill_are_taken_apart(steps_of):
    steps = steps_of(
        {"start": 0, "end": 10, "decode_tokens": 2, "sequences": 2, "outputs": 2, "ubatches": 1, "kv_useful_tokens": 100},
        {"start": 10, "end": 40, "prefill_tokens": 64, "sequences": 1, "outputs": 1, "ubatches": 1, "kv_useful_tokens": 64},
        {"start": 40, "end": 90, "prefill_tokens": 64, "decode_tokens": 1, "sequences": 2, "ubatches": 1, "kv_useful_tokens": 99},
        {"start": 990, "end": 1_001, "decode_tokens": 2, "sequences": 2, "outputs": 2, "ubatches": 1, "kv_useful_tokens": 100},
    )
    decode = work_of(steps, COSTS, WINDOW, Phase.DECODE)
    assert decode == Work(Phase.DECODE, 1, 10 * MS, 120e6, 5e6, 2 * 200e6 + 2 * 40e6 + 100 * 100e3)
    assert decode.gb_s == pytest.approx(12.5)
    assert decode.gflop_s == pytest.approx(49)
    assert decode.intensity == pytest.approx(490 / 125)
    prefill = work_of(steps, COSTS, WINDOW, Phase.PREFILL)
    assert prefill == Work(Phase.PREFILL, 1, 30 * MS, 120e6, 3.2e6, 64 * 200e6 + 40e6 + 64 * 65 / 2 * 100e3)


def test_without_steps_or_flops(steps_of, costs):
    step = {"start": 0, "end": 10, "decode_tokens": 1, "sequences": 1, "outputs": 1, "ubatches": 1, "kv_useful_tokens": 10}
    assert work_of(steps_of(step), COSTS, WINDOW, Phase.PREFILL) is None
    assert work_of(steps_of(), COSTS, WINDOW, Phase.DECODE) is None
    plain = work_of(steps_of(step), costs, WINDOW, Phase.DECODE)
    assert (plain.flops, plain.gflop_s, plain.intensity) == (None, None, None)


def test_a_cell_is_all_work_over_all_time():
    one, other = work(10, 20), work(20, 20)
    both = together([one, other])
    assert both.steps == 200
    assert both.gb_s == pytest.approx(200 / 15)  # not the mean of the rates, which is 15
    assert both.gflop_s == pytest.approx(20)
    assert together([one, dataclasses.replace(other, flops=None)]).flops is None
    assert together([]) is None


def test_roofs_meet_at_the_ridge():
    assert ROOFS.ridge == 5
    assert Roofs(None, 100.0).ridge is None


@pytest.mark.parametrize(
    ("gb_s", "gflop_s", "verdict"),
    [
        (14.2, 20, Verdict.MEMORY),
        (10, 49.9, Verdict.MEMORY),  # half of the memory's roof
        (9.99, 49.9, Verdict.OVERHEAD),
        (9.99, 50, Verdict.COMPUTE),
        (16, 70, Verdict.MEMORY),  # under both roofs near the ridge: the nearer one
        (14, 80, Verdict.COMPUTE),
        (7.9, 27, Verdict.OVERHEAD),  # the sample alone: 39 and 27 %
        (14, None, Verdict.MEMORY),
        (5, None, None),
    ],
)
def test_verdicts(gb_s, gflop_s, verdict):
    found = place(work(gb_s, gflop_s), ROOFS)
    assert found.verdict is verdict
    assert found.bandwidth_percent == pytest.approx(5 * gb_s)
    assert found.compute_percent == (None if gflop_s is None else pytest.approx(gflop_s))
    assert BOUND_FROM_PERCENT == 50


@pytest.mark.parametrize(
    ("roofs", "verdict"),
    [
        (Roofs(20.0, None), Verdict.MEMORY),
        (Roofs(40.0, None), None),
        (Roofs(None, 100.0), None),
        (Roofs(None, 40.0), Verdict.COMPUTE),
        (Roofs(None, None), None),
    ],
)
def test_a_roof_that_was_not_measured(roofs, verdict):
    assert place(work(14, 30), roofs).verdict is verdict


def test_what_the_cache_serves_tells_nothing_of_the_memory():
    cached = Roofs(20.0, 100.0, last_level_cache_bytes=300_000_000)  # a step reads 1 GB, less than four of it
    near = place(work(14, 20), cached)
    assert (near.bandwidth_percent, near.fits_in_cache, near.verdict) == (pytest.approx(70), True, Verdict.CACHE)
    above = place(work(30, 20), cached)
    assert (above.bandwidth_percent, above.verdict) == (None, Verdict.CACHE)
    assert place(work(30, 60), cached).verdict is Verdict.COMPUTE
    # Under both roofs it is far from the memory's all the more.
    assert place(work(8, 20), cached).verdict is Verdict.OVERHEAD
    assert place(work(14, 20), Roofs(20.0, 100.0, 200_000_000)).verdict is Verdict.MEMORY


@pytest.mark.parametrize(
    ("done", "roofs", "text"),
    [
        (
            work(14.2, 20),
            ROOFS,
            "Decode at 4 users uses 71 % of the memory bandwidth: a smaller quantization helps, more compute does not.",
        ),
        (
            work(14.2, 20, kv_share=0.6),
            ROOFS,
            "Decode at 4 users uses 71 % of the memory bandwidth, mostly for KV: a smaller KV type or less context helps, "
            "more compute does not.",
        ),
        (
            work(2, 81, phase=Phase.PREFILL),
            ROOFS,
            "Prefill at 4 users uses 81 % of the compute: more compute helps, more memory bandwidth does not.",
        ),
        (
            work(7.8, 27),
            ROOFS,
            "Decode at 4 users uses 39 % of the memory bandwidth and 27 % of the compute: it is limited by its kernels or by "
            "overhead, not by either.",
        ),
        (
            work(14, 20, step_bytes=97e6),
            Roofs(20.0, 100.0, 32_000_000),
            "Decode at 4 users reads 97.0 MB a step, which the last-level cache of 32.0 MB serves in part: how near the memory's "
            "limit it is cannot be told.",
        ),
        (
            work(5, None),
            Roofs(None, 100.0),
            "What limits decode at 4 users cannot be told: its share of the memory bandwidth and the compute is not known.",
        ),
        (
            work(5, 10),
            Roofs(20.0, None),
            "What limits decode at 4 users cannot be told: its share of the compute is not known.",
        ),
    ],
)
def test_sentences(done, roofs, text):
    assert sentence(done, roofs, "at 4 users") == text


def test_a_sentence_without_a_place():
    assert sentence(work(14.2, 20), ROOFS).startswith("Decode uses 71 %")


def test_few_threads_have_roofs_of_their_own():
    machine = Roofs(20.0, 100.0, 32_000_000)
    by_threads = {1: 12.0, 2: 20.0, 4: 20.0}
    one = machine.of_threads(1, by_threads, 4)
    assert one == Roofs(12.0, 25.0, 32_000_000, threads=1, machine_bandwidth_gb_s=20.0)
    # Two read as much as four, but compute half.
    assert machine.of_threads(2, by_threads, 4) == Roofs(20.0, 50.0, 32_000_000, threads=2)
    assert machine.of_threads(3, {1: 8.0, 2: 12.0, 4: 20.0}, 4).bandwidth_gb_s == pytest.approx(16)
    assert machine.of_threads(4, by_threads, 4) == machine.of_threads(8, by_threads, 4) == machine
    # What was not measured so is not reckoned.
    assert machine.of_threads(1, {}, None) == machine.of_threads(1, {2: 20.0}, None) == machine
    assert Roofs(None, None).of_threads(1, by_threads, 4) == Roofs(None, None)


def test_a_thread_alone_is_held_against_what_it_can_reach():
    one = ROOFS.of_threads(1, {1: 11.0, 2: 20.0}, 2)
    assert place(work(8, 10), ROOFS).verdict is Verdict.OVERHEAD
    assert place(work(8, 10), one).verdict is Verdict.MEMORY
    assert sentence(work(8.8, 10), one) == (
        "Decode uses 80 % of the memory bandwidth that 1 thread can use: a smaller quantization helps, and so do more threads."
    )
    assert sentence(work(8.8, 10, kv_share=0.6), one) == (
        "Decode uses 80 % of the memory bandwidth that 1 thread can use, mostly for KV: a smaller KV type or less context helps, "
        "and so do more threads."
    )
    assert sentence(work(1, 40, phase=Phase.PREFILL), one) == (
        "Prefill uses 80 % of the compute of 1 thread: more threads help, more memory bandwidth does not."
    )
    saturated = Roofs(20.0, 100.0).of_threads(2, {1: 11.0, 2: 20.0, 4: 20.0}, 4)
    assert sentence(work(16, 10), saturated) == (
        "Decode uses 80 % of the memory bandwidth: a smaller quantization helps, more compute does not."
    )
    assert sentence(work(2.2, 5), saturated) == (
        "Decode uses 11 % of the memory bandwidth and 10 % of the compute of 2 threads: it is limited by its kernels or by "
        "overhead, not by either."
    )
