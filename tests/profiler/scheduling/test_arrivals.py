from hypothesis import given
from hypothesis import strategies as st

from profiler.scheduling.arrivals import ClosedLoop, Offline, StopRule, staggered_starts_ns


def drive(loop, service_ns):
    """A server that answers each request `service_ns` after it was due; returns every arrival."""
    seen = []
    now = 0
    while (due := loop.next_due_ns()) is not None:
        now = max(now, due)
        for arrival in loop.take_due(now):
            seen.append(arrival)
            loop.answered(arrival.user, arrival.due_ns + service_ns)
    return seen


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
    assert [arrival.user for arrival in loop.take_due(0)] == [0, 1]
    assert loop.take_due(10**12) == []
    loop.answered(1, 7)
    assert [(arrival.user, arrival.due_ns) for arrival in loop.take_due(7)] == [(1, 7)]


def test_offline_everything_is_due_at_once():
    load = Offline(3)
    assert load.next_due_ns() == 0
    assert [(arrival.request, arrival.due_ns) for arrival in load.take_due(0)] == [(0, 0), (1, 0), (2, 0)]
    assert load.next_due_ns() is None
    assert load.take_due(1) == []


@given(users=st.integers(1, 64), request_time_ns=st.integers(0, 10**10), seed=st.integers(0, 2**40))
def test_starts_are_spread_over_one_request_time_from_a_seed(users, request_time_ns, seed):
    starts = staggered_starts_ns(users, request_time_ns, seed)
    assert starts == staggered_starts_ns(users, request_time_ns, seed)
    assert min(starts) == 0
    assert max(starts) <= request_time_ns
    # One start in each equal part, but for the common shift: neighbours are never two parts apart.
    gaps = [later - earlier for earlier, later in zip(sorted(starts), sorted(starts)[1:], strict=False)]
    assert all(gap <= 2 * request_time_ns / users + 1 for gap in gaps)
