import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.scheduling.continuous import NO_REQUEST, ContinuousBatcher


def serve(batcher, lengths):
    """Run every request to its end; returns the plans, and by request the steps in which it got a token."""
    for request, (prompt, output) in enumerate(lengths):
        batcher.submit(request, prompt, output)
    plans, tokens, started = [], {request: [] for request in range(len(lengths))}, []
    while (plan := batcher.plan()) is not None:
        started += sorted(int(batcher.request[part.slot]) for part in plan.prefill if part.start == 0)
        result = batcher.complete(plan)
        for slot in result.emitting.tolist():
            tokens[int(batcher.request[slot])].append(len(plans))
        plans.append(plan)
        batcher.release(result.finished)
        assert len(plans) < 10_000
    return plans, tokens, started


def test_a_single_request_takes_one_prefill_and_a_decode_for_each_further_token():
    plans, tokens, _ = serve(ContinuousBatcher(1, 512, 512), [(5, 3)])
    assert [(plan.prefill_tokens, len(plan.decode)) for plan in plans] == [(5, 0), (0, 1), (0, 1)]
    assert tokens == {0: [0, 1, 2]}


def test_a_request_of_one_token_ends_with_its_prefill():
    plans, tokens, _ = serve(ContinuousBatcher(1, 512, 512), [(5, 1)])
    assert len(plans) == 1
    assert tokens == {0: [0]}


def test_a_prompt_is_cut_to_the_chunk_beside_a_decode_but_not_alone():
    batcher = ContinuousBatcher(2, 100, 10)
    batcher.submit(0, 60, 50)
    batcher.complete(batcher.plan())
    batcher.submit(1, 25, 2)
    counts = []
    for _ in range(3):
        plan = batcher.plan()
        counts.append((plan.prefill_tokens, len(plan.decode)))
        batcher.complete(plan)
    assert counts == [(10, 1), (10, 1), (5, 1)]


def test_an_arrival_takes_the_lowest_free_slot():
    batcher = ContinuousBatcher(3, 512, 512)
    for request, output in enumerate((3, 1, 3)):
        batcher.submit(request, 4, output)
    result = batcher.complete(batcher.plan())
    assert result.finished.tolist() == [1]
    batcher.release(result.finished)
    assert batcher.request.tolist() == [0, NO_REQUEST, 2]
    batcher.submit(7, 4, 2)
    assert batcher.plan().prefill[0].slot == 1


def test_planning_twice_changes_nothing():
    batcher = ContinuousBatcher(2, 512, 512)
    batcher.submit(0, 4, 2)
    first, second = batcher.plan(), batcher.plan()
    assert first.prefill == second.prefill
    assert first.decode.tolist() == second.decode.tolist()


def test_more_slots_than_the_batch_holds_are_refused():
    with pytest.raises(ValueError, match="9 slots"):
        ContinuousBatcher(9, 8, 8)


@given(
    lengths=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 12)), min_size=1, max_size=30),
    slots=st.integers(1, 6),
    batch=st.integers(6, 64),
    chunk=st.integers(1, 64),
)
def test_every_request_is_served_once_in_order_and_nothing_is_overused(lengths, slots, batch, chunk):
    batcher = ContinuousBatcher(slots, batch, chunk)
    plans, tokens, started = serve(batcher, lengths)

    assert started == list(range(len(lengths))), "requests begin in their order, each once"
    for request, (_, output) in enumerate(lengths):
        assert len(tokens[request]) == output
        assert tokens[request] == sorted(set(tokens[request])), "one token a step"
    for plan in plans:
        assert 0 < plan.prefill_tokens + len(plan.decode) <= batch
        assert plan.sequences <= slots
        if len(plan.decode):
            assert plan.prefill_tokens <= chunk
        slots_used = plan.decode.tolist() + [part.slot for part in plan.prefill]
        assert len(set(slots_used)) == len(slots_used)
        assert plan.decode.tolist() == sorted(plan.decode.tolist())
    assert sum(plan.prefill_tokens for plan in plans) == sum(prompt for prompt, _ in lengths)
    assert sum(len(plan.decode) for plan in plans) == sum(output - 1 for _, output in lengths)
    assert batcher.used_cells == 0
    assert np.all(batcher.request == NO_REQUEST)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_a_sequence_never_holds_more_cells_than_prompt_and_output(outputs):
    batcher = ContinuousBatcher(len(outputs), 512, 7)
    for request, output in enumerate(outputs):
        batcher.submit(request, 9, output)
    while (plan := batcher.plan()) is not None:
        result = batcher.complete(plan)
        for slot, length in enumerate(batcher.length.tolist()):
            assert length <= 9 + outputs[slot] - 1
        batcher.release(result.finished)


@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12),
    slots=st.integers(1, 4),
    looks=st.lists(st.booleans(), min_size=1, max_size=20),
)
def test_looking_at_the_books_between_steps_changes_nothing(lengths, slots, looks):
    """Steady steps are only counted; the arrays and the sums agree whenever they are looked at."""
    batcher = ContinuousBatcher(slots, 16, 5)
    for request, (prompt, output) in enumerate(lengths):
        batcher.submit(request, prompt, output)
    held, given_tokens, number = np.zeros(slots, int), np.zeros(slots, int), 0
    while (plan := batcher.plan()) is not None:
        for part in plan.prefill:
            held[part.slot] += part.count
        held[plan.decode] += 1
        result = batcher.complete(plan)
        given_tokens[result.emitting] += 1
        assert result.requests.tolist() == batcher.request[result.emitting].tolist()
        assert batcher.used_cells == held.sum()
        if not plan.prefill:
            assert batcher.decoding_cells == held[plan.decode].sum()
            assert batcher.longest_decoding == held[plan.decode].max()
        if looks[number % len(looks)]:
            assert batcher.length.tolist() == held.tolist()
            live = batcher.request != NO_REQUEST
            assert batcher.output_given[live].tolist() == given_tokens[live].tolist()
        if len(result.finished):
            batcher.release(result.finished)
            held[result.finished] = given_tokens[result.finished] = 0
        number += 1
