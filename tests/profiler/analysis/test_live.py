import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.figures import run_figures
from profiler.analysis.live import LiveWindow
from profiler.analysis.live_slices import SliceRing
from profiler.records.run_record import StepCosts
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, RunData, Samples, no_rows

MS = 1_000_000
SECOND = 1_000 * MS


def chunks(data: RunData, edges_ns):
    """The run's rows as they would arrive: each row at the first edge at or after its end."""
    edges = [*sorted(edges_ns), np.iinfo(np.int64).max]
    before = np.iinfo(np.int64).min
    for edge in edges:
        yield tuple(
            rows[(rows[column] > before) & (rows[column] <= edge)]
            for rows, column in ((data.requests, "end_ns"), (data.tokens, "time_ns"), (data.steps, "end_ns"))
        )
        before = edge


def fed(data, edges_ns, *arguments):
    live = LiveWindow(*arguments or (None, None, None))
    for part in chunks(data, edges_ns):
        live.feed(*part)
    return live


def same(left, right):
    """Whether two looks are equal to the last digit but one; NaN equals NaN."""
    for part in ("tiles", "slices"):
        for name in (field.name for field in dataclasses.fields(getattr(left, part))):
            a, b = getattr(getattr(left, part), name), getattr(getattr(right, part), name)
            if a is None or b is None:
                assert a is b, name
            else:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)
    np.testing.assert_array_equal(left.ttft_ms, right.ttft_ms)
    return True


@given(st.lists(st.integers(0, 4_000), max_size=30))
@settings(max_examples=40, deadline=None)
def test_how_the_rows_were_cut_does_not_matter(closed_loop, costs, edges_ms):
    data = closed_loop([0, 150, 300], per_user=3)
    edges_ns = [edge * MS for edge in edges_ms]
    whole = fed(data, [], costs, 1024, 20.0).snapshot(4 * SECOND)
    assert same(fed(data, edges_ns, costs, 1024, 20.0).snapshot(4 * SECOND), whole)


@given(st.lists(st.integers(0, 3_000), max_size=30), st.integers(1, 4), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_totals_equal_the_figures_of_the_run(offline, context_of, edges_ms, slots, requests):
    data = offline(requests, slots)
    figures = run_figures(data, context_of(arrival="offline", users=0))
    end_ns = int(data.tokens["time_ns"].max())
    tiles = fed(data, [edge * MS for edge in edges_ms]).snapshot(end_ns).tiles
    assert tiles.output_tokens == pytest.approx(figures["output_tok_s"] * end_ns / 1e9)
    assert tiles.prompt_tokens == pytest.approx(figures["prompt_tok_s"] * end_ns / 1e9)
    assert tiles.completed == pytest.approx(figures["requests_s"] * end_ns / 1e9)
    assert tiles.failed == 0
    assert tiles.ttft_p50_ms == figures["ttft_ms"]["p50"]
    assert tiles.ttft_p95_ms == figures["ttft_ms"]["p95"]


def test_the_tiles_of_a_short_run_equal_its_figures(closed_loop, costs, context_of):
    # One user, one request of 415 ms: the run is younger than what "recent" means, so that is all of it.
    data = closed_loop([0], per_user=1)
    figures = run_figures(data, context_of(users=1, costs=costs, peak_bandwidth_gb_s=20.0))
    tiles = fed(data, [], costs, 1000, 20.0).snapshot(415 * MS).tiles
    for name in ("output_tok_s", "prompt_tok_s", "user_tok_s", "bandwidth_gb_s", "bandwidth_share"):
        assert getattr(tiles, name) == pytest.approx(figures[name]), name
    assert (tiles.sequences, tiles.waiting, tiles.kv_occupancy) == (1, 0, pytest.approx(9.5))


def test_slices_by_hand(tokens_of, steps_of, requests_of, costs):
    live = LiveWindow(costs, 1000, 20.0)
    decode = {"decode_tokens": 1, "outputs": 1, "ubatches": 1, "sequences": 1}
    live.feed(
        requests_of((0, 0, 100, 600, 4), (10, 20, None, 30, 0, RequestStatus.FAILED)),
        tokens_of((0, 0, 100), (0, 1, 250), (0, 2, 400), (0, 3, 600)),
        steps_of(
            {"start": 0, "end": 100, "prefill_tokens": 40, "sequences": 2, "kv_used_cells": 100, "waiting": 3},
            decode | {"start": 100, "end": 250, "kv_used_cells": 200, "waiting": 1},
            decode | {"start": 250, "end": 400, "kv_used_cells": 300},
            decode | {"start": 400, "end": 600, "kv_used_cells": 400},
        ),
    )
    slices = live.snapshot(600 * MS).slices
    # Complete: (0, 250] and (250, 500]; the stamp at 250 belongs to the first. Data ends at 600, in the third.
    assert slices.times_s.tolist() == [0.25, 0.5]
    assert slices.output_tok_s.tolist() == [8, 4]
    assert slices.prompt_tok_s.tolist() == [160, 0]
    assert slices.itl_p50_ms.tolist() == [150, 150]
    assert slices.sequences.tolist() == pytest.approx([(2 * 100 + 1 * 150) / 250, 1])
    assert slices.waiting.tolist() == pytest.approx([(3 * 100 + 150) / 250, 0])
    assert slices.kv_occupancy.tolist() == pytest.approx([(10 * 100 + 20 * 150) / 250, (30 * 150 + 40 * 100) / 250])
    # 120.001 MB in 150 ms is 0.80000667 GB/s; the second slice holds that step and half of one that took 200 ms.
    assert slices.bandwidth_gb_s.tolist() == pytest.approx([0.120001 / 0.15, 1.5 * 0.120001 / 0.25])
    # No step holds KV.
    assert slices.weights_gb_s.tolist() == slices.bandwidth_gb_s.tolist()
    assert slices.kv_gb_s.tolist() == [0, 0]
    figures = live.snapshot(600 * MS)
    assert (figures.tiles.completed, figures.tiles.failed) == (1, 1)
    assert figures.tiles.output_tok_s == pytest.approx(4 / 0.6)
    assert figures.tiles.user_tok_s == pytest.approx(3 / 0.5)
    assert (figures.ttft_times_s.tolist(), figures.ttft_ms.tolist()) == ([0.1], [100])


def test_tokens_of_a_step_are_weighted_by_its_time_and_the_cache_is_counted(steps_of):
    live = LiveWindow(None, 1000, None)
    nothing = no_rows(REQUEST_DTYPE), no_rows(TOKEN_DTYPE)
    live.feed(
        *nothing,
        steps_of(
            {"start": 0, "end": 200, "prefill_tokens": 100, "decode_tokens": 3, "cached_tokens": 300, "evictions": 2},
            {"start": 200, "end": 250, "decode_tokens": 4},
            {"start": 250, "end": 501, "prefill_tokens": 20, "decode_tokens": 4, "evictions": 1},
        ),
    )
    figures = live.snapshot(501 * MS)
    slices, tiles = figures.slices, figures.tiles
    assert slices.prefill_tokens_step.tolist() == pytest.approx([100 * 200 / 250, 20])
    assert slices.decode_tokens_step.tolist() == pytest.approx([(3 * 200 + 4 * 50) / 250, 4])
    assert slices.cached_tokens_step.tolist() == pytest.approx([300 * 200 / 250, 0])
    assert (tiles.cached_tokens, tiles.prompt_tokens, tiles.evictions) == (300, 120, 3)
    assert tiles.cached_share == pytest.approx(100 * 300 / 420)


def test_weights_and_kv_are_told_apart(steps_of):
    costs = StepCosts(100_000_000, 20_000_000, 0, 50_000)
    live = LiveWindow(costs, 1000, 20.0)
    decode = {"decode_tokens": 2, "outputs": 2, "ubatches": 1, "sequences": 2}
    live.feed(
        no_rows(REQUEST_DTYPE),
        no_rows(TOKEN_DTYPE),
        steps_of(
            decode | {"start": 0, "end": 100, "kv_useful_tokens": 600},
            {"start": 100, "end": 200, "prefill_tokens": 64, "sequences": 1, "ubatches": 1, "kv_useful_tokens": 64},
            decode | {"start": 200, "end": 250, "kv_useful_tokens": 400},
            decode | {"start": 250, "end": 251, "kv_useful_tokens": 400},
        ),
    )
    figures = live.snapshot(251 * MS)
    slices = figures.slices
    # The prompt's step counts nowhere: 2 × 120 MB of weights and 30 + 20 MB of KV in 150 ms of decoding.
    assert slices.weights_gb_s.tolist() == pytest.approx([0.240 / 0.150])
    assert slices.kv_gb_s.tolist() == pytest.approx([0.050 / 0.150])
    assert slices.bandwidth_gb_s.tolist() == pytest.approx([0.290 / 0.150])
    assert figures.tiles.bandwidth_gb_s == pytest.approx((0.290 + 0.140) / 0.151)


def test_requests_that_never_got_there_count_as_the_slowest(requests_of):
    live = LiveWindow(None, None, None)
    nothing = no_rows(TOKEN_DTYPE), no_rows(STEP_DTYPE)
    answered = [(0, 0, at, at + 10, 2) for at in range(1, 11)]
    live.feed(requests_of(*answered), *nothing)
    assert live.snapshot(SECOND).tiles.ttft_p95_ms == 10
    live.feed(
        requests_of(
            (20, None, None, 20, 0, RequestStatus.REFUSED),
            (20, None, None, 90, 0, RequestStatus.TIMED_OUT),
            (20, None, None, 91, 0, RequestStatus.TIMED_OUT),
        ),
        *nothing,
    )
    figures = live.snapshot(SECOND)
    tiles = figures.tiles
    # Of 13 the median is the 7th; the 13th (p95) is one of the three that have no first token.
    assert (tiles.ttft_p50_ms, tiles.ttft_p95_ms) == (7, None)
    assert (tiles.completed, tiles.failed, tiles.refused, tiles.timed_out) == (10, 0, 1, 2)
    assert figures.ttft_ms.tolist() == list(range(1, 11))


def test_a_step_longer_than_slices_leaves_no_hole(steps_of):
    live = LiveWindow(None, None, None)
    nothing = no_rows(REQUEST_DTYPE), no_rows(TOKEN_DTYPE)
    live.feed(*nothing, steps_of({"start": 100, "end": 1300, "prefill_tokens": 600, "sequences": 4}))
    slices = live.snapshot(1300 * MS).slices
    assert slices.sequences.tolist() == [4] * 5
    assert slices.prompt_tok_s.tolist() == pytest.approx([300, 500, 500, 500, 500])
    assert np.isnan(slices.bandwidth_gb_s).all()
    assert np.isnan(slices.kv_occupancy).all()
    assert np.isnan(slices.itl_p50_ms).all()


def test_idle_slices_have_rates_of_zero_and_nothing_else(steps_of):
    live = LiveWindow(None, 100, None)
    nothing = no_rows(REQUEST_DTYPE), no_rows(TOKEN_DTYPE)
    live.feed(*nothing, steps_of({"start": 0, "end": 250, "sequences": 1}, {"start": 800, "end": 1001, "sequences": 1}))
    slices = live.snapshot(1001 * MS).slices
    assert slices.output_tok_s.tolist() == [0, 0, 0, 0]
    assert np.isnan(slices.sequences).tolist() == [False, True, True, False]


def test_only_the_last_minute_is_kept(closed_loop):
    data = closed_loop([0], per_user=200)  # 83 s, its last token at 83.0
    end_ns = int(data.tokens["time_ns"].max())
    figures = fed(data, range(0, end_ns, 50 * MS)).snapshot(end_ns)
    slices = figures.slices
    assert len(slices.times_s) == 240
    assert slices.times_s[-1] == 82.75  # the slice up to 83 s is the one still filling
    assert np.diff(slices.times_s).tolist() == [0.25] * 239
    in_minute = (data.tokens["time_ns"] <= slices.times_s[-1] * 1e9) & (data.tokens["time_ns"] > (slices.times_s[0] - 0.25) * 1e9)
    assert slices.output_tok_s.sum() * 0.25 == np.count_nonzero(in_minute)
    assert figures.tiles.output_tokens == 200 * 32
    assert figures.ttft_times_s[0] > end_ns / 1e9 - 60
    assert np.isfinite(slices.itl_p95_ms).all()
    assert same(fed(data, []).snapshot(end_ns), figures)


def test_what_has_not_arrived_is_not_missing_but_silence_is(closed_loop):
    data = closed_loop([0, 200], per_user=40)
    end_ns = int(data.tokens["time_ns"].max())
    live = fed(data, [])
    at_once = live.snapshot(end_ns).tiles.output_tok_s
    assert live.snapshot(end_ns + 900 * MS).tiles.output_tok_s == at_once
    assert live.snapshot(end_ns + 3_500 * MS).tiles.output_tok_s == pytest.approx(at_once / 2, rel=0.1)
    assert live.snapshot(end_ns + 300 * SECOND).tiles.output_tok_s == 0


def test_before_anything_arrived_there_is_nothing_to_tell():
    figures = LiveWindow(None, None, None).snapshot(5 * SECOND)
    tiles = dataclasses.asdict(figures.tiles)
    counts = ("output_tokens", "prompt_tokens", "cached_tokens", "completed", "failed", "refused", "timed_out", "evictions")
    assert [tiles.pop(name) for name in counts] == [0] * len(counts)
    assert set(tiles.values()) == {None}
    assert len(figures.slices.times_s) == len(figures.ttft_ms) == len(figures.samples.times_ns) == 0


def test_a_gap_spans_arrivals_and_an_ended_request_is_forgotten(tokens_of, requests_of):
    live = LiveWindow(None, None, None)
    steps = no_rows(STEP_DTYPE)
    live.feed(no_rows(REQUEST_DTYPE), tokens_of((0, 0, 100)), steps)
    live.feed(requests_of((0, 0, 100, 180, 2)), tokens_of((0, 1, 180)), steps)
    live.feed(no_rows(REQUEST_DTYPE), tokens_of((1, 5, 900)), steps)
    tiles, slices = live.snapshot(900 * MS).tiles, live.snapshot(900 * MS).slices
    assert tiles.user_tok_s == pytest.approx(1 / 0.08)
    assert slices.itl_p50_ms[0] == 80
    assert np.isnan(slices.itl_p50_ms[1:]).all()


def test_telemetry_of_the_last_minute_with_channels_that_come_later():
    live = LiveWindow(None, None, None)
    live.feed_samples(Samples(np.array([SECOND, 2 * SECOND]), {"process_rss_bytes": np.array([1.0, 2.0])}))
    later = {
        "process_rss_bytes": np.array([3.0]),
        "gpu0_vram_used_bytes": np.array([7.0]),
        "gpu1_vram_used_bytes": np.array([5.0]),
    }
    live.feed_samples(Samples(np.array([62 * SECOND]), later))
    figures = live.snapshot(62 * SECOND)
    assert figures.samples.times_ns.tolist() == [2 * SECOND, 62 * SECOND]
    assert figures.samples.channels["process_rss_bytes"].tolist() == [2, 3]
    assert np.isnan(figures.samples.channels["gpu0_vram_used_bytes"][0])
    assert (figures.tiles.rss_bytes, figures.tiles.vram_bytes) == (3, 12)
    live.feed_samples(Samples(np.array([63 * SECOND]), {"process_rss_bytes": np.array([np.nan])}))
    tiles = live.snapshot(63 * SECOND).tiles
    assert tiles.rss_bytes is tiles.vram_bytes is None


def test_samples_wrap_around_their_ring():
    live = LiveWindow(None, None, None)
    times_ns = np.arange(3000, dtype=np.int64) * 100 * MS
    for part in np.array_split(np.arange(3000), 700):
        live.feed_samples(Samples(times_ns[part], {"cpu_percent": part.astype(np.float64)}))
    kept = live.snapshot(int(times_ns[-1])).samples
    assert kept.channels["cpu_percent"].tolist() == list(range(2399, 3000))
    assert (np.diff(kept.times_ns) == 100 * MS).all()


def test_memory_stays_bounded(tokens_of, steps_of, requests_of):
    live = LiveWindow(None, None, None)

    def feed(seconds):
        for second in seconds:
            at = second * 1000
            requests = requests_of((at, at, at + 1, at + 900, 2))
            requests["request"] = second
            live.feed(
                requests,
                tokens_of((second, 2 * second, at + 1), (second, 2 * second + 1, at + 900)),
                steps_of({"start": at, "end": at + 1, "sequences": 1}, {"start": at + 890, "end": at + 900, "sequences": 1}),
            )

    feed(range(200))
    tracemalloc.start()
    feed(range(200, 260))
    settled, _ = tracemalloc.get_traced_memory()
    feed(range(260, 1000))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown - settled < 20_000


def test_the_newest_first_tokens_stay_when_there_are_too_many(requests_of):
    live = LiveWindow(None, None, None)
    rows = requests_of(*((at, at, at + 1, at + 1, 1) for at in range(1000)))
    nothing = no_rows(TOKEN_DTYPE), no_rows(STEP_DTYPE)
    for batch in range(20):
        later = rows.copy()
        for column in ("due_ns", "prefill_start_ns", "first_token_ns", "end_ns"):
            later[column] += batch * SECOND
        later["due_ns"] -= batch * MS
        live.feed(later, *nothing)
    figures = live.snapshot(20 * SECOND)
    assert figures.tiles.completed == 20_000
    assert len(figures.ttft_ms) == 16_384
    assert (np.diff(figures.ttft_times_s) >= 0).all()
    assert figures.ttft_ms.min() == 4  # of the batches 0 … 19 the first three and most of the fourth are gone


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 40)), min_size=1, max_size=20))
def test_spreading_keeps_every_nanosecond(intervals):
    ring = SliceRing(10, 12, ("x",))
    starts = np.array([start for start, _ in intervals])
    ends = starts + np.array([length for _, length in intervals])
    index, number, inside = ring.spread(starts, ends)
    np.testing.assert_array_equal(np.bincount(index, inside, len(intervals)), ends - starts)
    assert (number * 10 < ends[index]).all()
    assert ((number + 1) * 10 > starts[index]).all()
