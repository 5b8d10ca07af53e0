import itertools
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.records.timing import RequestStatus
from profiler.scheduling.admission import Continuous, Sequential, Static
from profiler.scheduling.arrivals import OpenLoop
from profiler.scheduling.batcher import NO_REQUEST, Batcher
from tests.helpers.virtual_engine import VirtualEngine


def continuous(slots, batch_tokens, prefill_chunk, **options):
    return Batcher(slots, batch_tokens, prefill_chunk, admission=Continuous(), **options)


def submit_all(batcher, lengths, due_ns=0):
    for request, (prompt, output) in enumerate(lengths):
        assert batcher.submit(request, prompt, output, due_ns)


def step(batcher, now_ns=0):
    """Plan, carry out and release; returns the plan and the requests that ended."""
    plan = batcher.plan(now_ns)
    result = batcher.complete(plan)
    ended = batcher.request[result.finished].tolist()
    if len(result.finished):
        batcher.release(result.finished)
    return plan, ended


def shape(plan):
    return plan.prefill_tokens, plan.decode_tokens


def test_a_single_request_takes_one_prefill_and_a_decode_for_each_further_token():
    batcher = continuous(1, 512, 512)
    submit_all(batcher, [(5, 3)])
    assert [shape(step(batcher)[0]) for _ in range(3)] == [(5, 0), (0, 1), (0, 1)]
    assert batcher.plan(0) is None


def test_a_request_of_one_token_ends_with_its_prefill():
    batcher = continuous(1, 512, 512)
    submit_all(batcher, [(5, 1)])
    assert step(batcher)[1] == [0]
    assert batcher.plan(0) is None


def test_a_prompt_is_cut_to_the_chunk_beside_a_decode_but_not_alone():
    batcher = continuous(2, 100, 10)
    submit_all(batcher, [(60, 50)])
    assert shape(step(batcher)[0]) == (60, 0)
    batcher.submit(1, 25, 2, 0)
    plans = [step(batcher)[0] for _ in range(3)]
    assert [shape(plan) for plan in plans] == [(10, 1), (10, 1), (5, 1)]
    assert [(part.start, part.begins, part.completes) for plan in plans for part in plan.prefill] == [
        (0, True, False),
        (10, False, False),
        (20, False, True),
    ]


def test_with_priority_to_prefill_decodes_wait_while_a_prompt_is_read():
    batcher = continuous(2, 10, 4, priority="prefill")
    submit_all(batcher, [(5, 3)])
    assert shape(step(batcher)[0]) == (5, 0)
    batcher.submit(1, 25, 2, 0)
    assert [shape(step(batcher)[0]) for _ in range(5)] == [(10, 0), (10, 0), (5, 0), (0, 2), (0, 1)]


def test_an_arrival_takes_the_lowest_free_slot():
    batcher = continuous(3, 512, 512)
    submit_all(batcher, [(4, 3), (4, 1), (4, 3)])
    assert step(batcher)[1] == [1]
    assert batcher.request.tolist() == [0, NO_REQUEST, 2]
    batcher.submit(7, 4, 2, 0)
    assert batcher.plan(0).prefill[0].slot == 1


def test_planning_twice_changes_nothing():
    batcher = continuous(2, 512, 512)
    submit_all(batcher, [(4, 2)])
    first, second = batcher.plan(0), batcher.plan(0)
    assert first.prefill == second.prefill
    assert first.decode.tolist() == second.decode.tolist()


def test_steady_steps_share_one_plan():
    batcher = continuous(2, 512, 512)
    submit_all(batcher, [(4, 9), (4, 9)])
    step(batcher)
    assert len({id(step(batcher)[0]) for _ in range(5)}) == 1


def test_more_slots_than_the_batch_holds_are_refused():
    with pytest.raises(ValueError, match="9 slots"):
        continuous(9, 8, 8)


def test_cached_tokens_are_not_evaluated_and_are_counted_in_the_step_that_begins():
    batcher = continuous(2, 6, 6, depth=100, on_admit=lambda slot, request: {0: 0, 1: 7}[request])
    submit_all(batcher, [(4, 2), (12, 1)])
    plans = [step(batcher)[0] for _ in range(2)]
    assert [plan.cached_tokens for plan in plans] == [7, 0]
    assert [[(part.slot, part.start, part.count, part.begins) for part in plan.prefill] for plan in plans] == [
        [(0, 0, 4, True), (1, 7, 2, True)],
        [(1, 9, 3, False)],
    ]
    assert batcher.used_cells == 200, "both slots are back at their depth"


def test_cached_cells_are_in_use_as_soon_as_the_request_has_its_slot():
    batcher = continuous(2, 6, 6, on_admit=lambda slot, request: 7 * request)
    submit_all(batcher, [(4, 9), (12, 1)])
    batcher.plan(0)
    assert batcher.used_cells == batcher.length.sum() == 7


def test_a_whole_prompt_cannot_be_cached():
    batcher = continuous(1, 8, 8, on_admit=lambda slot, request: 5)
    submit_all(batcher, [(5, 1)])
    with pytest.raises(ValueError, match="5 of 5"):
        batcher.plan(0)


def test_depth_lies_under_every_slot():
    batcher = continuous(2, 16, 16, depth=30)
    assert batcher.used_cells == 60
    submit_all(batcher, [(4, 3)])
    plan, _ = step(batcher)
    assert plan.prefill[0].start == 0
    assert batcher.length.tolist() == [34, 30]
    step(batcher)
    assert (batcher.used_cells, batcher.decoding_cells, batcher.longest_decoding) == (65, 35, 35)


def test_a_full_queue_refuses_but_counts_nobody_who_finds_a_slot():
    batcher = continuous(2, 16, 16, queue_limit=1)
    assert [batcher.submit(request, 1, 5, 0) for request in range(4)] == [True, True, True, False]
    step(batcher)
    assert not batcher.submit(4, 1, 5, 0)
    assert batcher.waiting == 1


def test_without_a_queue_only_a_free_slot_takes_a_request():
    batcher = Batcher(4, 16, 16, admission=Sequential(), queue_limit=0)
    assert [batcher.submit(request, 1, 1, 0) for request in range(2)] == [True, False]
    assert step(batcher)[1] == [0]
    assert batcher.submit(2, 1, 1, 0)


def test_what_waits_too_long_is_given_up_in_the_queue_and_in_its_slot():
    batcher = continuous(1, 16, 16, timeout_ns=100)
    for request, due_ns in enumerate((0, 10, 50)):
        batcher.submit(request, 30, 5, due_ns)
    step(batcher)
    assert (batcher.expire(99).waiting, batcher.expire(99).slots.tolist()) == ((), [])
    assert batcher.next_wake_ns() == 110
    expired = batcher.expire(110)
    assert (expired.waiting, expired.slots.tolist()) == ((1,), [0])
    batcher.release(expired.slots)
    plan, _ = step(batcher, 110)
    assert [(part.start, part.count) for part in plan.prefill] == [(0, 16)], "the half-read prompt is forgotten"
    assert batcher.request.tolist() == [2]
    assert batcher.expire(149).slots.tolist() == []
    assert batcher.expire(150).slots.tolist() == [0]


def test_looking_for_the_overdue_costs_a_comparison_until_the_next_deadline():
    batcher = continuous(2, 16, 16, timeout_ns=100)
    for request, due_ns in enumerate((0, 10, 50)):
        batcher.submit(request, 4, 9, due_ns)
    step(batcher)
    nothing = batcher.expire(99)
    batcher.release(batcher.expire(100).slots)
    assert batcher.expire(109) is nothing, "the answer that takes no search"
    batcher.release(batcher.expire(110).slots)
    assert batcher.expire(149) is nothing
    assert batcher.expire(150).waiting == (2,)
    assert batcher.expire(10**15) is nothing


def test_a_decoding_request_that_is_given_up_leaves_the_others_alone():
    batcher = continuous(2, 16, 16, timeout_ns=100)
    batcher.submit(0, 4, 9, 0)
    batcher.submit(1, 4, 9, 60)
    step(batcher)
    step(batcher)
    expired = batcher.expire(120)
    batcher.release(expired.slots)
    plan, _ = step(batcher)
    assert plan.decode.tolist() == [1]
    assert batcher.output_given[1] == 3


def test_a_static_batch_wakes_by_itself_and_its_slots_idle_until_the_last_has_ended():
    batcher = Batcher(4, 16, 2, admission=Static(3, 100))
    submit_all(batcher, [(8, 1), (8, 3)], due_ns=5)
    assert batcher.plan(104) is None
    assert batcher.next_wake_ns() == 105
    assert shape(step(batcher, 105)[0]) == (16, 0)
    for request in (2, 3, 4):
        batcher.submit(request, 8, 2, 106)
    assert [shape(step(batcher, 500)[0]) for _ in range(5)] == [(0, 1), (0, 1), (16, 0), (8, 0), (0, 3)]


def test_the_next_wake_is_whichever_comes_first():
    batcher = Batcher(4, 16, 2, admission=Static(3, 100), timeout_ns=40)
    assert batcher.next_wake_ns() is None
    batcher.submit(0, 1, 1, 5)
    assert batcher.next_wake_ns() == 45
    batcher = Batcher(4, 16, 2, admission=Static(3, 100), timeout_ns=140)
    batcher.submit(0, 1, 1, 5)
    assert batcher.next_wake_ns() == 105


@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12),
    slots=st.integers(1, 4),
    priority=st.sampled_from(["decode", "prefill"]),
    depth=st.sampled_from([0, 7]),
    looks=st.lists(st.booleans(), min_size=1, max_size=20),
)
def test_looking_at_the_books_between_steps_changes_nothing(lengths, slots, priority, depth, looks):
    """Steady steps are only counted; the arrays and the sums agree whenever they are looked at."""
    batcher = continuous(slots, 16, 5, priority=priority, depth=depth)
    submit_all(batcher, lengths)
    held, given_tokens, number = np.full(slots, depth), np.zeros(slots, int), 0
    while (plan := batcher.plan(0)) is not None:
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
            held[result.finished] = depth
            given_tokens[result.finished] = 0
        number += 1


class Load:
    """A random load, a random machine, and what came of them."""

    def __init__(self, draw):
        self.slots = draw(st.integers(1, 5))
        self.batch_tokens = draw(st.integers(self.slots, 40))
        self.prefill_chunk = draw(st.integers(1, 40))
        self.admission = draw(
            st.one_of(
                st.just(Continuous()),
                st.just(Sequential()),
                st.builds(Static, st.integers(1, 6), st.sampled_from([0, 3, 40, 500])),
            )
        )
        self.priority = draw(st.sampled_from(["decode", "prefill"]))
        self.depth = draw(st.sampled_from([0, 11]))
        self.timeout_ns = draw(st.one_of(st.none(), st.integers(1, 300)))
        self.queue_limit = draw(st.one_of(st.none(), st.integers(0, 4)))
        self.turns = draw(st.integers(1, 2))
        gaps_ns = draw(st.lists(st.sampled_from([0, 1, 7, 30, 200]), min_size=1, max_size=20))
        self.lengths = draw(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 8)), min_size=1, max_size=7))
        self.cached = draw(st.lists(st.integers(0, 29), min_size=1, max_size=5))
        self.token_ns = draw(st.integers(0, 3))
        self.admitted = []  # (number of the step before which it got its slot, request)
        self.engine = VirtualEngine(
            self._batcher,
            OpenLoop(np.cumsum(gaps_ns, dtype=np.int64), turns=self.turns, think_time_ns=13),
            lambda arrival: self.lengths_of(arrival.request),
            lambda plan: 5 + self.token_ns * (plan.prefill_tokens + plan.decode_tokens),
        )
        self.conversations = len(gaps_ns)

    def lengths_of(self, request):
        return self.lengths[request % len(self.lengths)]

    def cached_of(self, request):
        return min(self.cached[request % len(self.cached)], self.lengths_of(request)[0] - 1)

    def _batcher(self, _):
        return Batcher(
            self.slots,
            self.batch_tokens,
            self.prefill_chunk,
            admission=self.admission,
            priority=self.priority,
            depth=self.depth,
            timeout_ns=self.timeout_ns,
            queue_limit=self.queue_limit,
            on_admit=self._on_admit,
        )

    def _on_admit(self, slot, request):
        self.admitted.append((len(self.engine.steps), request))
        return self.cached_of(request)

    def ended_by(self, request, time_ns):
        return self.engine.requests[request].end_ns <= time_ns


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_load_is_served_by_its_policy(data):
    load = Load(data.draw)
    load.engine.run()
    check_ends(load)
    check_steps(load)
    check_tokens(load)
    check_order(load)
    check_policy(load)
    check_littles_law(load)


def check_ends(load):
    """No request is lost; what is refused or given up is so by a rule that is in force."""
    rows = load.engine.requests
    assert sorted(rows) == list(range(len(rows)))
    assert len(rows) >= load.conversations
    possible = {RequestStatus.COMPLETED}
    if load.timeout_ns is not None:
        possible.add(RequestStatus.TIMED_OUT)
    if load.queue_limit is not None:
        possible.add(RequestStatus.REFUSED)
    for row in rows.values():
        assert row.status in possible
        if row.status is RequestStatus.TIMED_OUT:
            assert row.end_ns - row.due_ns >= load.timeout_ns
        if row.status is RequestStatus.COMPLETED:
            assert row.due_ns <= row.prefill_start_ns < row.first_token_ns <= row.end_ns
    if load.timeout_ns is None and load.queue_limit is None:
        assert len(rows) == load.conversations * load.turns


def check_steps(load):
    """Slots, batch, chunk, queue and time-out are never over-used, and running answers go on as the priority says."""
    rows = load.engine.requests
    admitted_before = {request: number for number, request in load.admitted}
    prefill_first = load.priority == "prefill" or isinstance(load.admission, Static)
    held = Counter()
    for number, each in enumerate(load.engine.steps):
        plan = each.plan
        assert 0 < plan.prefill_tokens + plan.decode_tokens <= load.batch_tokens
        assert plan.sequences == len(set(each.requests)) == len(each.requests) <= load.slots
        slots_used = plan.decode.tolist() + [part.slot for part in plan.prefill]
        assert len(set(slots_used)) == len(slots_used)
        assert plan.decode.tolist() == sorted(plan.decode.tolist())
        if plan.decode_tokens:
            assert plan.prefill_tokens <= load.prefill_chunk
        decoding = {
            row.request
            for row in rows.values()
            if row.first_token_ns is not None and row.first_token_ns <= each.start_ns and row.end_ns > each.start_ns
        }
        if prefill_first and plan.prefill:
            assert not plan.decode_tokens
        else:
            assert set(each.requests[: plan.decode_tokens]) == decoding, "every running decode is in every step"
        if load.queue_limit is not None:
            assert each.waiting <= load.queue_limit
        if load.timeout_ns is not None:
            assert all(rows[request].due_ns + load.timeout_ns > each.start_ns for request in each.requests)

        in_slots = {r for r, since in admitted_before.items() if since <= number and not load.ended_by(r, each.start_ns)}
        assert len(in_slots) <= load.slots
        for request, part in zip(each.requests[plan.decode_tokens :], plan.prefill, strict=True):
            held[request] += part.count
        for request in each.requests[: plan.decode_tokens]:
            held[request] += 1
        in_cells = sum(load.cached_of(request) + held[request] for request in in_slots)
        assert each.used_cells == load.slots * load.depth + in_cells


def check_tokens(load):
    """Each request that is served gets exactly its tokens, each prompt token is evaluated or cached, and none twice."""
    prefilled, decoded, cached = Counter(), Counter(), 0
    for each in load.engine.steps:
        for request, part in zip(each.requests[each.plan.decode_tokens :], each.plan.prefill, strict=True):
            assert part.begins == (prefilled[request] == 0)
            assert part.start == load.cached_of(request) + prefilled[request]
            prefilled[request] += part.count
            assert part.completes == (part.start + part.count == load.lengths_of(request)[0])
            cached += load.cached_of(request) if part.begins else 0
        decoded.update(each.requests[: each.plan.decode_tokens])
    assert sum(each.plan.cached_tokens for each in load.engine.steps) == cached
    for row in load.engine.requests.values():
        prompt, output = load.lengths_of(row.request)
        if row.status is RequestStatus.COMPLETED:
            assert prefilled[row.request] == prompt - load.cached_of(row.request)
            assert (row.output_tokens, decoded[row.request]) == (output, output - 1)
        else:
            assert row.output_tokens < output
        if row.status is RequestStatus.REFUSED:
            assert prefilled[row.request] == 0
    assert np.all(load.engine.batcher.request == NO_REQUEST)
    assert load.engine.batcher.used_cells == load.slots * load.depth


def check_order(load):
    """Slots are given in the order of being due, to each request once."""
    requests = [request for _, request in load.admitted]
    assert requests == sorted(set(requests))
    rows = load.engine.requests
    assert {request for request, row in rows.items() if row.status is RequestStatus.COMPLETED} <= set(requests)
    begun = [rows[request].prefill_start_ns for request in requests if rows[request].prefill_start_ns is not None]
    assert begun == sorted(begun)


def check_policy(load):
    """Whose turn it is: a static batch's members never mix, the sequential policy never has two at once."""
    batches = {}
    for number, request in load.admitted:
        batches.setdefault(number, []).append(request)
    if isinstance(load.admission, Continuous):
        return
    earlier = []
    for number, members in batches.items():
        begin_ns = load.engine.steps[number].start_ns
        assert all(load.ended_by(request, begin_ns) for request in earlier)
        earlier += members
        if isinstance(load.admission, Sequential):
            assert len(members) == 1
            continue
        size = min(load.admission.batch_size, load.slots)
        first_due_ns = load.engine.requests[members[0]].due_ns
        assert len(members) == size or (len(members) < size and begin_ns >= first_due_ns + load.admission.wait_ns)


def check_littles_law(load):
    """From empty to empty, the time integral of the number in the system is the sum of the stays."""
    counts, rows = load.engine.counts, load.engine.requests.values()
    assert counts[-1][1] == 0
    integral = sum(count * (after_ns - now_ns) for (now_ns, count), (after_ns, _) in itertools.pairwise(counts))
    not_yet_seen = sum(row.sent_ns - row.due_ns for row in rows)  # due in a step, taken up at its end
    assert integral + not_yet_seen == sum(row.end_ns - row.due_ns for row in rows)


@settings(max_examples=100, deadline=None)
@given(
    gaps_ns=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    output_tokens=st.integers(1, 4),
    step_ns=st.integers(1, 12),
)
def test_one_sequential_slot_with_a_constant_service_time_is_lindleys_recursion(gaps_ns, output_tokens, step_ns):
    engine = VirtualEngine(
        lambda _: Batcher(1, 16, 16, admission=Sequential()),
        OpenLoop(np.cumsum(gaps_ns, dtype=np.int64)),
        lambda arrival: (9, output_tokens),
        lambda plan: step_ns,
    )
    engine.run()
    wait_ns, expected = 0, [0]
    for gap_ns in gaps_ns[1:]:
        wait_ns = max(0, wait_ns + output_tokens * step_ns - gap_ns)
        expected.append(wait_ns)
    assert [row.prefill_start_ns - row.due_ns for row in engine.requests.values()] == expected


@pytest.mark.parametrize("admission", [Continuous(), Sequential(), Static(2, 10)])
def test_a_step_does_the_same_work_whether_one_request_waits_or_ten_thousand(admission):
    def lines_run(queued):
        batcher = Batcher(2, 64, 64, admission=admission, timeout_ns=10**9, queue_limit=20_000)
        for request in range(2 + queued):
            batcher.submit(request, 8, 5, 0)
        lines = 0

        def count(frame, event, argument):
            nonlocal lines
            lines += event == "line" and frame.f_globals["__name__"].startswith("profiler.")  # not the garbage collector's
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            for now_ns in range(8):
                batcher.expire(now_ns)
                step(batcher, now_ns)
                batcher.next_wake_ns()
            batcher.submit(99_999, 8, 5, 0)
        finally:
            sys.settrace(before)
        return lines

    few = lines_run(8)
    assert few > 100
    assert lines_run(10_000) == few
