"""The idle draw from samples, by hand, and its measuring on sources that are told what to say."""

import itertools
import threading

import numpy as np
import pytest

from profiler.hardware import idle_power as module
from profiler.hardware.idle_power import idle_power, measure
from profiler.records.fingerprint import TelemetrySource
from profiler.records.timing import Samples

SECOND = 1_000_000_000


def sampled(**channels):
    """Two samples a second from 0 on."""
    columns = {name: np.array(values, np.float64) for name, values in channels.items()}
    return Samples(np.arange(len(next(iter(columns.values())))) * SECOND // 2, columns)


def test_power_by_parts_of_the_time():
    # Seven readings, six parts of half a second: 11, 13, 15, 15, 13, 11 W by trapezoids.
    found = idle_power(sampled(gpu0_power_watts=[10, 12, 14, 16, 14, 12, 10]))
    draw = found.draws["gpu0"]
    assert draw.watts == pytest.approx(13)
    assert draw.error_watts == pytest.approx((16 / 5) ** 0.5 / 6**0.5)  # squares about 13: 4, 0, 4, 4, 0, 4
    assert draw.degrees == 5
    assert found.duration_s == 3


def test_a_counter_is_preferred_and_gives_its_difference():
    found = idle_power(sampled(gpu0_energy_joules=[7, 9, 11, 12, 13, 14, 16], gpu0_power_watts=[99] * 7))
    assert found.draws["gpu0"].watts == pytest.approx(3)


def test_a_slow_counter_is_bridged_by_its_readings():
    found = idle_power(sampled(rapl0_package_energy_joules=[0, np.nan, 4, np.nan, 8, np.nan, 12]))
    assert found.draws["rapl0_package"].watts == pytest.approx(4)
    assert found.draws["rapl0_package"].error_watts is None  # four readings tell no spread of six parts


def test_nothing_read_is_none():
    assert idle_power(Samples()) is None
    assert idle_power(sampled(cpu_percent=[1] * 7, gpu0_power_watts=[np.nan] * 7)) is None
    assert idle_power(sampled(gpu0_power_watts=[5, *[np.nan] * 6])) is None
    assert idle_power(sampled(gpu0_energy_joules=[5, 4, 6, 7, 8, 9, 10])) is None, "a counter that fell"


class ScriptedMeter:
    """Ten watts, and a note of how it was used."""

    told = TelemetrySource("meter", True)

    def __init__(self, *channels):
        self.channels = channels
        self.readings = itertools.count()
        self.is_enough = threading.Event()
        self.is_closed = False

    def read(self):
        if next(self.readings) > 2:
            self.is_enough.set()
        return dict.fromkeys(self.channels, 10.0)

    def close(self):
        self.is_closed = True


class WaitsForReadings(threading.Event):
    """In the place of the event that ends it early: waits for readings instead of seconds."""

    def __init__(self, meter):
        super().__init__()
        self.meter = meter

    def wait(self, timeout=None):
        assert self.meter.is_enough.wait(10)
        return self.is_set()


def test_measuring_reads_the_meters_only_and_closes_all(monkeypatch):
    monkeypatch.setattr(module, "_PERIOD_S", 0.002)
    meter, other = ScriptedMeter("gpu0_power_watts"), ScriptedMeter("cpu_percent")
    found = measure(sources=[meter, other], stop=WaitsForReadings(meter))
    assert found.draws["gpu0"].watts == pytest.approx(10)
    assert next(other.readings) == 0
    assert meter.is_closed
    assert other.is_closed


def test_stopped_early_it_tells_nothing():
    meter, stop = ScriptedMeter("gpu0_power_watts"), threading.Event()
    stop.set()
    assert measure(sources=[meter], stop=stop) is None
    assert meter.is_closed


def test_without_a_meter_it_does_not_wait():
    other = ScriptedMeter("cpu_percent")
    assert measure(1e6, sources=[other]) is None
    assert other.is_closed
