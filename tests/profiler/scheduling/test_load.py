import dataclasses

import numpy as np
import pytest

from profiler.records.specification import LoadSettings, RequestClass, TraceSettings
from profiler.scheduling.arrivals import NO_USER, Arrival
from profiler.scheduling.load import DRAWN_AHEAD, LengthsOf, source_of
from profiler.scheduling.trace import Trace

SECOND_NS = 10**9
TRACE = Trace(np.array([0.0, 1.0, 2.5]), np.array([10, 20, 30], np.int32), np.array([1, 2, 3], np.int32), None, 0, 0)
REPLAY = TraceSettings("a.csv", "", "azure", time_scale=2.0)


def load_of(*classes, seed=1):
    return LoadSettings(tuple(RequestClass(**each) for each in classes), seed=seed)


def arrivals(load, traces=None, request_time_ns=SECOND_NS, service_ns=SECOND_NS):
    """All arrivals where each request takes `service_ns` from its due time on."""
    source = source_of(load, request_time_ns, traces or {})
    seen, ends = [], []
    while True:
        instants = [end for end, _ in ends]
        if (due_ns := source.next_due_ns()) is not None:
            instants.append(due_ns)
        if not instants:
            return seen
        now = min(instants)
        for end in [each for each in ends if each[0] <= now]:
            ends.remove(end)
            source.answered(end[1], end[0], completed=True)
        for arrival in source.take_due(now):
            seen.append(arrival)
            ends.append((arrival.due_ns + service_ns, arrival))


def test_users_are_numbered_through_over_the_closed_classes():
    load = load_of(
        {"users": 2, "requests_per_user": 2},
        {"arrival": "constant", "rate_s": 1.0, "requests": 2},
        {"users": 3, "requests_per_user": 1},
    )
    seen = arrivals(load)
    assert {each.user for each in seen if each.class_number == 0} == {0, 1}
    assert {each.user for each in seen if each.class_number == 1} == {NO_USER}
    assert {each.user for each in seen if each.class_number == 2} == {2, 3, 4}
    assert [each.request for each in seen] == list(range(2 * 2 + 2 + 3))
    assert [each.due_ns for each in seen] == sorted(each.due_ns for each in seen)


def test_a_start_shifts_everything_of_its_class():
    classes = [
        {"users": 4, "requests_per_user": 1},
        {"arrival": "poisson", "rate_s": 5.0, "requests": 10},
        {"arrival": "offline", "requests": 2},
        {"arrival": "trace", "trace": REPLAY},
    ]
    at_once = arrivals(load_of(*classes), {3: TRACE})
    later = arrivals(load_of(*({**each, "start_s": 7.0} for each in classes)), {3: TRACE})
    assert [dataclasses.replace(each, due_ns=each.due_ns + 7 * SECOND_NS) for each in at_once] == later
    assert min(each.due_ns for each in at_once if each.class_number == 0) == 0


def test_closed_users_start_over_one_request_time():
    starts = [each.due_ns for each in arrivals(load_of({"users": 50, "requests_per_user": 1}))]
    assert starts[0] == 0
    assert 0.9 * SECOND_NS < starts[-1] <= SECOND_NS


def test_a_class_ends_at_its_limits():
    load = load_of(
        {"users": 1, "think_time_s": 1.0, "duration_s": 5.0},
        {"arrival": "constant", "rate_s": 1.0, "duration_s": 3.0, "start_s": 1.0},
        {"arrival": "offline", "requests": 3},
        {"arrival": "constant", "rate_s": 0.1, "turns": 3, "requests": 5},
    )
    seen = arrivals(load)
    due_s = [[each.due_ns / 1e9 for each in seen if each.class_number == number] for number in range(4)]
    assert due_s == [[0, 2, 4], [1, 2], [0, 0, 0], [0, 1, 2, 10, 11]]


def test_a_trace_is_replayed_with_its_lengths():
    load = load_of({"arrival": "trace", "trace": REPLAY, "prompt_tokens": "trace", "output_tokens": "trace"})
    lengths = LengthsOf(load, {0: TRACE})
    seen = [(each.due_ns / 1e9, lengths.prompt_tokens(each), lengths.output_tokens(each)) for each in arrivals(load, {0: TRACE})]
    assert seen == [(0.0, 10, 1), (2.0, 20, 2), (5.0, 30, 3)]
    # A trace's lengths may go with other arrivals; then its rows begin again.
    assert lengths.prompt_tokens(Arrival(0, NO_USER, 0, conversation=4)) == 20


@pytest.mark.parametrize(
    ("request_class", "match"),
    [
        ({"arrival": "trace", "trace": REPLAY}, "need the trace"),
        ({"arrival": "poisson"}, "need rate_s"),
        ({"arrival": "offline"}, "needs a number of requests"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(request_class, match):
    with pytest.raises(ValueError, match=match):
        source_of(load_of(request_class), SECOND_NS, {})


def test_lengths_from_a_trace_need_one_and_single_turns():
    with pytest.raises(ValueError, match="need a trace"):
        LengthsOf(load_of({"prompt_tokens": "trace"}), {})
    with pytest.raises(ValueError, match="leave turns at 1"):
        LengthsOf(load_of({"prompt_tokens": "trace", "turns": 2}), {0: TRACE})


def test_every_turn_has_lengths_of_its_own_that_depend_on_the_seed_only():
    spread = {"prompt_tokens": "uniform:1:1000000", "output_tokens": "uniform:1:1000000", "turns": 3}
    places = [
        Arrival(9, NO_USER, 0, number, conversation, turn)
        for number in range(2)
        for conversation in range(20)
        for turn in range(3)
    ]

    def drawn(seed=1, **more):
        lengths = LengthsOf(load_of({**spread, **more}, spread, seed=seed), {})
        return [(lengths.prompt_tokens(each), lengths.output_tokens(each)) for each in places]

    values = [value for pair in drawn() for value in pair]
    assert len(set(values)) > 230  # of 240: by class, kind, conversation and turn
    assert drawn() == drawn()
    assert drawn() != drawn(seed=2)
    # Changing a class's arrivals or prompts leaves the other lengths as they were.
    assert [output for _, output in drawn(arrival="poisson", prompt_tokens="5")] == [output for _, output in drawn()]


def test_lengths_come_again_after_those_drawn_ahead():
    lengths = LengthsOf(load_of({"prompt_tokens": "uniform:1:1000000"}), {})
    first, again, other = (
        lengths.prompt_tokens(Arrival(0, 0, 0, conversation=number)) for number in (5, 5 + DRAWN_AHEAD, 6 + DRAWN_AHEAD)
    )
    assert first == again != other


def test_conversations_share_the_prefixes_evenly():
    load = load_of({"prefixes": 4, "turns": 2}, {"prefixes": 4}, {})
    lengths = LengthsOf(load, {})

    def prefixes(number, turn=0):
        return [lengths.shared_prefix_of(Arrival(0, 0, 0, number, conversation, turn)) for conversation in range(4000)]

    counts = np.bincount(prefixes(0), minlength=4)
    assert len(counts) == 4
    assert (abs(counts - 1000) < 4 * np.sqrt(4000 * 0.25 * 0.75)).all()
    assert prefixes(0) == prefixes(0, turn=1)
    assert prefixes(0) != prefixes(1)
    assert set(prefixes(2)) == {0}


def test_two_classes_alike_do_not_march_in_step():
    seen = arrivals(load_of(*[{"arrival": "poisson", "rate_s": 5.0, "requests": 20}] * 2))
    first, second = ([each.due_ns for each in seen if each.class_number == number] for number in range(2))
    assert not set(first) & set(second)
    other = arrivals(load_of({"arrival": "poisson", "rate_s": 5.0, "requests": 20}, seed=2))
    assert [each.due_ns for each in other] != first
