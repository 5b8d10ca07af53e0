from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.exchange.findings.queue_history import MOST_POINTS, as_lines, queue_history
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, RequestStatus

SECOND_NS = 10**9


def requests_of(*rows: tuple[int, int | None, int | None]) -> np.ndarray:
    """From (due, prefill start, end) in seconds."""
    requests = np.zeros(len(rows), REQUEST_DTYPE)
    for row, instants in zip(requests, rows, strict=True):
        for name, instant in zip(("due_ns", "prefill_start_ns", "end_ns"), instants, strict=True):
            row[name] = ABSENT_NS if instant is None else instant * SECOND_NS
        row["status"] = RequestStatus.COMPLETED
    return requests


def held_at(times_s: np.ndarray, counts: np.ndarray, instant_s: float) -> float:
    return float(counts[np.searchsorted(times_s, instant_s, side="right") - 1])


def test_a_queue_by_hand_with_a_refusal_a_time_out_and_an_idle_stretch() -> None:
    history = queue_history(requests_of((0, 0, 4), (1, 4, 6), (2, None, 2), (3, None, 5), (9, 9, None)), repetition=2)
    assert history is not None
    assert (history.repetition, history.last_due_s) == (2, 9.0)
    seconds = np.arange(10) + 0.5
    assert [held_at(history.times_s, history.in_system, at) for at in seconds] == [1, 2, 2, 3, 2, 1, 0, 0, 0, 1]
    assert [held_at(history.times_s, history.waiting, at) for at in seconds] == [0, 1, 1, 2, 1, 0, 0, 0, 0, 0]
    assert queue_history(requests_of(), 1) is None


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 400)), min_size=1, max_size=60),
    st.sampled_from([8, 20, 50]),
)
@settings(max_examples=150, deadline=None)
def test_few_points_still_hold_every_peak_and_trough(stays: list[tuple[int, int]], most_points: int) -> None:
    due = np.array([begin for begin, _ in stays])
    end = due + np.array([length for _, length in stays])
    edges = np.unique(np.concatenate((due, end)))
    counts = np.array([np.count_nonzero((due <= at) & (at < end)) for at in edges], np.float64)
    times_s, (drawn,) = as_lines(edges.astype(np.float64), (counts,), most_points)
    assert len(times_s) == len(drawn) <= max(most_points, 1)
    assert (np.diff(times_s) >= 0).all()
    assert (drawn.max(), drawn.min()) == (counts.max(), counts.min())
    if 2 * len(edges) > most_points:
        slices = np.linspace(edges[0], edges[-1], most_points // 2 + 1)
        for number, (begin, until) in enumerate(pairwise(slices)):
            instants = [begin, *(at for at in edges if begin < at < until)]
            held = [np.count_nonzero((due <= at) & (at < end)) for at in instants]
            last = [0] if number == most_points // 2 - 1 else []  # the end of the last slice: everybody has left
            assert drawn[2 * number] == min(held + last)
            assert drawn[2 * number + 1] == max(held + last)


def test_a_long_run_is_drawn_with_few_points() -> None:
    due = np.arange(5000)
    history = queue_history(requests_of(*((int(at), int(at), int(at) + 3) for at in due)), 1)
    assert history is not None
    assert len(history.times_s) == len(history.in_system) == MOST_POINTS
    assert history.in_system.max() == 3


def test_where_no_start_of_reading_is_told_nobody_knows_who_waited():
    requests = np.zeros(2, REQUEST_DTYPE)
    requests["first_token_ns"], requests["end_ns"], requests["prefill_start_ns"] = 5, 9, ABSENT_NS
    assert queue_history(requests, 1) is None
    requests["prefill_start_ns"][0] = 3
    assert queue_history(requests, 1) is not None
