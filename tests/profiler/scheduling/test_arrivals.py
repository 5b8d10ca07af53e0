from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.scheduling.arrivals import (
    NO_USER,
    Arrival,
    ClosedLoop,
    Mix,
    Offline,
    OpenLoop,
    StopRule,
    ns_of,
    staggered_starts_ns,
)


def drive(loop, service_ns, completed=lambda arrival: True):
    """A server without a queue that ends each request `service_ns` after it was due; returns every arrival."""
    seen = []
    now = 0
    while (due := loop.next_due_ns()) is not None:
        now = max(now, due)
        for arrival in loop.take_due(now):
            seen.append(arrival)
            loop.answered(arrival, arrival.due_ns + service_ns, completed=completed(arrival))
    return seen


def open_loop(*due_ns, **options):
    return OpenLoop(np.array(due_ns, np.int64), **options)


def test_a_user_asks_again_after_the_answer_and_the_think_time():
    arrivals = drive(ClosedLoop([0], 5, StopRule(requests_per_user=3)), service_ns=10)
    assert [(arrival.request, arrival.due_ns) for arrival in arrivals] == [(0, 0), (1, 15), (2, 30)]


def test_the_first_limit_that_is_reached_ends_the_load():
    assert len(drive(ClosedLoop([0, 1, 2], 0, StopRule(requests=4, requests_per_user=9)), 10)) == 4
    assert len(drive(ClosedLoop([0, 1, 2], 0, StopRule(requests=40, requests_per_user=2)), 10)) == 6


def test_nothing_becomes_due_at_or_after_the_duration():
    arrivals = drive(ClosedLoop([0, 4], 0, StopRule(duration_ns=20)), 10)
    assert [(arrival.user, arrival.due_ns) for arrival in arrivals] == [(0, 0), (1, 4), (0, 10), (1, 14)]


def test_a_user_never_has_two_requests_open():
    loop = ClosedLoop([0, 0], 0, StopRule())
    first, second = loop.take_due(0)
    assert (first.user, second.user) == (0, 1)
    assert loop.take_due(10**12) == []
    loop.answered(second, 7, completed=True)
    assert [(arrival.user, arrival.due_ns) for arrival in loop.take_due(7)] == [(1, 7)]


def test_a_user_holds_one_conversation_after_another():
    arrivals = drive(ClosedLoop([0, 3], 1, StopRule(requests_per_user=5), turns=2, class_number=4, first_user=10), 9)
    of_second = [(each.conversation, each.turn, each.due_ns) for each in arrivals if each.user == 11]
    # Ten nanoseconds a request; a user's k-th conversation is number 2k + its place.
    assert of_second == [(1, 0, 3), (1, 1, 13), (3, 0, 23), (3, 1, 33), (5, 0, 43)]
    assert {each.class_number for each in arrivals} == {4}
    assert {each.user for each in arrivals} == {10, 11}


def test_after_a_refusal_a_user_begins_another_conversation():
    loop = ClosedLoop([0], 5, StopRule(), turns=3)
    (first,) = loop.take_due(0)
    loop.answered(first, 10, completed=True)
    (second,) = loop.take_due(15)
    assert (second.conversation, second.turn) == (0, 1)
    loop.answered(second, 20, completed=False)
    assert loop.take_due(24) == []
    (third,) = loop.take_due(25)
    assert (third.conversation, third.turn, third.due_ns) == (1, 0, 25)


def test_a_storm_of_refusals_brings_one_request_of_each_user_with_each_look():
    loop = Mix([ClosedLoop([0, 0], 0, StopRule(requests=6))])
    looks = []
    for _ in range(4):
        taken = loop.take_due(0)
        looks.append([arrival.request for arrival in taken])
        for arrival in taken:
            loop.answered(arrival, 0, completed=False)
    assert looks == [[0, 1], [2, 3], [4, 5], []]
    assert loop.next_due_ns() is None


def test_offline_everything_is_due_at_once():
    load = Offline(3)
    assert load.next_due_ns() == 0
    assert load.take_due(-1) == []
    taken = load.take_due(0)
    assert [(arrival.request, arrival.user, arrival.due_ns) for arrival in taken] == [(r, NO_USER, 0) for r in range(3)]
    assert [arrival.conversation for arrival in taken] == [0, 1, 2]
    assert load.next_due_ns() is None
    assert load.take_due(1) == []


def test_offline_conversations_have_their_requests_between_them():
    arrivals = drive(Offline(5, turns=2, start_ns=100), 10)
    assert [(each.conversation, each.turn, each.due_ns) for each in arrivals] == [
        (0, 0, 100),
        (1, 0, 100),
        (2, 0, 100),
        (0, 1, 110),
        (1, 1, 110),
    ]


def test_an_open_loop_does_not_wait_for_answers():
    loop = open_loop(3, 3, 8)
    assert loop.next_due_ns() == 3
    assert [(each.request, each.conversation, each.due_ns, each.user) for each in loop.take_due(7)] == [
        (0, 0, 3, NO_USER),
        (1, 1, 3, NO_USER),
    ]
    assert loop.next_due_ns() == 8
    assert [each.request for each in loop.take_due(8)] == [2]
    assert loop.next_due_ns() is None


def test_a_follow_up_turn_takes_its_place_among_the_others():
    loop = open_loop(0, 20, 30, turns=2, think_time_ns=5)
    (first,) = loop.take_due(0)
    loop.answered(first, 17, completed=True)
    assert loop.next_due_ns() == 20
    assert [(each.conversation, each.turn, each.due_ns) for each in loop.take_due(40)] == [(1, 0, 20), (0, 1, 22), (2, 0, 30)]


def test_a_conversation_that_failed_has_no_later_turns():
    arrivals = drive(open_loop(0, 100, turns=3), 10, completed=lambda each: (each.conversation, each.turn) != (0, 1))
    assert [(each.conversation, each.turn) for each in arrivals] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]


def test_an_open_loops_limits_hold_for_later_turns_too():
    assert len(drive(open_loop(0, 100, turns=3, stop=StopRule(requests=4)), 10)) == 4
    arrivals = drive(open_loop(0, 15, 19, 20, turns=3, stop=StopRule(duration_ns=20)), 10)
    assert [(each.conversation, each.turn, each.due_ns) for each in arrivals] == [(0, 0, 0), (0, 1, 10), (1, 0, 15), (2, 0, 19)]


def test_falling_due_times_are_refused():
    with pytest.raises(ValueError, match="rise"):
        open_loop(5, 4)


def test_a_look_at_an_open_loop_costs_only_what_it_hands_over():
    class Counting(np.ndarray):
        reads = 0

        def __getitem__(self, key):
            Counting.reads += 1
            return super().__getitem__(key)

    loop = open_loop(*range(0, 1_000_000, 100))
    loop._first_due_ns = loop._first_due_ns.view(Counting)
    assert len(loop.take_due(250)) == 3
    assert Counting.reads <= 4
    assert loop.take_due(299) == []
    assert Counting.reads <= 5


def test_a_mix_numbers_its_requests_in_order_of_being_due_then_of_class():
    mix = Mix([open_loop(5, 9), open_loop(2, 5, class_number=1), Offline(1, class_number=2)])
    assert mix.next_due_ns() == 0
    taken = mix.take_due(5)
    assert [(each.request, each.class_number, each.due_ns) for each in taken] == [(0, 2, 0), (1, 1, 2), (2, 0, 5), (3, 1, 5)]
    assert mix.next_due_ns() == 9
    assert [(each.request, each.class_number, each.conversation) for each in mix.take_due(9)] == [(4, 0, 1)]
    assert mix.next_due_ns() is None


def test_a_mix_tells_each_class_of_its_own_answers():
    mix = Mix([ClosedLoop([0], 0, StopRule()), ClosedLoop([1], 3, StopRule(), class_number=1, first_user=1)])
    first, second = mix.take_due(1)
    mix.answered(second, 10, completed=True)
    assert mix.next_due_ns() == 13
    mix.answered(first, 20, completed=True)
    assert [(each.user, each.due_ns) for each in mix.take_due(20)] == [(1, 13), (0, 20)]


@st.composite
def sources(draw):
    """Sources of several classes, and what each of their conversations' turns is due after."""
    built, thinks = [], []
    first_user = 0
    for number in range(draw(st.integers(1, 3))):
        turns, think_ns = draw(st.integers(1, 3)), draw(st.integers(0, 20))
        thinks.append((turns, think_ns))
        kind = draw(st.sampled_from(["closed", "open", "offline"]))
        if kind == "closed":
            starts = draw(st.lists(st.integers(0, 30), min_size=1, max_size=4))
            stop = StopRule(requests=draw(st.integers(0, 15)))
            built.append(ClosedLoop(starts, think_ns, stop, turns=turns, class_number=number, first_user=first_user))
            first_user += len(starts)
        elif kind == "open":
            due_ns = np.array(sorted(draw(st.lists(st.integers(0, 100), max_size=12))), np.int64)
            built.append(OpenLoop(due_ns, turns=turns, think_time_ns=think_ns, class_number=number))
        else:
            requests = draw(st.integers(0, 8))
            built.append(Offline(requests, turns=turns, think_time_ns=think_ns, class_number=number))
    return built, thinks


@given(sources(), st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_no_request_is_lost_or_handed_over_twice_and_order_is_kept(made, slots, random):
    """A server of a few slots with random service times that refuses some, looked at only between its ends."""
    built, thinks = made
    mix = Mix(built)
    seen: list[Arrival] = []
    waiting: list[Arrival] = []
    running: list[tuple[int, Arrival]] = []
    ends: dict[tuple[int, int, int], tuple[int, bool]] = {}
    now = 0
    while True:
        for arrival in mix.take_due(now):
            assert arrival.due_ns <= now
            seen.append(arrival)
            if random.random() < 0.15:
                ends[arrival.class_number, arrival.conversation, arrival.turn] = now, False
                mix.answered(arrival, now, completed=False)
            else:
                waiting.append(arrival)
        while waiting and len(running) < slots:
            running.append((now + random.randint(1, 15), waiting.pop(0)))
        instants = [end for end, _ in running]
        if (due_ns := mix.next_due_ns()) is not None:
            instants.append(due_ns)
        if not instants:
            break
        now = max(now, min(instants))
        for end_ns, arrival in [each for each in running if each[0] <= now]:
            running.remove((end_ns, arrival))
            was_completed = random.random() < 0.9
            ends[arrival.class_number, arrival.conversation, arrival.turn] = end_ns, was_completed
            mix.answered(arrival, end_ns, completed=was_completed)

    assert [each.request for each in seen] == list(range(len(seen)))
    keys = [(each.class_number, each.conversation, each.turn) for each in seen]
    assert max(Counter(keys).values(), default=0) <= 1
    assert [each.due_ns for each in seen] == sorted(each.due_ns for each in seen)
    seen_keys = set(keys)
    for each, key in zip(seen, keys, strict=True):
        turns, think_ns = thinks[each.class_number]
        assert 0 <= each.turn < turns
        if each.turn:
            end_ns, was_completed = ends[each.class_number, each.conversation, each.turn - 1]
            assert was_completed
            assert each.due_ns == end_ns + think_ns
        if isinstance(built[each.class_number], OpenLoop) and not isinstance(built[each.class_number], Offline):
            follows = (key[0], key[1], key[2] + 1) in seen_keys
            assert follows == (ends[key][1] and each.turn + 1 < turns)
    for number, source in enumerate(built):
        count = sum(key[0] == number for key in keys)
        if isinstance(source, ClosedLoop):
            assert count == source._stop.requests
        elif not isinstance(source, Offline):
            assert {key[1] for key in keys if key[0] == number} == set(range(len(source._first_due_ns)))


def test_seconds_become_the_nearest_nanosecond():
    assert ns_of(0.1 + 0.2) == 300_000_000
    assert ns_of(2.5) == 2_500_000_000


@given(users=st.integers(1, 64), request_time_ns=st.integers(0, 10**10), seed=st.integers(0, 2**40))
def test_starts_are_spread_over_one_request_time_from_a_seed(users, request_time_ns, seed):
    starts = staggered_starts_ns(users, request_time_ns, seed)
    assert starts == staggered_starts_ns(users, request_time_ns, seed)
    assert min(starts) == 0
    assert max(starts) <= request_time_ns
    # One start in each equal part, but for the common shift: neighbours are never two parts apart.
    gaps = [later - earlier for earlier, later in zip(sorted(starts), sorted(starts)[1:], strict=False)]
    assert all(gap <= 2 * request_time_ns / users + 1 for gap in gaps)
