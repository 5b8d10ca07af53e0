import dataclasses

import numpy as np
import pytest

from profiler.analysis import validity
from profiler.analysis.validity import flags
from profiler.records.timing import ABSENT_NS, RequestStatus, RunData, Samples

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
        process_major_faults=[412] * 40,
        memory_stalled_ms=[77] * 40,
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


def test_pages_read_anew_while_measuring_invalidate(calm, context):
    seconds = calm.tokens["time_ns"].max() / 1e9
    many = np.linspace(3000, 3000 + 40 * seconds, 40)  # 40 a second since the first reading, on top of what loading took
    (flag,) = flags(sampled(calm, process_major_faults=many), context)
    assert (flag.name, flag.invalidates) == (validity.PAGE_FAULTS, True)
    assert names(sampled(calm, process_major_faults=[np.nan, *many[1:-1], np.nan]), context) == [validity.PAGE_FAULTS]
    assert names(sampled(calm, process_major_faults=np.linspace(3000, 3000 + 8 * seconds, 40)), context) == []
    assert names(sampled(calm, process_major_faults=[3000] * 20 + [3040] * 20), context) == []
    assert names(sampled(calm, process_major_faults=[0, 3000] + [3000] * 38), context) == []  # before the window


def test_programs_that_wait_for_memory_warn(calm, context):
    milliseconds = calm.tokens["time_ns"].max() / 1e6
    (flag,) = flags(sampled(calm, memory_stalled_ms=np.linspace(500, 500 + 0.03 * milliseconds, 40)), context)
    assert (flag.name, flag.invalidates) == (validity.MEMORY_PRESSURE, False)
    assert "3.0 %" in flag.sentence
    assert names(sampled(calm, memory_stalled_ms=np.linspace(500, 500 + 0.009 * milliseconds, 40)), context) == []
    assert names(sampled(calm, memory_stalled_ms=[np.nan] * 40), context) == []


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


def test_an_open_loop_above_capacity_warns_with_its_slope(requests_of, context_of):
    # A request a second, each served for two seconds, one after the other: every second half a request more is in the system.
    requests = requests_of(*((1000 * i, 2000 * i, 2000 * i + 2000, 2000 * i + 2000, 1) for i in range(100)))
    data = RunData(requests)
    (flag,) = flags(data, context_of(arrival="constant", users=0, slots=1))
    assert (flag.name, flag.invalidates) == (validity.UNSTABLE, False)
    assert flag.sentence == (
        "Requests came faster than they were served: the queue grew by 0.50 requests a second; latencies grow with the run's "
        "length and no percentile is stated."
    )
    assert flags(data, context_of(arrival="ramp", users=0, slots=1)) == ()


def test_a_load_that_does_not_settle_warns(context_of, requests_of, tokens_of):
    # Each request stays longer than the one before, but all have a slot: 40 of them, one a second.
    requests = requests_of(*((1000 * i, 1000 * i, 1000 * i + 1, 1100 * i + 5, 1) for i in range(200)))
    data = RunData(requests, tokens_of((199, 0, 219_000)))
    context = context_of(arrival="constant", users=0, slots=40)
    assert names(data, context) == [validity.NOT_STATIONARY]
    assert names(data, context_of(arrival="constant", users=0, slots=8)) == [validity.UNSTABLE]


def test_a_calm_open_loop_has_no_flags(single_server, context_of):
    assert flags(single_server(0.5, 300, 1), context_of(arrival="poisson", users=0, slots=1)) == ()


def test_a_cache_that_gives_up_an_entry_for_every_tenth_request_warns(closed_loop, context_of):
    data = closed_loop([0, 300], per_user=10)
    data.steps["evictions"][:2] = 1
    cached = context_of(users=2, prefix_cache=True)
    assert names(data, cached) == []  # two for twenty requests
    data.steps["evictions"][5] = 3
    (flag,) = flags(data, cached)
    assert (flag.name, flag.invalidates) == (validity.EVICTED, False)
    assert flag.sentence == "The prefix cache gave up 5 entries for lack of room, over 20 requests."
    assert names(data, context_of(users=2)) == []


def test_only_what_was_sent_can_be_late(calm, context):
    requests = calm.requests.copy()
    requests["sent_ns"][5:9] = ABSENT_NS
    requests["status"][5:9] = RequestStatus.REFUSED
    (flag,) = flags(dataclasses.replace(calm, requests=requests), context)
    assert flag.name == validity.FAILED_REQUESTS
    assert flag.sentence == "Of 20 requests 4 refused."


def test_a_gpu_that_its_driver_holds_back_is_a_warning(calm, context):
    held = [1 if sample % 4 == 0 else 0 for sample in range(40)]
    (flag,) = flags(sampled(calm, intelgpu0_held_back=held, intelgpu1_held_back=[0] * 40), context)
    assert (flag.name, flag.invalidates) == (validity.HELD_BACK, False)
    assert "intelgpu0 ran slower" in flag.sentence
    assert names(sampled(calm, intelgpu0_held_back=[0] * 39 + [1]), context) == []


def test_a_processor_quota_that_stops_the_group_is_a_warning(calm, context):
    # 2 ms more in each sample of the run; below one in a hundred it is nothing.
    (flag,) = flags(sampled(calm, group_cpu_throttled_ms=np.arange(40) * 100.0), context)
    assert (flag.name, flag.invalidates) == (validity.CPU_QUOTA, False)
    assert "quota" in flag.sentence
    assert names(sampled(calm, group_cpu_throttled_ms=np.arange(40) * 0.01), context) == []
    assert names(sampled(calm, group_cpu_throttled_ms=[1e6] * 40), context) == []


def test_a_standstill_of_sensors_and_steps_invalidates(calm, context):
    late = [0.1] * 20 + [1900.0] + [0.1] * 19
    assert validity.STOOD_STILL not in names(sampled(calm, lateness_ms=late), context), "the engine went on meanwhile"
    steps = calm.steps.copy()
    steps["end_ns"][5:] += 2000 * MS
    stopped = dataclasses.replace(calm, steps=steps)
    found = {flag.name: flag for flag in flags(sampled(stopped, lateness_ms=late), context)}
    assert found[validity.STOOD_STILL].invalidates
    assert "stood still for about 2 s" in found[validity.STOOD_STILL].sentence
    assert validity.STOOD_STILL not in names(sampled(stopped, lateness_ms=[0.1] * 40), context), "a long step is no standstill"


def test_users_without_a_request_of_their_own_warn(calm, context):
    specification = context.specification
    (each,) = specification.load.classes
    few = dataclasses.replace(each, arrival="closed", users=8, requests=4, requests_per_user=None)
    load = dataclasses.replace(specification.load, classes=(few,))
    doubted = dataclasses.replace(context, specification=dataclasses.replace(specification, load=load))
    told = {flag.name: flag for flag in flags(calm, doubted)}
    assert told[validity.IDLE_USERS].sentence.startswith("8 users have 4 requests in all, so some never send one")
    assert not told[validity.IDLE_USERS].invalidates
    assert validity.IDLE_USERS not in {flag.name for flag in flags(calm, context)}
