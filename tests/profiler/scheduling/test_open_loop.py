import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.records.specification import RequestClass, TraceSettings
from profiler.scheduling import open_loop
from profiler.scheduling.open_loop import DEFAULT_DURATION_S, due_times_ns, horizon_s_of, rate_s_at
from profiler.scheduling.trace import Trace


def due(seed=1, trace=None, **options):
    request_class = RequestClass(**options)
    return due_times_ns(request_class, seed, horizon_s_of(request_class), trace)


def ks_against_exponential(gaps):
    """The asymptotic p-value of the Kolmogorov–Smirnov statistic of `gaps` against the exponential of mean 1.

    Stephens' correction; Kolmogorov's series for the tail.
    """
    count = len(gaps)
    expected = 1 - np.exp(-np.sort(gaps))
    ranks = np.arange(count)
    statistic = max((expected - ranks / count).max(), ((ranks + 1) / count - expected).max())
    scaled = (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count)) * statistic
    return 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101)) if scaled > 0.2 else 1.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_gaps_are_exponential(seed):
    times_s = due(seed, arrival="poisson", rate_s=40.0, requests=100_000) / 1e9
    assert ks_against_exponential(np.diff(times_s, prepend=0) * 40) > 0.01


def test_the_test_of_exponential_gaps_sees_what_is_not():
    times_s = due(arrival="poisson", rate_s=40.0, requests=100_000) / 1e9
    assert ks_against_exponential(np.diff(times_s) * 41) < 0.01
    assert ks_against_exponential(np.diff(due(arrival="gamma", rate_s=1.0, burstiness=0.9, requests=100_000) / 1e9)) < 1e-6


def test_bursts_spikes_and_ramps_are_poisson_in_their_integrated_rate():
    """Each Λ is written here by hand, and not the one of the module."""
    t = due(arrival="burst", rate_s=50.0, rate_to_s=400.0, burst_on_s=2.0, burst_off_s=3.0, requests=50_000) / 1e9
    cycles, within = t // 5, t % 5
    mass = cycles * (2 * 400 + 3 * 50) + np.minimum(within, 2) * 400 + np.maximum(within - 2, 0) * 50
    assert ks_against_exponential(np.diff(mass, prepend=0)) > 0.01

    t = due(arrival="spike", rate_s=100.0, rate_to_s=900.0, spike_at_s=20.0, spike_for_s=30.0, duration_s=150.0) / 1e9
    mass = 100 * t + 800 * np.clip(t - 20, 0, 30)
    assert ks_against_exponential(np.diff(mass, prepend=0)) > 0.01

    t = due(arrival="ramp", rate_s=20.0, rate_to_s=800.0, duration_s=100.0) / 1e9
    mass = 20 * t + (800 - 20) / 100 * t**2 / 2
    assert ks_against_exponential(np.diff(mass, prepend=0)) > 0.01
    assert ks_against_exponential(np.diff(t, prepend=0) * 410) < 1e-6  # not of the mean rate


@pytest.mark.parametrize("burstiness", [0.25, 1.0, 4.0])
def test_gamma_gaps_have_the_rates_mean_and_the_knobs_variation(burstiness):
    gaps_s = np.diff(due(arrival="gamma", rate_s=20.0, burstiness=burstiness, requests=200_000) / 1e9, prepend=0)
    assert gaps_s.mean() == pytest.approx(1 / 20, rel=0.02)
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(1 / math.sqrt(burstiness), rel=0.02)


def test_constant_arrivals_begin_at_the_start_and_are_equally_far_apart():
    times = due(arrival="constant", rate_s=3.0, duration_s=2.0)
    assert times.dtype == np.int64
    assert times.tolist() == [0, 333333333, 666666667, 1000000000, 1333333333, 1666666667]
    assert due(arrival="constant", rate_s=10.0, duration_s=0.3, start_s=0.1).tolist() == [100_000_000, 200_000_000]
    long_run = due(arrival="constant", rate_s=1000.0, requests=1_000_000)
    assert np.all(np.diff(long_run) == 1_000_000)


def test_bursts_come_in_their_on_phases():
    times_s = due(arrival="burst", rate_s=300.0, burst_on_s=1.0, burst_off_s=4.0, duration_s=50.0) / 1e9
    assert (times_s % 5 < 1).all()
    # Ten on-phases of one second.
    assert len(times_s) == pytest.approx(3000, abs=4 * math.sqrt(3000))
    counts = np.bincount((times_s // 5).astype(int), minlength=10)
    assert (abs(counts - 300) < 5 * math.sqrt(300)).all()


def test_between_bursts_the_other_rate_holds():
    options = {"rate_s": 100.0, "rate_to_s": 1000.0, "burst_on_s": 2.0, "burst_off_s": 3.0, "start_s": 1.0, "duration_s": 51.0}
    times_s = due(arrival="burst", **options) / 1e9 - 1.0
    on = np.count_nonzero(times_s % 5 < 2)
    assert on == pytest.approx(20_000, abs=4 * math.sqrt(20_000))
    assert len(times_s) - on == pytest.approx(3000, abs=4 * math.sqrt(3000))


def test_only_off_phases_where_the_bursts_rate_is_zero():
    options = {"rate_s": 100.0, "rate_to_s": 0.0, "burst_on_s": 2.0, "burst_off_s": 3.0}
    times_s = due(arrival="burst", **options, requests=2000) / 1e9
    assert len(times_s) == 2000
    assert (times_s % 5 >= 2).all()


def test_a_spike_is_as_high_and_as_long_as_asked():
    options = {"rate_s": 50.0, "rate_to_s": 2000.0, "spike_at_s": 10.0, "spike_for_s": 5.0, "start_s": 2.0, "duration_s": 42.0}
    times_s = due(arrival="spike", **options) / 1e9
    counts = [np.count_nonzero((times_s >= low) & (times_s < high)) for low, high in [(0, 2), (2, 12), (12, 17), (17, 42)]]
    expected = [0, 500, 10_000, 1250]
    assert all(abs(count - want) <= 4 * math.sqrt(want) for count, want in zip(counts, expected, strict=True))


def test_nothing_comes_before_a_spike_from_zero_nor_after_it():
    options = {"rate_s": 0.0, "rate_to_s": 500.0, "spike_at_s": 3.0, "spike_for_s": 1.0}
    times_s = due(arrival="spike", **options, duration_s=10.0) / 1e9
    assert len(times_s) == pytest.approx(500, abs=4 * math.sqrt(500))
    assert times_s.min() >= 3.0
    assert times_s.max() < 4.0


@pytest.mark.parametrize(("rate", "to"), [(0.0, 400.0), (400.0, 0.0), (100.0, 300.0), (200.0, 200.0)])
def test_a_ramps_count_is_its_integral(rate, to):
    times_s = due(arrival="ramp", rate_s=rate, rate_to_s=to, duration_s=50.0) / 1e9
    assert len(times_s) == pytest.approx(10_000, abs=400)  # ∫ is 200 × 50 in each case; √10 000 = 100
    half = 50 * rate / 2 + (to - rate) * 25**2 / (2 * 50)
    assert np.count_nonzero(times_s < 25) == pytest.approx(half, abs=4 * math.sqrt(half))


def test_after_its_ramp_the_last_rate_holds():
    times_s = due(arrival="ramp", rate_s=100.0, rate_to_s=500.0, requests=30_000) / 1e9
    assert len(times_s) == 30_000
    after = times_s[times_s >= DEFAULT_DURATION_S]
    # 300 × 30 = 9000 on the ramp, the other 21 000 at 500 a second.
    assert len(after) == pytest.approx(21_000, abs=400)
    assert np.diff(after).mean() == pytest.approx(1 / 500, rel=0.03)


def test_the_rate_over_time_for_a_drawing():
    times = np.array([0.0, 1.9, 2.0, 3.0, 4.99, 5.0, 7.0, 8.0])
    ramp = RequestClass(arrival="ramp", rate_s=2.0, rate_to_s=8.0, start_s=2.0, duration_s=5.0)
    assert rate_s_at(ramp, times, 5.0) == pytest.approx([0, 0, 2, 4, 7.98, 8, 8, 8])
    burst = RequestClass(arrival="burst", rate_s=7.0, burst_on_s=1.0, burst_off_s=2.0, start_s=2.0)
    assert rate_s_at(burst, times, 30.0).tolist() == [0, 0, 7, 0, 0, 7, 0, 7]
    spike = RequestClass(arrival="spike", rate_s=1.0, rate_to_s=9.0, spike_at_s=2.0, spike_for_s=3.0)
    assert rate_s_at(spike, times, 30.0).tolist() == [1, 1, 9, 9, 9, 1, 1, 1]
    assert rate_s_at(RequestClass(arrival="gamma", rate_s=3.0), times, 30.0).tolist() == [3] * 8


@pytest.mark.parametrize("arrival", ["poisson", "gamma"])
def test_one_seed_makes_the_same_times_and_another_others(arrival):
    options = {"arrival": arrival, "rate_s": 5.0, "burstiness": 0.5, "requests": 200_000}
    times = due(7, **options)
    assert np.array_equal(times, due(7, **options))
    assert not np.array_equal(times[:100], due(8, **options)[:100])
    # A shorter run is the beginning of a longer one.
    shorter = due(7, **{**options, "requests": 100_000})
    assert np.array_equal(times[:100_000], shorter)


def test_the_first_limit_ends_the_arrivals():
    assert len(due(arrival="poisson", rate_s=100.0, requests=50, duration_s=1000.0)) == 50
    both = due(arrival="poisson", rate_s=100.0, requests=5000, duration_s=2.0)
    assert len(both) < 5000
    assert both.max() < 2_000_000_000
    assert np.array_equal(both, due(arrival="poisson", rate_s=100.0, duration_s=2.0))
    unlimited = due(arrival="constant", rate_s=2.0, start_s=5.0)
    assert (len(unlimited), unlimited[-1]) == (60, 34_500_000_000)
    assert len(due(arrival="poisson", rate_s=1.0, duration_s=3.0, start_s=3.0)) == 0
    assert len(due(arrival="poisson", rate_s=0.0, duration_s=3.0)) == 0


BURST_OPTIONS = {"burst_on_s": 1.0, "burst_off_s": 1.0}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"arrival": "poisson"}, "'poisson' need rate_s"),
        ({"arrival": "ramp", "rate_s": 1.0}, "'ramp' need rate_to_s"),
        ({"arrival": "spike", "rate_s": 1.0, "rate_to_s": 2.0, "spike_for_s": 1.0}, "need spike_at_s"),
        ({"arrival": "burst", "rate_s": 1.0, "burst_on_s": 1.0}, "need burst_off_s"),
        ({"arrival": "burst", "rate_s": 1.0, "burst_on_s": 0.0, "burst_off_s": 0.0}, "above 0"),
        ({"arrival": "closed", "users": 1}, "'closed' have no rate"),
        ({"arrival": "poisson", "rate_s": -1.0}, "rate_s is -1"),
        ({"arrival": "poisson", "rate_s": math.nan}, "rate_s is nan"),
        ({"arrival": "gamma", "rate_s": 1.0, "burstiness": 0.0}, "burstiness 0 is not above 0"),
        ({"arrival": "poisson", "rate_s": 0.0, "requests": 3}, "may never come; give a duration"),
        ({"arrival": "constant", "rate_s": 0.0, "requests": 3}, "may never come"),
        ({"arrival": "ramp", "rate_s": 5.0, "rate_to_s": 0.0, "requests": 3}, "may never come"),
        ({"arrival": "burst", "rate_s": 0.0, **BURST_OPTIONS, "requests": 3}, "may never come"),
        (
            {"arrival": "spike", "rate_s": 0.0, "rate_to_s": 2.0, "spike_at_s": 1.0, "spike_for_s": 1.0, "requests": 3},
            "may never come",
        ),
        ({"arrival": "poisson", "rate_s": 1e6, "duration_s": 20.0}, "1e\\+06 a second for 20 s make more than 10000000"),
        ({"arrival": "poisson", "rate_s": 1e6, "requests": 10_000_001}, "10000001 requests make more than 10000000"),
        ({"arrival": "poisson", "rate_s": 1e-9, "requests": 100}, "hundred years"),
        ({"arrival": "trace"}, "need the trace"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(options, match):
    with pytest.raises(ValueError, match=match):
        due(**options)


def test_clumps_beyond_the_most_arrivals_are_refused_too(monkeypatch):
    monkeypatch.setattr(open_loop, "MAX_ARRIVALS", 1000)
    assert len(due(arrival="poisson", rate_s=1.0, duration_s=900.0)) < 1000
    refused = 0
    for seed in range(20):
        try:
            due(seed, arrival="poisson", rate_s=1.0, duration_s=1000.0)
        except ValueError:
            refused += 1
    assert 2 < refused < 18  # each is as likely above as below the number expected


def test_a_trace_is_replayed_on_its_scaled_clock():
    recorded = Trace(np.array([0.0, 1.5, 1.5, 4.0]), np.ones(4, np.int32), np.ones(4, np.int32), None, 0, 0)
    settings = TraceSettings("x.csv", "", "azure", time_scale=2.0)
    options = {"arrival": "trace", "trace": settings, "start_s": 1.0}

    def times(**more):
        request_class = RequestClass(**options, **more)
        return due_times_ns(request_class, 1, 30.0, recorded).tolist()

    assert times() == [10**9, 4 * 10**9, 4 * 10**9, 9 * 10**9]
    assert times(duration_s=9.0) == [10**9, 4 * 10**9, 4 * 10**9]
    assert times(requests=2) == [10**9, 4 * 10**9]


rates = st.floats(0.01, 500)
stretches = st.floats(0.01, 20)
classes = st.one_of(
    st.builds(lambda rate: {"arrival": "constant", "rate_s": rate}, rates),
    st.builds(lambda rate: {"arrival": "poisson", "rate_s": rate}, rates),
    st.builds(lambda rate, shape: {"arrival": "gamma", "rate_s": rate, "burstiness": shape}, rates, st.floats(0.05, 20)),
    st.builds(
        lambda rate, to, on, off: {"arrival": "burst", "rate_s": rate, "rate_to_s": to, "burst_on_s": on, "burst_off_s": off},
        rates,
        st.one_of(st.none(), st.just(0.0), rates),
        stretches,
        stretches,
    ),
    st.builds(
        lambda rate, to, at, long: {"arrival": "spike", "rate_s": rate, "rate_to_s": to, "spike_at_s": at, "spike_for_s": long},
        rates,
        st.one_of(st.just(0.0), rates),
        stretches,
        stretches,
    ),
    st.builds(lambda rate, to: {"arrival": "ramp", "rate_s": rate, "rate_to_s": to}, st.one_of(st.just(0.0), rates), rates),
)


@given(classes, st.integers(1, 300), st.floats(0, 10), st.one_of(st.none(), st.floats(0, 40)), st.integers(0, 2**40))
@settings(max_examples=200, deadline=None)
def test_due_times_rise_within_the_limits_where_the_rate_is_not_zero(options, requests, start_s, duration_s, seed):
    options = {**options, "requests": requests, "start_s": start_s, "duration_s": duration_s}
    times = due(seed, **options)
    assert np.all(np.diff(times) >= 0)
    assert len(times) == requests if duration_s is None else len(times) <= requests
    if len(times):
        assert times[0] >= round(start_s * 1e9)
        assert duration_s is None or times[-1] < round(duration_s * 1e9)


def mean_wait_s(due_ns, service_s):
    """Mean wait before one server in order, the first tenth dropped.

    Lindley's recursion W(n+1) = max(0, W(n) + S - A(n)) is the walk S - A above its lowest point so far.
    """
    walk = np.concatenate(([0.0], np.cumsum(service_s - np.diff(due_ns) / 1e9)))
    waits = walk - np.minimum.accumulate(walk)
    return float(waits[len(waits) // 10 :].mean())


def test_lindleys_recursion_by_hand():
    # Service 3: the second (due at 1) waits 2, the third (due at 2) waits 4, the fourth (due at 20) none.
    assert mean_wait_s(np.array([0, 1, 2, 20]) * 10**9, 3.0) == pytest.approx(6 / 4)


@pytest.mark.parametrize("utilisation", [0.5, 0.8, 0.9])
def test_m_d_1(utilisation):
    """Five million arrivals and a service of 1 s; at 0.9 the mean of so many has a standard error of about 0.6 %."""
    due_ns = due(seed=4, arrival="poisson", rate_s=utilisation, requests=5_000_000)
    expected_s = utilisation / (2 * (1 - utilisation))
    assert mean_wait_s(due_ns, 1.0) == pytest.approx(expected_s, rel=0.02)


@pytest.mark.parametrize("duration_s", [5e-324, 1e-10, 1e-9])
def test_a_ramp_too_short_for_the_clock_is_at_its_end_from_the_start(duration_s):
    ramp = RequestClass(arrival="ramp", rate_s=0.0, rate_to_s=1.0, duration_s=duration_s)
    assert len(due_times_ns(ramp, 1, horizon_s_of(ramp))) == 0
    assert rate_s_at(ramp, np.array([1.0]), horizon_s_of(ramp)).tolist() == [1.0]
