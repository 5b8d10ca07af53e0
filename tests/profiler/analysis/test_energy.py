"""Energy with its interval, the idle draw, shares and costs, all by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis import energy as module
from profiler.analysis.energy import (
    Joules,
    at_the_wall,
    cost_per_million_tokens,
    energy,
    energy_j,
    shares,
    wall_calibration,
    wall_factor,
)
from profiler.analysis.window import Window
from profiler.records.energy_settings import WallCalibration
from profiler.records.power_meter import IdleDraw, IdlePower, counted_meters, meter_name
from profiler.records.timing import Samples

SECOND = 1_000_000_000
COUNTER = [1000, 1010, 1030, 1060, 1100, 1150]
NAN = np.nan


def window(start_s, end_s):
    return Window(round(start_s * SECOND), round(end_s * SECOND), is_short=False)


def sampled(times_s=None, **channels):
    """One sample a second from 0 on, or at these times."""
    columns = {name: np.array(values, np.float64) for name, values in channels.items()}
    count = len(next(iter(columns.values())))
    times = np.arange(count) if times_s is None else np.array(times_s)
    return Samples(np.round(times * SECOND).astype(np.int64), columns)


def test_a_counter_read_at_the_windows_ends_has_no_sampling_error():
    assert energy(sampled(gpu0_energy_joules=COUNTER), window(1, 4)).gross == Joules(90, 90, 90)


def test_between_two_readings_a_counter_lies_between_them():
    # 1.5 s: between 1010 and 1030; 3.5 s: between 1060 and 1100. At least 1060 - 1030, at most 1100 - 1010.
    found = energy(sampled(gpu0_energy_joules=COUNTER), window(1.5, 3.5)).gross
    assert found == Joules(pytest.approx(60), pytest.approx(30), pytest.approx(90))


def test_where_the_window_reaches_beyond_the_readings_the_mean_power_goes_on():
    # 10, 10, 10 and 30 W: 60 J in 4 s. Half a second more: 7.5 J at the mean, none at least, 15 at most.
    found = energy(sampled(gpu0_energy_joules=[0, 10, 20, 30, 60]), window(0, 4.5)).gross
    assert found == Joules(pytest.approx(67.5), pytest.approx(60), pytest.approx(75))


def test_a_window_that_the_readings_hardly_touch_is_not_measured():
    samples = sampled(gpu0_energy_joules=[0, 10, 20], gpu0_power_watts=[10, 10, 10])
    assert energy(samples, window(2, 2.3)) is None
    assert energy(samples, window(1.9, 2.5)) is None
    assert energy(samples, window(1.6, 2.1)).gross.joules == pytest.approx(5)


def test_a_counter_that_fell_began_anew_and_the_devices_power_counts():
    fallen = sampled(gpu0_energy_joules=[0, 10, 5, 20, 30], gpu0_power_watts=[7] * 5)
    assert energy(fallen, window(0, 4)).gross.joules == pytest.approx(28)
    assert energy(sampled(gpu0_energy_joules=[0, 10, 5, 20, 30]), window(0, 4)) is None


def test_power_has_the_error_of_its_scatter():
    # 95 J by trapezoids. Differences 20, 0, -30: σ² = 1300 / 6. Weights ½, 1, 1, ½ s: Σw² = 2.5. t of 3 degrees: 3.1824.
    found = energy(sampled(gpu0_power_watts=[20, 20, 40, 40, 10, 10]), window(1, 4)).gross
    half = 3.1824463 * (1300 / 6 * 2.5) ** 0.5
    assert found == Joules(pytest.approx(95), pytest.approx(95 - half), pytest.approx(95 + half))


def test_an_end_between_readings_hands_its_weight_to_both():
    # 1.5 to 2.5 s: weights of the readings at 1, 2, 3 s: ⅛, ¾, ⅛. Differences 8 and -4: σ² = 80 / 4. t of 2 degrees: 4.3027.
    found = energy(sampled(gpu0_power_watts=[0, 10, 18, 14, 0]), window(1.5, 2.5)).gross
    half = 4.3026527 * (20 * (1 / 64 + 9 / 16 + 1 / 64)) ** 0.5
    assert found.joules == pytest.approx(10 / 8 + 18 * 3 / 4 + 14 / 8)
    assert found.high - found.joules == pytest.approx(half)


def test_two_readings_tell_no_error():
    assert energy(sampled(gpu0_power_watts=[20, 20]), window(0, 1)).gross == Joules(20, None, None)


@settings(max_examples=100)
@given(st.lists(st.floats(0.05, 1.5), min_size=3, max_size=30), st.floats(0, 500), st.floats(0, 0.4), st.floats(0.6, 1))
def test_constant_power_is_power_times_time_however_it_is_sampled(spans_s, watts, start, end):
    times_s = np.concatenate(([0], np.cumsum(spans_s)))
    asked = window(start * times_s[-1], end * times_s[-1])
    found = energy(sampled(times_s, gpu0_power_watts=[watts] * len(times_s)), asked).gross
    duration_s = (asked.end_ns - asked.start_ns) / SECOND
    assert found.joules == pytest.approx(watts * duration_s)
    assert found.low is None or found.high - found.low == pytest.approx(0, abs=1e-9)


def test_the_interval_of_noisy_power_covers_as_often_as_it_says():
    random = np.random.default_rng(6)
    hits = 0
    for _ in range(400):
        found = energy(sampled(gpu0_power_watts=100 + 10 * random.standard_normal(25)), window(0.4, 23.7)).gross
        hits += found.low <= 100 * 23.3 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_power_that_was_not_read_for_long_is_not_measured_but_a_counter_is():
    times_s = [0, 1, 2, 4.5, 5.5]
    assert energy(sampled(times_s, gpu0_power_watts=[9] * 5), window(0, 5)) is None
    assert energy(sampled(times_s, gpu0_power_watts=[9] * 5), window(0, 2)) is not None
    assert energy(sampled(times_s, gpu0_energy_joules=[0, 9, 18, 40, 49]), window(0, 4.5)).gross.joules == 40


def test_a_meter_read_in_part_makes_the_sum_unknown_and_one_never_read_is_left_out():
    whole = {"gpu0_power_watts": [10] * 5}
    assert energy(sampled(**whole, gpu1_power_watts=[10, 10, NAN, NAN, NAN]), window(0, 4)) is None
    found = energy(sampled(**whole, gpu1_power_watts=[NAN] * 5), window(0, 4))
    assert (found.gross.joules, found.meters) == (pytest.approx(40), ("gpu0",))


def test_no_two_meters_of_the_same_are_added_up():
    samples = sampled(
        rapl0_package_energy_joules=[0, 10, 20],
        rapl1_package_energy_joules=[0, 1, 2],
        rapl0_dram_energy_joules=[0, 3, 6],
        rapl_machine_energy_joules=[0, 100, 200],
        battery0_machine_power_watts=[100] * 3,
        amdgpu0_package_power_watts=[10] * 3,
        gpu0_power_watts=[200] * 3,
        gpu0_energy_joules=[0, 201, 402],
    )
    found = energy(samples, window(0, 2))
    assert found.meters == ("rapl0_package", "rapl1_package", "rapl0_dram", "gpu0")
    assert found.gross.joules == 20 + 2 + 6 + 402


def test_the_whole_machines_meter_counts_where_no_device_has_one():
    assert counted_meters(["battery0_machine", "rapl_machine"]) == ("battery0_machine",)
    assert counted_meters(["battery0_machine", "amdgpu0_package"]) == ("amdgpu0_package",)
    assert counted_meters([]) == ()
    assert energy(sampled(battery0_machine_power_watts=[30] * 3), window(0, 2)).gross.joules == 60


@pytest.mark.parametrize(
    ("channel", "meter"),
    [
        ("gpu0_power_watts", "gpu0"),
        ("rapl0_dram_energy_joules", "rapl0_dram"),
        ("gpu0_clock_mhz", None),
        ("battery0_percent", None),
    ],
)
def test_meters_by_their_channels(channel, meter):
    assert meter_name(channel) == meter


def test_the_idle_draw_is_subtracted_with_its_error():
    idle = IdlePower({"gpu0": IdleDraw(5, 0.1, degrees=5), "other": IdleDraw(99, None)}, 3.0)
    found = energy(sampled(gpu0_energy_joules=COUNTER), window(1, 4), idle)
    half = 2.5705818 * 0.1 * 3  # t of 5 degrees
    assert found.gross == Joules(90, 90, 90)
    assert found.net == Joules(pytest.approx(75), pytest.approx(75 - half), pytest.approx(75 + half))


def test_errors_of_several_meters_add_in_squares_and_bounds_in_full():
    samples = sampled(gpu0_energy_joules=[0, 10, 20, 30], gpu1_energy_joules=[0, 1, 2, 3])
    idle = IdlePower({"gpu0": IdleDraw(0, 3, degrees=5), "gpu1": IdleDraw(0, 4, degrees=5)}, 3.0)
    found = energy(samples, window(0.5, 2.5), idle).net
    # For certain: 10 to 30 and 1 to 3 J; by chance 5 W (3 and 4 in squares) for two seconds.
    assert found == Joules(pytest.approx(22), pytest.approx(11 - 2.5705818 * 10), pytest.approx(33 + 2.5705818 * 10))


def test_without_an_idle_draw_of_every_meter_there_is_no_net():
    samples = sampled(gpu0_energy_joules=[0, 10, 20], gpu1_energy_joules=[0, 10, 20])
    assert energy(samples, window(0, 2), IdlePower({"gpu0": IdleDraw(1, 0)})).net is None
    assert energy(samples, window(0, 2)).net is None
    too_short = IdlePower({"gpu0": IdleDraw(1, None), "gpu1": IdleDraw(2, 0.5)})
    assert energy(samples, window(0, 2), too_short).net == Joules(34, None, None)


def test_an_idle_machine_spent_nothing_net():
    idle = IdlePower({"gpu0": IdleDraw(10, 0.0)}, 3.0)
    assert energy(sampled(gpu0_energy_joules=[0, 10, 20]), window(0, 2), idle).net == Joules(0, 0, 0)


def test_shares_and_cost():
    found = shares(Joules(100, 90, 120), output_tokens=50, prompt_tokens=150, requests=4)
    assert found.per_output_token == Joules(2, pytest.approx(1.8), pytest.approx(2.4))
    assert found.per_token == Joules(0.5, pytest.approx(0.45), pytest.approx(0.6))
    assert found.per_request == Joules(25, 22.5, 30)
    nothing = shares(Joules(100, None, None), output_tokens=0, prompt_tokens=10, requests=0)
    assert (nothing.per_output_token, nothing.per_request) == (None, None)
    assert nothing.per_token == Joules(10, None, None)
    # 0.36 J a token: 360 kJ for a million, a tenth of a kWh.
    assert cost_per_million_tokens(Joules(0.36, 0.18, 0.72), 0.30) == Joules(
        pytest.approx(0.03), pytest.approx(0.015), pytest.approx(0.06)
    )


def test_calibration_at_the_wall():
    assert wall_factor(120, 100) == 1.2
    assert Joules(50, 40, None).scaled(1.2) == Joules(60, 48, None)
    for wall_j, metered_j in ((0, 1), (1, 0), (-1, 1), (NAN, 1), (1, NAN), (float("inf"), 1)):
        with pytest.raises(ValueError, match="above zero"):
            wall_factor(wall_j, metered_j)


def test_what_was_not_measured_is_none():
    assert energy(Samples(), window(0, 1)) is None
    assert energy(sampled(gpu0_power_watts=[NAN] * 3, cpu_percent=[9] * 3), window(0, 2)) is None
    assert energy(sampled(gpu0_power_watts=[1] * 3), window(1, 1)) is None
    assert energy_j(Samples(), window(0, 1)) is None
    assert module.tokens_per_joule(10, None) is None


def test_two_readings_at_the_wall_tell_the_rest_of_the_machine_apart():
    # 60 W at rest beside 20 W metered, 280 W beside 220 W: 1.1 W at the wall for each, and 38 W whatever runs.
    made = wall_calibration(("gpu0",), wall_watts=280, metered_watts=220, wall_idle_watts=60, metered_idle_watts=20)
    assert (made.factor, made.rest_watts) == (pytest.approx(1.1), pytest.approx(38))
    spent = energy(sampled(gpu0_energy_joules=COUNTER), window(1, 4), IdlePower({"gpu0": IdleDraw(20, 0.0, 5)}, 3))
    wall = at_the_wall(spent, made, 3)
    assert wall.gross.joules == pytest.approx(1.1 * 90 + 38 * 3)
    assert wall.net.joules == pytest.approx(1.1 * (90 - 20 * 3))
    assert at_the_wall(spent, WallCalibration(("gpu1",), 1.1), 3) is None


def test_one_reading_at_the_wall_is_a_factor():
    made = wall_calibration(("gpu0",), wall_watts=300, metered_watts=200, wall_idle_watts=60)
    assert made == WallCalibration(("gpu0",), 1.5, 0)


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ({"wall_watts": 50, "metered_watts": 200, "wall_idle_watts": 60, "metered_idle_watts": 20}, "more while something runs"),
        ({"wall_watts": 300, "metered_watts": 20, "wall_idle_watts": 60, "metered_idle_watts": 20}, "no more in this cell"),
        ({"wall_watts": 300, "metered_watts": 120, "wall_idle_watts": 30, "metered_idle_watts": 20}, "less at rest"),
        ({"wall_watts": 0, "metered_watts": 120}, "above zero"),
    ],
)
def test_readings_that_contradict_each_other_are_no_calibration(readings, words):
    with pytest.raises(ValueError, match=words):
        wall_calibration(("gpu0",), **readings)
