"""What the probe measured is kept, unless other programs disturbed it."""

import pytest

from profiler.errors import EnvironmentFault
from profiler.models import kernel_speeds
from profiler.records.kernel_speed import KernelSpeed

VERSION = "0.3.36"


def speed(type_, tokens, spread_percent):
    return KernelSpeed("wide", type_, tokens, 1, 0.01, spread_percent, 10**6, 10**6, 2)


@pytest.fixture
def probed(tmp_path, monkeypatch):
    """The spreads that the probe is to show, and the types that it was asked for."""
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))
    spreads, asked = [2.0, 4.0, 90.0], []

    def probe(child, types, *others):
        asked.append(types)
        return tuple(speed(name, tokens, spread) for name in types for tokens, spread in enumerate(spreads, 1))

    monkeypatch.setattr(kernel_speeds, "_probe", probe)
    return spreads, asked


def test_what_was_measured_is_kept(probed):
    _, asked = probed
    kernel_speeds.calibrate(["q8_0", "q4_0"], VERSION, 2)
    kernel_speeds.calibrate(["q4_0", "q6_K"], VERSION, 2)
    assert asked == [["q8_0", "q4_0"], ["q6_K"]]
    assert {one.type for one in kernel_speeds.known(VERSION, 2)} == {"q8_0", "q4_0", "q6_K"}


def test_a_disturbed_calibration_is_told_and_not_kept(probed):
    spreads, _ = probed
    kernel_speeds.calibrate(["q8_0"], VERSION, 2)
    spreads[:] = [10.0, 40.0, 60.0]
    with pytest.raises(EnvironmentFault, match="typically took 40 % longer than at best"):
        kernel_speeds.calibrate(["q4_0"], VERSION, 2)
    assert {one.type for one in kernel_speeds.known(VERSION, 2)} == {"q8_0"}


def test_a_ceiling_is_of_the_fastest_and_taken_all_the_same(probed):
    spreads, _ = probed
    spreads[:] = [80.0, 80.0, 80.0]
    speeds = kernel_speeds.measure(["q8_0"], VERSION, 2)
    assert kernel_speeds.peak_gflop_s(speeds) == pytest.approx(2 * 10**6 * 3 / 0.01 / 1e9)
    assert kernel_speeds.known(VERSION, 2) == ()
