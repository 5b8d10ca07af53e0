from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.request_slices import Slice, lanes, prefill_chunks, request_slices
from profiler.records.specification import (
    ContextSettings,
    LoadSettings,
    ModelSettings,
    RequestClass,
    RunSpecification,
)
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, RequestStatus
from tests.helpers.served_session import served

DONE = RequestStatus.COMPLETED


def requests_of(*rows):
    """Rows of (due, prefill start, first token, end, prompt tokens, cached tokens)."""
    requests = np.zeros(len(rows), REQUEST_DTYPE)
    requests["request"], requests["status"] = np.arange(len(rows)), DONE
    names = ("due_ns", "prefill_start_ns", "first_token_ns", "end_ns", "prompt_tokens", "cached_tokens")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        requests[name] = column
    return requests


def steps_of(*rows):
    """Rows of (start, end, prompt tokens)."""
    steps = np.zeros(len(rows), STEP_DTYPE)
    for name, column in zip(("start_ns", "end_ns", "prefill_tokens"), zip(*rows, strict=True), strict=True):
        steps[name] = column
    return steps


def slices_of(requests, steps):
    reads = steps["prefill_tokens"] > 0
    chunks = prefill_chunks(requests, steps[reads], np.flatnonzero(reads))
    return [request_slices(row, chunks.get(int(row["request"]), []), int(steps["end_ns"].max())) for row in requests]


def test_two_prompts_share_a_step():
    """8 tokens a step: the first prompt of 12 takes 8 and 4, the second of 10 the rest of that step, then its last 6 after a
    step that read from none.
    """
    requests = requests_of((0, 10, 30, 60, 12, 0), (5, 20, 50, 60, 11, 1))
    steps = steps_of((11, 20, 8), (21, 30, 8), (31, 40, 0), (41, 50, 6), (51, 60, 0))
    first, second = slices_of(requests, steps)
    assert first == [
        Slice("queued", 0, 10),
        Slice("prefill", 10, 20, 8, 0),
        Slice("prefill waits", 20, 21),
        Slice("prefill", 21, 30, 4, 1),
        Slice("decode", 30, 60),
    ]
    assert second == [
        Slice("queued", 5, 20),
        Slice("prefill", 20, 30, 4, 1),
        Slice("prefill waits", 30, 41),
        Slice("prefill", 41, 50, 6, 3),
        Slice("decode", 50, 60),
    ]


def test_a_prompt_that_was_given_up_takes_no_more():
    requests = requests_of((0, 10, ABSENT_NS, 20, 12, 0), (0, 25, 30, 30, 8, 0))
    requests["status"][0] = RequestStatus.TIMED_OUT
    first, second = slices_of(requests, steps_of((11, 20, 8), (26, 30, 8)))
    assert first == [Slice("queued", 0, 10), Slice("prefill", 10, 20, 8, 0)]
    assert second == [Slice("queued", 0, 25), Slice("prefill", 25, 30, 8, 1)]


def test_steps_that_do_not_explain_a_prefill_leave_it_whole():
    requests = requests_of((0, 10, 30, 60, 12, 0))
    whole = [Slice("queued", 0, 10), Slice("prefill", 10, 30), Slice("decode", 30, 60)]
    assert slices_of(requests, steps_of((11, 20, 8), (21, 31, 4))) == [whole], "the last chunk ends elsewhere"
    assert slices_of(requests, steps_of((11, 20, 4), (21, 30, 4))) == [whole], "tokens are missing"
    assert slices_of(requests, steps_of((11, 20, 0), (21, 30, 0))) == [whole], "no steps with prompts"


def test_requests_that_never_began_or_never_ended():
    requests = requests_of((0, ABSENT_NS, ABSENT_NS, 40, 9, 0), (0, ABSENT_NS, ABSENT_NS, ABSENT_NS, 9, 0))
    refused, waiting = slices_of(requests, steps_of((11, 60, 0)))
    assert refused == [Slice("queued", 0, 40)]
    assert waiting == [Slice("queued", 0, 60)], "to the run's end"


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 10), (1, 5), (5, 9), (10, 20)], [0, 1, 1, 0]),
        ([(0, 0), (0, 5), (0, 5)], [0, 0, 1]),
        ([(0, 10), (9, 20), (10, 11)], [0, 1, 0]),
        ([], []),
    ],
)
def test_lanes(spans, expected):
    assert lanes(spans) == expected


LOADS = st.builds(
    lambda arrival, users, prompt, output, requests, shared, cache, timeout_s, queue, batching, priority, chunk, depth, seed: (
        LoadSettings(
            (
                RequestClass(
                    arrival=arrival,
                    users=users if arrival == "closed" else 0,
                    prompt_tokens=prompt,
                    output_tokens=output,
                    rate_s=None if arrival in ("closed", "offline") else 15.0,
                    shared_prefix=shared,
                    requests=requests,
                ),
            ),
            batching=batching,
            static_batch_size=2,
            prefill_chunk=chunk,
            priority=priority,
            queue_limit=queue,
            timeout_s=None
            if arrival == "closed"
            else timeout_s,  # the virtual engine has no time between giving up and asking again
            prefix_cache=cache,
            depth=depth,
            seed=seed,
        )
    ),
    st.sampled_from(["closed", "offline", "poisson"]),
    st.integers(1, 6),
    st.sampled_from(["1", "40", "uniform:1:300", "lognormal:64:1.0"]),
    st.sampled_from(["1", "7", "uniform:1:20"]),
    st.integers(1, 25),
    st.sampled_from([0.0, 0.7]),
    st.booleans(),
    st.sampled_from([None, 0.4]),
    st.sampled_from([None, 3]),
    st.sampled_from(["continuous", "static", "sequential"]),
    st.sampled_from(["decode", "prefill"]),
    st.sampled_from([8, 64, 512]),
    st.sampled_from([0, 16]),
    st.integers(1, 1000),
)


@settings(max_examples=80, deadline=None)
@given(LOADS, st.integers(1, 4), st.sampled_from([32, 512]))
def test_whatever_was_served_is_cut_without_gap_and_lies_without_overlap(load, slots, batch_size):
    context = ContextSettings(slots, 1024, batch_size, batch_size, 1, 1, "auto", "f16", "f16", True)
    data = served(RunSpecification(ModelSettings("model.gguf", 0, True), context, load))
    requests, steps = data.requests, data.steps
    reads = steps["prefill_tokens"] > 0 if len(steps) else np.zeros(0, bool)
    chunks = prefill_chunks(requests, steps[reads], np.flatnonzero(reads))
    run_end_ns = max([0, *requests["end_ns"].tolist()])

    read_in_step = np.zeros(len(steps), np.int64)
    rows = requests[np.lexsort((requests["request"], requests["due_ns"]))]
    spans = [(int(row["due_ns"]), int(row["end_ns"])) for row in rows]
    on_lane = {}
    for row, lane in zip(rows, lanes(spans), strict=True):
        slices = request_slices(row, chunks.get(int(row["request"]), []), run_end_ns)
        on_lane.setdefault(lane, []).extend(slices)
        assert sum(each.end_ns - each.start_ns for each in slices) == row["end_ns"] - row["due_ns"]
        for before, after in pairwise(slices):
            assert before.end_ns == after.start_ns, "no gap within a request"
        prefill = [each for each in slices if each.name == "prefill"]
        for each in prefill:
            assert each.tokens is not None, "the steps explain every prompt that was begun"
            read_in_step[each.step] += each.tokens
        if row["first_token_ns"] != ABSENT_NS:
            assert sum(each.tokens for each in prefill) == row["prompt_tokens"] - row["cached_tokens"]
            assert prefill[-1].end_ns == row["first_token_ns"]
    for slices in on_lane.values():
        for before, after in pairwise(slices):
            assert before.end_ns <= after.start_ns, "no overlap on a lane"
    assert (read_in_step == (steps["prefill_tokens"] if len(steps) else [])).all(), "each prompt token of a step is someone's"
