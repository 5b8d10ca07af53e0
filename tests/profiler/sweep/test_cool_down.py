import math

import numpy as np
import pytest

from profiler.records.timing import Samples
from profiler.sweep.cool_down import CoolDown, heat, newest

THROTTLED = ("throttled: gpu0 slowed itself down.",)


def samples(**channels):
    count = max((len(values) for values in channels.values()), default=0)
    return Samples(np.arange(count, dtype=np.int64), {name: np.array(values, np.float64) for name, values in channels.items()})


class Machine:
    """Cools by a degree a second from 90 °C, throttles above 80; time passes only by waiting."""

    def __init__(self, **options):
        self.seconds = 0.0
        self.stops_at_s = math.inf
        self.celsius = lambda: 90 - self.seconds
        self.channels = lambda: {
            "cpu_temperature_celsius": [self.celsius()],
            "gpu0_throttle_reasons": [0x40 if self.celsius() > 80 else 0x04],
            "cpu_frequency_mhz_0": [800.0],
        }
        self.cool_down = CoolDown(
            lambda: samples(**self.channels()), self.wait, now_ns=lambda: round(self.seconds * 1e9), **options
        )

    def wait(self, seconds):
        self.seconds += seconds
        return self.seconds < self.stops_at_s

    def began_at(self, celsius):
        now, self.celsius = self.celsius, lambda: celsius
        self.cool_down.begin()
        self.celsius = now
        return self


def test_the_newest_reading_of_each_channel():
    assert newest(samples(a=[1, 2, np.nan], b=[np.nan, np.nan, np.nan])) == {"a": 2.0}
    assert newest(samples()) == {}


@pytest.mark.parametrize(
    ("now", "began", "words"),
    [
        ({"gpu0_throttle_reasons": 0x04}, {}, []),
        ({"gpu1_throttle_reasons": 0x24}, {}, ["gpu1 slows itself down"]),
        ({"cpu_temperature_celsius": 65.0}, {"cpu_temperature_celsius": 60.0}, []),
        (
            {"cpu_temperature_celsius": 66.0},
            {"cpu_temperature_celsius": 60.0},
            ["the processor is at 66 °C, after 60 °C at the beginning"],
        ),
        ({"gpu0_temperature_celsius": 90.0}, {}, []),
        ({"cpu_frequency_mhz_0": 800.0}, {"cpu_frequency_mhz_0": 4000.0}, []),
    ],
)
def test_what_tells_of_heat(now, began, words):
    assert heat(now, began) == words


def test_waits_until_the_temperature_is_back():
    machine = Machine().began_at(60)
    assert machine.cool_down.after(THROTTLED) == "Waited 25 s after a throttled run until the machine had cooled down."
    assert machine.seconds == 25


def test_waits_for_the_end_of_throttling_where_no_temperature_is_known():
    machine = Machine()
    machine.cool_down.begin()  # as hot at the beginning as after the run
    assert machine.cool_down.after(THROTTLED).startswith("Waited 10 s")


def test_never_longer_than_the_limit_and_says_what_is_left():
    machine = Machine(limit_s=8).began_at(60)
    assert machine.cool_down.after(THROTTLED) == (
        "Waited 8 s after a throttled run and go on although the processor is at 82 °C, after 60 °C at the beginning and gpu0 "
        "slows itself down."
    )
    assert machine.seconds == 8


def test_no_wait_for_other_flags_or_when_it_is_cool_already():
    machine = Machine().began_at(60)
    assert machine.cool_down.after(("foreign load: Other programs.",)) == ""
    machine.celsius = lambda: 62
    assert machine.cool_down.after(THROTTLED) == ""
    assert machine.seconds == 0


def test_a_stop_ends_the_waiting():
    machine = Machine().began_at(60)
    machine.stops_at_s = 3
    machine.cool_down.after(THROTTLED)
    assert machine.seconds == 3


def test_without_a_sensor_a_while_is_waited():
    machine = Machine()
    machine.channels = lambda: {"cpu_frequency_mhz_0": [900.0]}
    assert "no sensor tells" in machine.cool_down.after(("frequency fell: It fell.",))
    assert machine.seconds == 15


def test_a_drain_without_samples_changes_nothing():
    machine = Machine().began_at(60)
    hot = machine.channels
    machine.channels = lambda: hot() if machine.seconds in (0, 40) else {}
    assert machine.cool_down.after(THROTTLED).startswith("Waited 40 s")


def test_other_makers_gpus_tell_of_heat_too():
    began = {
        "amdgpu0_temperature_celsius": 50.0,
        "macmon_gpu_temperature_celsius": 50.0,
        "amdgpu0_memory_temperature_celsius": 1.0,
    }
    now = dict.fromkeys(began, 60.0) | {"intelgpu0_held_back": 1.0}
    assert heat(now, began) == [
        "amdgpu0 is at 60 °C, after 50 °C at the beginning",
        "macmon_gpu is at 60 °C, after 50 °C at the beginning",
        "intelgpu0 slows itself down",
    ]


def test_a_gpu_that_is_always_held_back_is_not_waited_for():
    assert heat({"intelgpu0_held_back": 1.0}, {"intelgpu0_held_back": 1.0}) == []
