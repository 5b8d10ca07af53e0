import math
import os
import platform
import threading

import numpy as np
import pytest

from profiler import clock
from profiler.hardware import telemetry
from profiler.hardware.sources.source import ReadingFailed
from profiler.hardware.telemetry import Telemetry
from profiler.records.fingerprint import TelemetrySource


class ScriptedSource:
    """Gives one scripted answer a reading, the last one again and again; tells when the script is used up."""

    def __init__(self, *answers, name="scripted", channels=("a_bytes", "b_watts")):
        self.told = TelemetrySource(name, True)
        self.channels = channels
        self.answers = list(answers)
        self.used_up = threading.Event()
        self.closed = 0

    def read(self):
        if len(self.answers) > 1:
            answer = self.answers.pop(0)
        else:
            answer = self.answers[0]
            self.used_up.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed += 1


class AbsentSource(ScriptedSource):
    def __init__(self):
        super().__init__(AssertionError("an absent source is never read"), channels=())
        self.told = TelemetrySource("absent", False, "It is not there.")


def sampled(*sources, origin_ns=0, readings_wanted=None):
    sampler = Telemetry(None, period_s=0.001, sources=sources)
    sampler.start(origin_ns)
    for source in sources:
        if source.channels:
            assert source.used_up.wait(10)
    sampler.stop()
    return sampler


def test_every_sample_has_every_channel_and_a_time_since_the_origin():
    before_ns = clock.now_ns()
    sampler = sampled(ScriptedSource({"a_bytes": 1.0, "b_watts": 2.0}, {"a_bytes": 3.0}, {"b_watts": 4.0}), origin_ns=before_ns)
    samples = sampler.drain()
    assert set(samples.channels) == {"lateness_ms", "a_bytes", "b_watts"}
    np.testing.assert_array_equal(samples.channels["a_bytes"][:3], [1, 3, math.nan])
    np.testing.assert_array_equal(samples.channels["b_watts"][:3], [2, math.nan, 4])
    assert samples.times_ns.dtype == np.int64
    assert 0 <= samples.times_ns[0] < 10e9
    assert np.all(np.diff(samples.times_ns) > 0)
    assert np.all(samples.channels["lateness_ms"] >= 0)


def test_draining_takes_each_sample_once_and_an_empty_drain_has_the_channels():
    sampler = sampled(ScriptedSource({"a_bytes": 1.0}))
    assert len(sampler.drain().times_ns) > 0
    nothing = sampler.drain()
    assert len(nothing.times_ns) == 0
    assert {name: len(column) for name, column in nothing.channels.items()} == {"lateness_ms": 0, "a_bytes": 0, "b_watts": 0}


def test_a_failing_source_is_told_once_and_costs_its_readings_only():
    failing = ScriptedSource({"c_mhz": 5.0}, OSError("gone"), OSError("gone"), name="driver", channels=("c_mhz",))
    sampler = sampled(failing, ScriptedSource({"a_bytes": 1.0, "b_watts": 2.0}))
    assert sampler.drain_faults() == ("Telemetry of driver failed: OSError: gone.",)
    assert sampler.drain_faults() == ()
    samples = sampler.drain()
    np.testing.assert_array_equal(samples.channels["c_mhz"][:3], [5, math.nan, math.nan])
    assert np.all(samples.channels["a_bytes"] == 1)


def test_what_a_source_could_still_read_is_kept():
    failure = ReadingFailed("gpu1 stopped telling power.", {"a_bytes": 7.0})
    sampler = sampled(ScriptedSource({"a_bytes": 1.0, "b_watts": 2.0}, failure, {"a_bytes": 8.0, "b_watts": 3.0}))
    assert sampler.drain_faults() == ("Telemetry of scripted failed: gpu1 stopped telling power.",)
    samples = sampler.drain()
    np.testing.assert_array_equal(samples.channels["a_bytes"][:3], [1, 7, 8])
    np.testing.assert_array_equal(samples.channels["b_watts"][:3], [2, math.nan, 3])


def test_an_absent_source_is_told_and_never_read():
    sampler = sampled(AbsentSource(), ScriptedSource({"a_bytes": 1.0}))
    assert sampler.sources()[0] == TelemetrySource("absent", False, "It is not there.")
    assert sampler.drain_faults() == ()


def test_a_new_origin_drops_what_is_older_and_shifts_the_rest():
    sampler = sampled(ScriptedSource({"a_bytes": 1.0}, {"a_bytes": 2.0}, {"a_bytes": 3.0}))
    second_ns = sampler._times_ns[1]
    count = len(sampler._times_ns)
    sampler.set_origin(second_ns)
    samples = sampler.drain()
    assert len(samples.times_ns) == count - 1
    assert samples.times_ns[0] == 0
    assert samples.channels["a_bytes"][0] == 2


def test_a_new_origin_brings_a_sample_at_once_however_long_the_period():
    source = ScriptedSource({"a_bytes": 1.0})
    sampler = Telemetry(None, period_s=1000.0, sources=[source])
    sampler.start(clock.now_ns())
    assert source.used_up.wait(10)
    source.used_up.clear()
    sampler.set_origin(clock.now_ns())
    assert source.used_up.wait(10)
    sampler.stop()
    assert len(sampler.drain().times_ns) == 1, "the one from before the origin is dropped"


def test_stop_ends_the_thread_and_closes_the_sources_once():
    source = ScriptedSource({"a_bytes": 1.0})
    sampler = sampled(source)
    sampler.stop()
    assert source.closed == 1
    assert not any(thread.name == "telemetry" for thread in threading.enumerate())


def test_stop_without_a_start_closes_the_sources():
    source = ScriptedSource({"a_bytes": 1.0})
    Telemetry(None, sources=[source]).stop()
    assert source.closed == 1


def test_the_real_sources_of_this_machine():
    sampler = Telemetry(os.getpid(), period_s=0.02)
    origin_ns = clock.now_ns()
    sampler.start(origin_ns)
    while len(sampler._times_ns) < 4:
        threading.Event().wait(0.01)
    sampler.watch(None)
    seen = len(sampler._times_ns)
    while len(sampler._times_ns) < seen + 2:
        threading.Event().wait(0.01)
    sampler.stop()
    samples = sampler.drain()
    rss = samples.channels["process_rss_bytes"]
    assert rss[0] > 1e6
    assert math.isnan(rss[-1])
    assert np.all(samples.channels["memory_used_bytes"] > 1e6)
    assert np.all(samples.channels["cpu_percent"][2:] >= 0)
    assert f"cpu_percent_{os.cpu_count() - 1}" in samples.channels
    assert all("_" in name for name in samples.channels)
    assert sampler.drain_faults() == ()


def test_every_source_says_whether_it_is_there_and_if_not_why():
    told = telemetry.sources_available()
    everywhere = ["process", "processor", "core frequency", "processor temperature", "memory", "memory pressure", "nvml"]
    here = {
        "Linux": ["amdgpu", "intel gpu", "gpu memory of the engine", "rapl", "control group"],
        "Darwin": ["macmon"],
    }
    assert [source.name for source in told] == [*everywhere, *here.get(platform.system(), []), "power supply"]
    for source in told:
        assert source.is_available or source.reason.endswith(".")


@pytest.mark.parametrize("period_s", [0.25, 0.1])
def test_the_period_is_kept_in_nanoseconds(period_s):
    assert Telemetry(None, period_s, sources=[])._period_ns == period_s * 1e9
