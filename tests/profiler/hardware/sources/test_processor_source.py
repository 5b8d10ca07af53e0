import math
import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.hardware.sources import processor
from profiler.hardware.sources.processor import CoreSeconds, ForeignLoad, ProcessorSource, Usage
from profiler.hardware.sources.watched_process import WatchedProcess

seconds = st.floats(0, 1e6)


def usage(busy_s: float, total_s: float, **own_s: float) -> Usage:
    return Usage(CoreSeconds(busy_s, total_s), {ord(name): value for name, value in own_s.items()})


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        # Two cores, one second: 2 s of time pass.
        (usage(10, 100, a=3), usage(11.5, 102, a=4), 25.0),  # busy 1.5, ours 1.0 → 0.5 of 2
        (usage(10, 100, a=3, b=1), usage(12, 102, a=4, b=2), 0.0),  # all of it is ours
        (usage(10, 100, a=3), usage(12, 102, a=3), 100.0),  # none of it is ours
        (usage(10, 100, a=3), usage(10.9, 102, a=4), 0.0),  # ours is counted more finely: not below zero
        (usage(10, 100), usage(10.4, 108), 5.0),  # eight cores, no process of ours
    ],
)
def test_foreign_load_by_hand(before, after, percent):
    assert processor.foreign_percent(before, after) == pytest.approx(percent)


def test_foreign_load_is_unknown_when_our_processes_changed_or_no_time_passed():
    assert math.isnan(processor.foreign_percent(usage(10, 100, a=3), usage(11, 102, b=3)))
    assert math.isnan(processor.foreign_percent(usage(10, 100, a=3, b=1), usage(11, 102, a=3)))
    assert math.isnan(processor.foreign_percent(usage(10, 100, a=3), usage(10, 100, a=3)))


@given(seconds, seconds, seconds, seconds, seconds, seconds)
def test_foreign_load_is_a_percentage_or_unknown(busy, more_busy, total, more_total, own, more_own):
    found = processor.foreign_percent(usage(busy, total, a=own), usage(busy + more_busy, total + more_total, a=own + more_own))
    assert math.isnan(found) or 0 <= found <= 100


def test_foreign_load_counts_over_the_last_second():
    load = ForeignLoad()
    # Two cores; each reading a quarter of a second later. Foreign programs take half a core in every second quarter.
    steps = [
        load.percent(usage(busy_s, index * 0.5, a=0.0), cores=2) for index, busy_s in enumerate([0, 0.25, 0.25, 0.5, 0.5, 0.75])
    ]
    assert math.isnan(steps[0])
    assert steps[1:] == pytest.approx([50, 25, 100 / 3, 25, 25])  # from the fifth on the window is full: 0.5 of 2 s


def test_foreign_load_starts_anew_when_our_processes_change():
    load = ForeignLoad()
    load.percent(usage(0, 0, a=0), cores=1)
    assert load.percent(usage(0.1, 0.25, a=0), cores=1) == pytest.approx(40)
    assert math.isnan(load.percent(usage(0.2, 0.5, a=0, b=7), cores=1))
    assert load.percent(usage(0.3, 0.75, a=0, b=7.05), cores=1) == pytest.approx(20)


def test_what_counts_as_busy():
    linux = SimpleNamespace(user=5, nice=1, system=2, idle=20, iowait=3, irq=0.5, softirq=0.25, steal=0.25, guest=4, guest_nice=0)
    windows = SimpleNamespace(user=5, system=2, idle=20, interrupt=1, dpc=1)
    assert processor._core_seconds(linux) == (9, 32)  # guest is part of user
    assert processor._core_seconds(windows) == (7, 27)  # interrupt and dpc are part of system


def test_busy_share():
    assert processor.busy_percent(CoreSeconds(1, 10), CoreSeconds(1.1, 10.4)) == pytest.approx(25)
    assert math.isnan(processor.busy_percent(CoreSeconds(1, 10), CoreSeconds(1, 10)))


def test_every_core_has_a_channel_and_the_first_reading_is_empty():
    source = ProcessorSource(WatchedProcess())
    assert len(source.channels) == 2 + os.cpu_count()
    first = source.read()
    assert set(first) == {"foreign_cpu_percent"}
    assert math.isnan(first["foreign_cpu_percent"])
    assert set(source.read()) == set(source.channels)
