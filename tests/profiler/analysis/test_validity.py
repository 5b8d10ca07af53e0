import dataclasses

import numpy as np
import pytest

from profiler.analysis import validity
from profiler.analysis.validity import flags
from profiler.records.timing import RequestStatus, RunData, Samples

MS = 1_000_000


def sampled(data, **channels):
    """The run with telemetry, spread evenly over it."""
    count = len(next(iter(channels.values())))
    times_ns = np.linspace(0, data.tokens["time_ns"].max(), count).astype(np.int64)
    return dataclasses.replace(
        data, samples=Samples(times_ns, {name: np.array(values, np.float64) for name, values in channels.items()})
    )


@pytest.fixture
def calm(closed_loop):
    """Two users, ten requests each: nothing to complain of."""
    return closed_loop([0, 300], per_user=10)


@pytest.fixture
def context(context_of):
    return context_of(users=2)


def names(data, context):
    return [flag.name for flag in flags(data, context)]


def test_a_calm_run_has_no_flags(calm, context):
    quiet = sampled(
        calm,
        foreign_cpu_percent=[1] * 40,
        swap_used_bytes=[5e9] * 40,
        lateness_ms=[0.1] * 40,
        cpu_frequency_mhz_0=[3000] * 40,
        gpu0_throttle_reasons=[4] * 40,  # the power cap: a card's normal state under load
    )
    assert flags(quiet, context) == ()
    assert flags(calm, context) == ()


def test_foreign_load_in_the_window_invalidates(calm, context):
    (flag,) = flags(sampled(calm, foreign_cpu_percent=[12.5] * 40), context)
    assert (flag.name, flag.invalidates) == (validity.FOREIGN_LOAD, True)
    assert "12 %" in flag.sentence
    assert str(flag) == f"foreign load: {flag.sentence}"
    assert names(sampled(calm, foreign_cpu_percent=[10] * 40), context) == []


def test_foreign_load_before_the_window_does_not_count(calm, context):
    # The window opens when both users have an answer, at about a tenth of the run.
    assert names(sampled(calm, foreign_cpu_percent=[100] * 5 + [0] * 35), context) == []


def test_throttling_invalidates(calm, context):
    reasons = [0x40 if sample % 4 == 0 else 0 for sample in range(40)]
    (flag,) = flags(sampled(calm, gpu0_throttle_reasons=[0] * 40, gpu1_throttle_reasons=reasons), context)
    assert (flag.name, flag.invalidates) == (validity.THROTTLED, True)
    assert "gpu1" in flag.sentence


def test_growing_swap_invalidates(calm, context):
    swap = [1e9] * 20 + [1.25e9] * 20
    (flag,) = flags(sampled(calm, swap_used_bytes=swap), context)
    assert (flag.name, flag.invalidates) == (validity.SWAPPED, True)
    assert "250 MB" in flag.sentence
    assert names(sampled(calm, swap_used_bytes=swap[::-1]), context) == []


def test_a_short_window_warns(closed_loop, context):
    (flag,) = flags(closed_loop([0, 300], per_user=1), context)
    assert (flag.name, flag.invalidates) == (validity.SHORT_WINDOW, False)


def test_failed_requests_warn_with_their_kinds(calm, context):
    requests = calm.requests.copy()
    requests["status"][4] = RequestStatus.TIMED_OUT
    requests["status"][5:7] = RequestStatus.FAILED
    (flag,) = flags(dataclasses.replace(calm, requests=requests), context)
    assert (flag.name, flag.invalidates) == (validity.FAILED_REQUESTS, False)
    assert flag.sentence == "Of 20 requests 2 failed and 1 timed out."


def test_a_late_generator_warns(calm, context):
    requests = calm.requests.copy()
    requests["sent_ns"] += 5 * MS
    (flag,) = flags(dataclasses.replace(calm, requests=requests), context)
    assert (flag.name, flag.invalidates) == (validity.LATE_GENERATOR, False)
    assert "5.00 ms" in flag.sentence


def test_littles_law_warns(closed_loop, context_of):
    data = closed_loop([0, 300], per_user=40)
    data.steps["in_system"] += 1
    (flag,) = flags(data, context_of(users=2))
    assert (flag.name, flag.invalidates) == (validity.LITTLE, False)


def test_late_telemetry_warns(calm, context):
    (flag,) = flags(sampled(calm, lateness_ms=[0.0] * 30 + [400.0] * 10), context)
    assert (flag.name, flag.invalidates) == (validity.LATE_TELEMETRY, False)


def test_a_falling_frequency_warns_by_the_fastest_core(calm, context):
    fast = np.linspace(4000, 3000, 40)
    idle = np.full(40, 800.0)
    (flag,) = flags(sampled(calm, cpu_frequency_mhz_0=idle, cpu_frequency_mhz_1=fast), context)
    assert (flag.name, flag.invalidates) == (validity.FREQUENCY_FELL, False)
    assert names(sampled(calm, cpu_frequency_mhz_0=np.linspace(4000, 800, 40), cpu_frequency_mhz_1=[4000] * 40), context) == []
    assert names(sampled(calm, cpu_frequency_mhz_0=[np.nan] * 40), context) == []


def test_a_model_in_the_cache_warns(calm, context_of, costs):
    context = context_of(users=2, costs=costs, last_level_cache_bytes=40_000_000)
    (flag,) = flags(calm, context)
    assert (flag.name, flag.invalidates) == (validity.FITS_IN_CACHE, False)
    assert "40.0 MB" in flag.sentence


def test_an_empty_run_is_short_and_nothing_else(context):
    assert names(RunData(), context) == [validity.SHORT_WINDOW]


def test_the_invalidating_flags_come_first(closed_loop, context):
    data = sampled(closed_loop([0, 300], per_user=1), foreign_cpu_percent=[50] * 40)
    assert names(data, context) == [validity.FOREIGN_LOAD, validity.SHORT_WINDOW]
