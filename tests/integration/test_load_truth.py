"""What queueing theory and arithmetic say of a load, seen on the real engine. All as ratios within a test: machines wander."""

import numpy as np
import pytest

from profiler.analysis.context import RunContext
from profiler.analysis.in_system import mean_in_system
from profiler.analysis.latency import request_latencies_ms
from profiler.analysis.stability import is_unstable, queue_growth_s
from profiler.analysis.window import measurement_window

pytestmark = pytest.mark.truth

SHORT = {"prompt": 16, "output": 8, "slots": 4, "ctx_size": 256}


def by_request(data):
    return data.requests[np.argsort(data.requests["request"])]


def ttft_ms(data):
    return request_latencies_ms(by_request(data))["ttft_ms"]


@pytest.fixture(scope="module")
def capacity_s(engine, order_of):
    """Requests a second that the engine serves of the short load when it never has to wait for one."""

    def measured(run):
        rows = run.data.requests
        return len(rows) / (rows["end_ns"].max() / 1e9)

    return lambda serve: measured(serve(order_of(arrival="offline", requests=60, **SHORT)))


def test_at_twice_the_capacity_the_queue_grows_linearly_and_the_first_token_shows_it(serve, order_of, capacity_s):
    rate_s = 2 * capacity_s(serve)
    order = order_of(arrival="poisson", rate_s=rate_s, requests=160, **SHORT)
    run = serve(order)
    rows = by_request(run.data)
    context = RunContext(order, run.facts, None, None)
    window = measurement_window(run.data, context)
    assert is_unstable(run.data, context, window)
    last_due_ns = float(rows["due_ns"].max())
    counts = mean_in_system(rows, np.linspace(0, last_due_ns, 21))
    times_s = (np.arange(20) + 0.5) * last_due_ns / 20 / 1e9
    assert np.corrcoef(times_s, counts)[0, 1] > 0.97, counts
    served_s = np.count_nonzero(rows["end_ns"] <= last_due_ns) / (last_due_ns / 1e9)
    offered_s = len(rows) / (last_due_ns / 1e9)
    assert queue_growth_s(run.data, window) == pytest.approx(offered_s - served_s, rel=0.25)
    assert np.corrcoef(rows["due_ns"], ttft_ms(run.data))[0, 1] > 0.95, "who comes later waits longer"


def test_continuous_batching_answers_sooner_than_static_at_no_lower_throughput(serve, order_of, capacity_s):
    load = {"arrival": "poisson", "rate_s": 0.6 * capacity_s(serve), "requests": 60, "prompt": "uniform:8:24"}
    load |= {"output": "uniform:2:14", "slots": 4, "ctx_size": 256}
    static = {"batching": "static", "static_batch_size": 4, "static_wait_s": 0.1}
    p95_ms, tok_s = {"static": [], "continuous": []}, {"static": [], "continuous": []}
    for name in ("static", "continuous", "continuous", "static"):
        data = serve(order_of(**load, **(static if name == "static" else {}))).data
        p95_ms[name].append(np.sort(ttft_ms(data))[int(0.95 * 60) - 1])
        tok_s[name].append(len(data.tokens) / (data.tokens["time_ns"].max() / 1e9))
    assert np.mean(p95_ms["continuous"]) < np.mean(p95_ms["static"]), p95_ms
    assert np.mean(tok_s["continuous"]) > 0.97 * np.mean(tok_s["static"]), tok_s


def test_the_queue_of_a_spike_drains_at_the_rate_that_the_throughput_predicts(serve, order_of, capacity_s):
    served_s = capacity_s(serve)
    calm_s = 0.3 * served_s
    spike = {"spike_at_s": 0.5, "spike_for_s": 1.0, "rate_to_s": 3 * served_s}
    order = order_of(arrival="spike", rate_s=calm_s, duration_s=6.0, **spike, **SHORT)
    rows = by_request(serve(order).data)
    edges_ns = np.arange(0, 6.0, 0.1) * 1e9
    counts = mean_in_system(rows, edges_ns)
    peak = int(counts.argmax())
    drained = peak + int(np.argmax(counts[peak:] < counts[peak] / 5))
    assert edges_ns[peak] / 1e9 == pytest.approx(1.5, abs=0.3), "it is longest when the spike ends"
    assert drained > peak + 3, "it takes a while"
    fell_s = (counts[peak] - counts[drained]) / (0.1 * (drained - peak))
    ended = np.count_nonzero((rows["end_ns"] > edges_ns[peak]) & (rows["end_ns"] <= edges_ns[drained]))
    came = np.count_nonzero((rows["due_ns"] > edges_ns[peak]) & (rows["due_ns"] <= edges_ns[drained]))
    assert fell_s == pytest.approx((ended - came) / (0.1 * (drained - peak)), rel=0.15)
    assert fell_s == pytest.approx(served_s - calm_s, rel=0.5), "as fast as the engine serves beyond what still comes"


def test_a_shared_beginning_of_80_percent_cuts_the_first_token_in_proportion_to_what_is_not_read(serve, order_of):
    load = {"users": 1, "prompt": 600, "output": 2, "requests_per_user": 6, "shared_prefix": 0.8, "ctx_size": 2048}
    first_ms = {False: [], True: []}
    for is_on in (False, True, True, False):
        data = serve(order_of(prefix_cache=is_on, **load)).data
        rows = by_request(data)
        first_ms[is_on] += request_latencies_ms(rows)["prefill_ms"][1:].tolist()
        assert set(rows["cached_tokens"][1:]) == ({480} if is_on else {0})
    assert np.median(first_ms[True]) / np.median(first_ms[False]) == pytest.approx(120 / 600, rel=0.5)
