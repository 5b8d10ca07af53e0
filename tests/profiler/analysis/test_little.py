import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis import little
from profiler.records.specification import LoadSettings, RequestClass
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, RequestStatus, RunData

MS = 1_000_000


def test_one_user_by_hand(requests_of, steps_of, context_of):
    # 30 requests of 100 ms, one after the other: X = 10 a second, E2E = 0.1 s, N = 1.
    requests = requests_of(*((100 * i, 100 * i, 100 * i + 50, 100 * i + 100, 2) for i in range(30)))
    steps = steps_of(*({"start": 50 * i, "end": 50 * i + 50, "in_system": 1} for i in range(60)))
    load = context_of(users=1).specification.load
    assert little.residual(RunData(requests, steps=steps), load) == pytest.approx(0)
    miscounted = steps.copy()
    miscounted["in_system"][:6] = 2  # one in ten steps counts a request too many
    assert little.residual(RunData(requests, steps=miscounted), load) == pytest.approx(0.1)
    two = context_of(users=2).specification.load
    assert little.residual(RunData(requests, steps=steps), two) == pytest.approx(1)


def test_fewer_than_twenty_requests_times_say_nothing(requests_of, steps_of, context_of):
    def run(count):
        return RunData(
            requests_of(*((100 * i, 100 * i, 100 * i + 50, 100 * i + 100, 2) for i in range(count))),
            steps=steps_of(*({"start": 50 * i, "end": 50 * i + 50, "in_system": 1} for i in range(2 * count))),
        )

    load = context_of(users=1).specification.load
    assert little.residual(run(19), load) is None
    assert little.residual(run(20), load) == pytest.approx(0)
    assert little.residual(RunData(), load) is None


@pytest.mark.parametrize("think_s", [0.0, 0.4])
@pytest.mark.parametrize("loop_ns", [0, 200_000])
def test_a_closed_loop_of_the_real_scheduler_obeys_the_law(closed_loop, context_of, think_s, loop_ns):
    data = closed_loop([0, 200, 400, 600, 800], per_user=40, think_s=think_s, slots=3, loop_ns=loop_ns)
    load = context_of(users=5, think_time_s=think_s).specification.load
    assert abs(little.residual(data, load)) < 0.02  # requests due amid a step are counted from the next one on


def test_users_of_unequal_speed_are_still_counted_right(requests_of, steps_of, context_of):
    # User 0 needs 100 ms a request, user 1 300 ms, each sends 30: the rates and spans differ, the sum is two users.
    rows = [(100 * i, 100 * i, 100 * i + 50, 100 * i + 100, 2, RequestStatus.COMPLETED, 0) for i in range(30)]
    rows += [(300 * i, 300 * i, 300 * i + 50, 300 * i + 300, 2, RequestStatus.COMPLETED, 1) for i in range(30)]
    steps = steps_of(*({"start": 50 * i, "end": 50 * i + 50, "in_system": 2 if i < 60 else 1} for i in range(180)))
    assert little.residual(RunData(requests_of(*rows), steps=steps), context_of(users=2).specification.load) == pytest.approx(0)


def test_a_lost_answer_shows(closed_loop, context_of):
    data = closed_loop([0, 300], per_user=40)
    lost = dataclasses.replace(data, requests=np.delete(data.requests, np.arange(20, 30)))
    load = context_of(users=2).specification.load
    assert little.residual(data, load) == pytest.approx(0, abs=0.01)
    assert abs(little.residual(lost, load)) > little.RESIDUAL_FLAGGED


def test_idle_time_counts_nobody(requests_of, steps_of, context_of):
    # A request of 10 ms each second, whose only step stays the last for 990 ms.
    requests = requests_of(*((1000 * i, 1000 * i, 1000 * i + 10, 1000 * i + 10, 1) for i in range(5)))
    steps = steps_of(*({"start": 1000 * i, "end": 1000 * i + 10, "in_system": 1} for i in range(5)))
    load = context_of(users=1, think_time_s=0.99).specification.load
    assert little.residual(RunData(requests, steps=steps), load) == pytest.approx(0)


def test_the_loops_own_work_between_steps_counts(requests_of, steps_of, context_of):
    # 100 ms a request: twice 10 ms of the loop's work, which a step's row tells, and 40 ms of step.
    requests = requests_of(*((100 * i, 100 * i, 100 * i + 50, 100 * i + 100, 2) for i in range(30)))
    rows = ({"start": 50 * i + 10, "end": 50 * i + 50, "in_system": 1, "loop_ns": 10 * MS} for i in range(60))
    residual = little.residual(RunData(requests, steps=steps_of(*rows)), context_of(users=1).specification.load)
    assert residual == pytest.approx(0, abs=1e-12)


def test_who_becomes_due_amid_a_step_or_while_a_batch_gathers_counts_from_then_on(requests_of, steps_of, context_of):
    # Every 200 ms one comes 10 ms into another's step of 40 ms, or 30 ms before a step that has waited for it.
    requests, steps = [], []
    for i in range(30):
        begin = 200 * i
        requests += [(begin, begin + 30, begin + 70, begin + 70, 1), (begin + 40, begin + 70, begin + 110, begin + 110, 1)]
        steps += [
            {"start": begin + 30, "end": begin + 70, "in_system": 1},
            {"start": begin + 70, "end": begin + 110, "in_system": 1},
        ]
    load = context_of(arrival="poisson", users=0, rate_s=1.0).specification.load
    assert little.residual(RunData(requests_of(*requests), steps=steps_of(*steps)), load) == pytest.approx(0, abs=1e-12)
    lost = requests_of(*requests[:-8])  # rows that got lost on their way
    assert abs(little.residual(RunData(lost, steps=steps_of(*steps)), load)) > 0.03


def test_each_class_thinks_in_its_own_time_and_visitors_are_no_users(requests_of, steps_of, context_of):
    # Class 0: 100 ms a request and 100 ms to think; class 1: 100 ms, then 300; class 2 comes by a clock and stays 100 ms.
    completed = RequestStatus.COMPLETED
    rows = [(200 * i, 200 * i, 200 * i + 50, 200 * i + 100, 2, completed, 0) for i in range(30)]
    rows += [(400 * i, 400 * i, 400 * i + 50, 400 * i + 100, 2, completed, 1) for i in range(15)]
    rows += [(600 * i + 200, 600 * i + 200, 600 * i + 250, 600 * i + 300, 2, completed, -1) for i in range(10)]
    requests = requests_of(*rows)
    requests["class"] = [0] * 30 + [1] * 15 + [2] * 10

    def present(at):
        return (at % 200 < 100) + (at % 400 < 100) + (200 <= at % 600 < 300)

    steps = steps_of(*({"start": at, "end": at + 50, "in_system": present(at)} for at in range(0, 6000, 50) if present(at)))
    classes = [RequestClass(users=1, think_time_s=0.1), RequestClass(users=1, think_time_s=0.3), RequestClass(arrival="constant")]
    data = RunData(requests, steps=steps)
    assert little.residual(data, LoadSettings(tuple(classes))) == pytest.approx(0)
    classes[1] = RequestClass(users=2, think_time_s=0.3)  # three users, where two are
    assert little.residual(data, LoadSettings(tuple(classes))) == pytest.approx(0.5)


def test_refused_and_given_up_requests_stay_until_then(requests_of, steps_of, context_of):
    # One served for 100 ms every 200 ms; one refused at once; one that gives up after 50 ms beside it.
    rows = [(200 * i, 200 * i, 200 * i + 50, 200 * i + 100, 2, RequestStatus.COMPLETED, -1) for i in range(30)]
    rows += [(200 * i + 10, None, None, 200 * i + 10, 0, RequestStatus.REFUSED, -1) for i in range(30)]
    rows += [(200 * i, None, None, 200 * i + 50, 0, RequestStatus.TIMED_OUT, -1) for i in range(30)]
    steps = steps_of(
        *({"start": 200 * i + at, "end": 200 * i + at + 50, "in_system": 2 - at // 50} for i in range(30) for at in (0, 50))
    )
    load = context_of(arrival="poisson", users=0).specification.load
    assert little.residual(RunData(requests_of(*rows), steps=steps), load) == pytest.approx(0)


STAYS = st.lists(st.tuples(st.integers(0, 50_000), st.integers(1, 60)), min_size=1, max_size=40)


@given(STAYS)
@settings(max_examples=200)
def test_the_law_is_exact_from_empty_to_empty(context_of, stays):
    # Steps from each change of the count to the next, so that their count of requests in the system is the true one.
    due_ns = np.array([due for due, _ in stays], np.int64) * MS
    end_ns = due_ns + np.array([stay for _, stay in stays], np.int64) * MS
    requests = np.zeros(len(stays), REQUEST_DTYPE)
    requests["due_ns"], requests["end_ns"], requests["status"], requests["user"] = due_ns, end_ns, RequestStatus.COMPLETED, -1
    instants = np.unique(np.concatenate((due_ns, end_ns)))
    in_system = np.array([np.count_nonzero((due_ns <= at) & (at < end_ns)) for at in instants[:-1]], np.int64)
    steps = np.zeros(len(instants) - 1, STEP_DTYPE)
    steps["start_ns"], steps["end_ns"], steps["in_system"] = instants[:-1], instants[1:], in_system
    steps = steps[in_system > 0]
    residual = little.residual(RunData(requests, steps=steps), context_of(arrival="offline", users=0).specification.load)
    lasts_ns = int(end_ns.max() - due_ns.min())
    if lasts_ns * len(stays) < 20 * int((end_ns - due_ns).sum()):
        assert residual is None
    else:
        assert residual == pytest.approx(0, abs=1e-12)


def test_who_becomes_due_between_the_loops_look_and_its_step_empties_no_idle_gap(requests_of, steps_of, context_of):
    # Each second one begins at once, and another is due 0.05 ms before that step starts: too late to be counted by it.
    requests, steps = [], []
    for i in range(30):
        begin = 1000 * i
        requests += [(begin, begin, begin + 10, begin + 10, 1), (begin + 0.05, begin + 10, begin + 20, begin + 20, 1)]
        steps += [
            {"start": begin + 0.1, "end": begin + 10, "in_system": 1},
            {"start": begin + 10, "end": begin + 20, "in_system": 1},
        ]
    data = RunData(requests_of(*requests), steps=steps_of(*steps))
    load = context_of(arrival="poisson", users=0, rate_s=1.0).specification.load
    # All that is not seen is the second one's wait of 10 ms during the first step, of 30 ms that both stay.
    assert little.residual(data, load) == pytest.approx(-1 / 3, abs=0.01)
