import dataclasses

import numpy as np
import pytest

from profiler.analysis.stability import is_unstable, queue_growth_s
from profiler.analysis.window import Window, measurement_window
from profiler.records.timing import RequestStatus, RunData

MS = 1_000_000
SECOND = 1_000 * MS


@pytest.fixture
def poisson(context_of):
    return context_of(arrival="poisson", users=0, slots=1)


def share_flagged(single_server, context, utilisation, runs=100, arrivals=300):
    flagged = 0
    for seed in range(runs):
        data = single_server(utilisation, arrivals, seed)
        flagged += is_unstable(data, context, measurement_window(data, context))
    return flagged / runs


@pytest.mark.parametrize(("utilisation", "low", "high"), [(0.8, 0, 0.05), (0.9, 0, 0.15), (1.5, 0.95, 1), (2.0, 0.95, 1)])
def test_a_queue_is_called_unstable_when_it_is(single_server, poisson, utilisation, low, high):
    assert low <= share_flagged(single_server, poisson, utilisation) <= high


def test_short_runs_and_long_ones_are_told_apart_as_well(single_server, poisson):
    assert share_flagged(single_server, poisson, 0.8, arrivals=60) < 0.05
    assert share_flagged(single_server, poisson, 2.0, arrivals=60) > 0.95
    assert share_flagged(single_server, poisson, 0.95, runs=10, arrivals=3000) == 0
    assert share_flagged(single_server, poisson, 1.2, runs=10, arrivals=3000) == 1


def test_the_slope_is_the_arrival_rate_less_the_capacity(single_server, poisson):
    # One arrival a second, capacity half a request a second: the queue grows by a half.
    slopes = []
    for seed in range(30):
        data = single_server(2.0, 300, seed)
        slopes.append(queue_growth_s(data, measurement_window(data, poisson)))
    assert np.mean(slopes) == pytest.approx(0.5, rel=0.15)


def test_the_slope_by_hand(requests_of):
    # A request every 100 ms that never ends: ten more in the system each second.
    never = RequestStatus.UNFINISHED
    requests = requests_of(*((100 * i, None, None, None, 0, never) for i in range(100)))
    window = Window(0, 9_900 * MS + 1, is_short=False)
    assert queue_growth_s(RunData(requests), window) == pytest.approx(10, rel=1e-3)
    # The warm-up belongs to the period.
    assert queue_growth_s(
        RunData(requests), dataclasses.replace(window, start_ns=4_000 * MS, warmup_ns=4_000 * MS)
    ) == pytest.approx(10, rel=1e-3)
    assert queue_growth_s(RunData(requests), dataclasses.replace(window, is_short=True)) is None
    assert queue_growth_s(RunData(requests[:19]), window) is None
    assert queue_growth_s(RunData(), Window(0, 0, is_short=False)) is None


@pytest.mark.parametrize(("arrival", "expected"), [("poisson", True), ("constant", True), ("gamma", True), ("spike", False)])
def test_only_a_steady_rate_can_be_too_fast(single_server, context_of, arrival, expected):
    context = context_of(arrival=arrival, users=0, slots=1)
    data = single_server(2.0, 100, 1)
    assert is_unstable(data, context, measurement_window(data, context)) is expected


def test_while_every_request_has_a_slot_nothing_queues(context_of, requests_of):
    # 40 requests, one a second, none ended at the last due time: with 40 slots all of them are being served.
    requests = requests_of(*((1000 * i, 1000 * i, 60_000, 100_000, 2) for i in range(40)))
    for slots, expected in ((40, False), (39, True)):
        context = context_of(arrival="constant", users=0, slots=slots)
        window = measurement_window(RunData(requests), context)
        assert is_unstable(RunData(requests), context, window) is expected
    alone = context_of(arrival="constant", users=0, slots=40, batching="sequential")
    assert is_unstable(RunData(requests), alone, measurement_window(RunData(requests), alone))


@pytest.mark.parametrize(("service_s", "expected"), [(1.04, False), (1.08, True)])
def test_a_slope_under_a_twentieth_of_the_arrivals_is_let_pass(requests_of, context_of, service_s, expected):
    # One arrival a second, 1 / 1.04 and 1 / 1.08 served: the queue grows by 0.038 and by 0.074 a second.
    ends = [1000 * service_s * (i + 1) for i in range(300)]
    requests = requests_of(*((1000 * i, end - 1000, end, end, 1) for i, end in enumerate(ends)))
    context = context_of(arrival="constant", users=0, slots=1)
    window = measurement_window(RunData(requests), context)
    assert queue_growth_s(RunData(requests), window) == pytest.approx(1 - 1 / service_s, rel=0.02)
    assert is_unstable(RunData(requests), context, window) is expected


def test_a_queue_limit_keeps_a_run_stable(single_server, poisson):
    """What is refused leaves at once, so the queue stays at its limit."""
    data = single_server(2.0, 300, 3)
    requests = data.requests.copy()
    refused = np.arange(300) % 2 == 1
    requests["end_ns"] = np.where(refused, requests["due_ns"], requests["due_ns"] + 3 * SECOND)
    requests["status"][refused] = RequestStatus.REFUSED
    data = RunData(requests, data.tokens)
    assert not is_unstable(data, poisson, measurement_window(data, poisson))
