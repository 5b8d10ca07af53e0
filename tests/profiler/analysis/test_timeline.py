import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.timeline import DECODING, NOTHING, OWN_PREFILL, PREFILL_WAITS, QUEUED, run_timeline
from profiler.analysis.timeline_tracks import Track, tracks
from profiler.records.timing import ABSENT_NS, RunData, Samples
from tests.helpers.timeline_rows import requests_of, steps_of, tokens_of


@pytest.fixture
def data() -> RunData:
    return RunData(
        requests_of((0, 10, 30, 90, 12), (5, 20, 50, 60, 10), (60, 61, 70, 90, 5)),
        tokens_of((0, 1, 30), (0, 2, 40), (0, 3, 50), (1, 3, 50), (0, 4, 60), (1, 4, 60), (0, 5, 70), (2, 5, 70), (2, 6, 90)),
        steps_of((11, 20, 8), (20, 30, 8), (31, 40, 0), (40, 50, 6), (50, 60, 0), (62, 70, 5), (72, 90, 0)),
    )


def test_lanes_hold_what_requests_did(data: RunData) -> None:
    timeline = run_timeline(data)
    assert timeline.lane_of.tolist() == [0, 1, 1]
    assert (timeline.start_ns, timeline.end_ns) == (0, 90)
    first, second = timeline.lanes
    assert first.states_at(np.array([-1, 0, 9, 10, 11, 29, 30, 89, 90])).tolist() == [
        NOTHING, QUEUED, QUEUED, PREFILL_WAITS, OWN_PREFILL, OWN_PREFILL, DECODING, DECODING, NOTHING,
    ]  # fmt: skip
    assert second.states_at(np.array([5, 20, 30, 40, 50, 59, 60, 61, 62, 70])).tolist() == [
        QUEUED, OWN_PREFILL, PREFILL_WAITS, OWN_PREFILL, DECODING, DECODING, QUEUED, PREFILL_WAITS, OWN_PREFILL, DECODING,
    ]  # fmt: skip
    assert second.request_at(58) == 1
    assert second.request_at(61) == 2
    assert second.request_at(2) is None


def test_shares_are_of_the_time_between_edges(data: RunData) -> None:
    first, second = run_timeline(data).lanes
    assert first.shares(np.array([-10, 0, 12, 22])).T.tolist() == [[0, 0, 0, 0], [10 / 12, 1 / 12, 1 / 12, 0], [0, 1, 0, 0]]
    assert second.shares(np.array([50, 90, 190])).T.tolist() == [[1 / 40, 8 / 40, 1 / 40, 30 / 40], [0, 0, 0, 0]]


def test_tokens_lie_on_their_lanes(data: RunData) -> None:
    timeline = run_timeline(data)
    first, second = timeline.lanes
    assert second.token_ns.tolist() == [50, 60, 70, 90]
    assert second.tokens_within(np.array([0, 50, 69, 90])).tolist() == [1, 1, 2]
    assert timeline.tokens_of(1).tolist() == [3, 5]
    assert timeline.tokens_of(2).tolist() == [7, 8]
    assert first.token_near(39, 5) == 1
    assert first.token_near(35, 4) is None


def test_a_request_that_never_ended_lasts_as_long_as_the_run(data: RunData) -> None:
    data.requests["end_ns"][0] = ABSENT_NS
    timeline = run_timeline(data)
    assert timeline.lanes[0].states_at(np.array([89])).tolist() == [DECODING]
    assert timeline.parts is not None
    assert timeline.parts.rows.tolist() == [1, 2]


def test_without_steps_a_prefill_is_one_piece(data: RunData) -> None:
    timeline = run_timeline(RunData(data.requests, data.tokens))
    assert timeline.lanes[0].states_at(np.array([5, 15, 29, 35])).tolist() == [QUEUED, OWN_PREFILL, OWN_PREFILL, DECODING]
    assert timeline.parts is None


def test_a_run_of_nothing() -> None:
    assert run_timeline(RunData()).lanes == ()
    assert tracks(RunData(), None, None) == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=12),
    st.lists(st.integers(-5, 160), min_size=2, max_size=12),
)
def test_means_are_those_of_a_sum_instant_by_instant(stretches: list[tuple[int, int, int]], edges: list[int]) -> None:
    """Of (gap, length, value): against the plain mean over the whole nanoseconds between two edges."""
    at, start, end, values = 0, [], [], []
    for gap, length, value in stretches:
        start.append(at + gap)
        at += gap + length
        end.append(at)
        values.append(value)
    arrays = (np.array(start), np.array(end), np.array(values, float))
    instants = np.full(400, np.nan)
    for first, stop, value in zip(start, end, values, strict=True):
        instants[first + 100 : stop + 100] = value
    edges_ns = np.array(sorted(edges))
    for is_zero in (True, False):
        track = Track("x", "", *arrays, is_zero_between=is_zero)
        for mean, first, stop in zip(track.means(edges_ns), edges_ns, edges_ns[1:], strict=False):
            seen = instants[first + 100 : stop + 100]
            seen = np.nan_to_num(seen) if is_zero else seen[np.isfinite(seen)]
            if len(seen):
                assert mean == pytest.approx(seen.mean())
                assert track.at(int(first)) == (None if np.isnan(instants[first + 100]) and not is_zero else pytest.approx(
                    float(np.nan_to_num(instants[first + 100]))))  # fmt: skip
            else:
                assert np.isnan(mean)


def test_tracks_of_steps_and_samples(data: RunData) -> None:
    data.steps["sequences"], data.steps["kv_used_cells"] = [1, 2, 1, 2, 2, 2, 2], [8, 16, 17, 24, 26, 21, 22]
    samples = Samples(
        np.array([0, 30, 60, 90]),
        {
            "gpu0_power_watts": np.array([100.0, np.nan, 50.0, 10.0]),
            "cpu_frequency_mhz_0": np.array([1000.0, 2000.0, 2000.0, 0.0]),
            "cpu_frequency_mhz_1": np.array([3000.0, 2000.0, np.nan, 0.0]),
            "cpu_percent": np.zeros(4),
        },
    )
    found = {each.name: each for each in tracks(RunData(data.requests, data.tokens, data.steps, samples), 100, None)}
    assert list(found) == ["batch", "prompt", "decode", "KV cache", "gpu0 power", "processor clock"]
    assert found["batch"].means(np.array([0, 20, 31])).tolist() == pytest.approx([9 / 20, 20 / 11])
    assert found["KV cache"].at(25) == 8, "what the first step left"
    assert found["KV cache"].unit == "%"
    assert found["gpu0 power"].at(45) is None, "the reading failed"
    assert np.isnan(found["gpu0 power"].means(np.array([31, 59]))).all()
    assert found["processor clock"].at(10) == 2000
