import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.decomposition import (
    DECODE,
    OTHERS_PREFILL,
    OWN_PREFILL,
    QUEUE,
    STALL,
    TimeSplit,
    added,
    decomposition,
    time_split,
)
from profiler.analysis.latency import request_latencies_ms
from profiler.records.specification import ContextSettings, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.records.timing import ABSENT_NS, STEP_DTYPE, RequestStatus
from tests.helpers.served_session import served
from tests.helpers.timeline_rows import requests_of, steps_of


def parts_of(requests, steps):
    found = decomposition(requests, steps)
    return [tuple(column) for column in found.parts_ns.T.tolist()]


def test_by_hand():
    """Two prompts of 12 and 10, 8 tokens a step; then decodes with a gap, and a step that reads a third one's prompt."""
    requests = requests_of((0, 10, 30, 90, 12), (5, 20, 50, 60, 10), (55, 61, 70, 90, 5))
    steps = steps_of((11, 20, 8), (20, 30, 8), (31, 40, 0), (40, 50, 6), (50, 60, 0), (62, 70, 5), (72, 90, 0))
    first, second, third = parts_of(requests, steps)
    # Queue 10. Own: 9 and 4/8 of 10. Others: the other 5, 10 and 8. Decode: 9, 10, 18. Stall: 1, 1, 2, 2.
    assert first == (10, 14, 23, 37, 6)
    # Queue 15. Own: 4/8 of 10, and 10. Others: 5. Decode: 9 while its prompt waited, 10. Stall: 1.
    assert second == (15, 15, 5, 19, 1)
    assert third == (6, 8, 0, 18, 3)


def test_what_never_began_only_queued_and_what_never_ended_is_left_out():
    requests = requests_of((0, ABSENT_NS, ABSENT_NS, 40, 9), (0, 10, ABSENT_NS, ABSENT_NS, 9), (0, 10, ABSENT_NS, 25, 9))
    found = decomposition(requests, steps_of((11, 20, 4), (20, 30, 4)))
    assert found.rows.tolist() == [0, 2]
    assert found.parts_ns[:, 0].tolist() == [40, 0, 0, 0, 0]
    assert found.e2e_ns.tolist() == [40, 25]


def test_steps_that_do_not_explain_a_prefill_leave_it_to_the_request():
    found = decomposition(requests_of((0, 10, 30, 60, 12)), steps_of((11, 20, 8), (21, 30, 3), (31, 60, 0)))
    assert found.is_split.tolist() == [False]
    assert found.parts_ns[:, 0].tolist() == [10, 18, 0, 29, 3]
    assert time_split(found).unsplit == 1


def test_without_steps_nothing_is_told():
    assert decomposition(requests_of((0, 10, 30, 60, 12)), np.zeros(0, STEP_DTYPE)) is None


def test_sums():
    requests = requests_of((0, 10, 30, 90, 12), (5, 20, 50, 60, 10), (55, 61, 70, 90, 5))
    steps = steps_of((11, 20, 8), (20, 30, 8), (31, 40, 0), (40, 50, 6), (50, 60, 0), (62, 70, 5), (72, 90, 0))
    found = decomposition(requests, steps)
    two = time_split(found.of(np.array([True, False, True])))
    assert two == TimeSplit(2, (16, 22, 23, 55, 9), 0)
    both = added([two, time_split(found.of(np.array([False, True, False])))])
    assert both == time_split(found)
    assert both.mean_ms == pytest.approx([each / 3e6 for each in both.total_ns])
    assert added([]).mean_ms is None


def test_steps_of_a_damaged_file_count_once():
    found = decomposition(requests_of((0, 0, 20, 40, 4)), steps_of((0, 20, 4), (10, 30, 0), (5, 25, 0), (30, 40, 0)))
    assert (found.parts_ns >= 0).all()
    assert found.e2e_ns.tolist() == [40]


LOADS = st.builds(
    lambda arrival, prompt, output, requests, batching, priority, chunk, timeout_s, seed: LoadSettings(
        (
            RequestClass(
                arrival=arrival,
                users=3 if arrival == "closed" else 0,
                prompt_tokens=prompt,
                output_tokens=output,
                rate_s=None if arrival in ("closed", "offline") else 15.0,
                requests=requests,
            ),
        ),
        batching=batching,
        static_batch_size=2,
        prefill_chunk=chunk,
        priority=priority,
        timeout_s=None if arrival == "closed" else timeout_s,
        seed=seed,
    ),
    st.sampled_from(["closed", "offline", "poisson"]),
    st.sampled_from(["1", "40", "uniform:1:300"]),
    st.sampled_from(["1", "7", "uniform:1:20"]),
    st.integers(1, 25),
    st.sampled_from(["continuous", "static", "sequential"]),
    st.sampled_from(["decode", "prefill"]),
    st.sampled_from([8, 64, 512]),
    st.sampled_from([None, 0.4]),
    st.integers(1, 1000),
)


@settings(max_examples=50, deadline=None)
@given(LOADS, st.integers(1, 4))
def test_whatever_was_served_the_parts_sum_to_the_latency(load, slots):
    context = ContextSettings(slots, 1024, 512, 512, 1, 1, "auto", "f16", "f16", True)
    data = served(RunSpecification(ModelSettings("model.gguf", 0, True), context, load))
    found = decomposition(data.requests, data.steps)
    if found is None:
        return
    assert (found.parts_ns >= 0).all()
    assert found.is_split.all()
    ended = data.requests[found.rows]
    assert found.e2e_ns.tolist() == (ended["end_ns"] - ended["due_ns"]).tolist()
    done = ended["status"] == RequestStatus.COMPLETED
    told = request_latencies_ms(ended)
    assert found.e2e_ns[done] / 1e6 == pytest.approx(told["e2e_ms"][done])
    has_begun = ended["prefill_start_ns"] != ABSENT_NS
    assert found.parts_ns[QUEUE][has_begun] / 1e6 == pytest.approx(told["queue_ms"][has_begun])
    # Looked at from the other side: what all requests own of a step is that step, so the sum cannot be more than all of them.
    reads = data.steps["prefill_tokens"] > 0
    lasted = data.steps["end_ns"] - data.steps["start_ns"]
    has_all = ended["status"] == RequestStatus.COMPLETED
    own = int(found.parts_ns[OWN_PREFILL].sum())
    assert own <= lasted[reads].sum()
    if has_all.all():
        assert own == pytest.approx(lasted[reads].sum(), abs=len(ended) * (len(lasted) + 1))
    # By brute force: each step that a request saw, whole or not at all.
    for column, row in zip(found.parts_ns.T, ended, strict=True):
        if row["prefill_start_ns"] == ABSENT_NS:
            continue
        inside = (data.steps["start_ns"] >= row["prefill_start_ns"]) & (data.steps["end_ns"] <= row["end_ns"])
        assert column[OWN_PREFILL] + column[OTHERS_PREFILL] == lasted[inside & reads].sum()
        assert column[DECODE] == lasted[inside & ~reads].sum()
        assert column[STALL] == row["end_ns"] - row["prefill_start_ns"] - lasted[inside].sum()
