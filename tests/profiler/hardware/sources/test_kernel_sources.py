"""Core frequency, temperature, memory and its pressure, on recorded trees of /sys where this machine may have none."""

import platform

import pytest

from profiler.hardware.sources.frequency import FrequencySource
from profiler.hardware.sources.memory import MemorySource
from profiler.hardware.sources.pressure import PressureSource
from profiler.hardware.sources.temperature import TemperatureSource

needs_linux = pytest.mark.skipif(platform.system() != "Linux", reason="keeps files of Linux's kernel open")


def tree(root, **files):
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def hwmon(root, number, name, **sensors):
    """Sensors by number and label: t1="Package id 0:45000"."""
    tree(root, **{f"sys/class/hwmon/hwmon{number}/name": name + "\n"})
    for key, value in sensors.items():
        label, _, thousandths = value.rpartition(":")
        folder = f"sys/class/hwmon/hwmon{number}/temp{key.removeprefix('t')}"
        tree(root, **{f"{folder}_input": thousandths + "\n"})
        if label:
            tree(root, **{f"{folder}_label": label + "\n"})


@needs_linux
def test_frequency_of_each_core_follows_the_file(tmp_path):
    cpus = "sys/devices/system/cpu"
    tree(tmp_path, **{f"{cpus}/cpu{core}/cpufreq/scaling_cur_freq": f"{1_200_000 + core}\n" for core in (0, 1, 10)})
    source = FrequencySource(tmp_path)
    assert source.told.is_available
    assert source.read() == {"cpu_frequency_mhz_0": 1200.0, "cpu_frequency_mhz_1": 1200.001, "cpu_frequency_mhz_10": 1200.01}
    assert set(source.channels) == set(source.read())
    tree(tmp_path, **{f"{cpus}/cpu0/cpufreq/scaling_cur_freq": "3400000\n"})
    assert source.read()["cpu_frequency_mhz_0"] == 3400.0
    source.close()


def test_no_cpufreq_is_told_and_has_no_channel(tmp_path):
    source = FrequencySource(tmp_path)
    assert source.channels == ()
    assert not source.told.is_available
    assert source.told.reason.endswith(".")
    source.close()


@needs_linux
@pytest.mark.parametrize(
    ("name", "sensors", "celsius"),
    [
        ("coretemp", {"t2": "Core 0:60000", "t1": "Package id 0:45500"}, 45.5),
        ("k10temp", {"t1": "Tctl:70000", "t3": "Tccd1:50000"}, 70.0),
        ("k10temp", {"t1": "Tctl:70000", "t2": "Tdie:60000"}, 60.0),  # Tctl may carry an offset
        ("cpu_thermal", {"t1": ":51234"}, 51.234),
    ],
)
def test_the_whole_processors_sensor_is_chosen(tmp_path, name, sensors, celsius):
    hwmon(tmp_path, 0, "nvme", t1="Composite:99000")
    hwmon(tmp_path, 1, name, **sensors)
    source = TemperatureSource(tmp_path)
    assert source.told.is_available
    assert source.read() == {"cpu_temperature_celsius": celsius}
    source.close()


@needs_linux
def test_of_two_processors_the_hotter_counts(tmp_path):
    hwmon(tmp_path, 0, "coretemp", t1="Package id 0:45000")
    hwmon(tmp_path, 1, "coretemp", t1="Package id 1:52000")
    source = TemperatureSource(tmp_path)
    assert source.read() == {"cpu_temperature_celsius": 52.0}
    source.close()


def test_no_sensor_of_the_processor_is_told(tmp_path):
    hwmon(tmp_path, 0, "nvme", t1="Composite:30000")
    source = TemperatureSource(tmp_path)
    assert source.channels == ()
    assert not source.told.is_available
    assert source.told.reason.endswith(".")
    source.close()


def test_memory_adds_up():
    readings = MemorySource().read()
    assert set(readings) == set(MemorySource.channels)
    assert readings["memory_used_bytes"] > 0
    assert readings["memory_available_bytes"] > 0
    assert readings["swap_used_bytes"] >= 0


PRESSURE = "some avg10=1.50 avg60=0.20 avg300=0.00 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"


@needs_linux
def test_time_stalled_for_memory_follows_the_file(tmp_path):
    tree(tmp_path, **{"proc/pressure/memory": PRESSURE.format(some=1_234_500)})
    source = PressureSource(tmp_path)
    assert source.told.is_available
    assert source.channels == ("memory_stalled_ms",)
    assert source.read() == {"memory_stalled_ms": 1234.5}
    tree(tmp_path, **{"proc/pressure/memory": PRESSURE.format(some=2_000_000)})
    assert source.read() == {"memory_stalled_ms": 2000.0}
    source.close()


@pytest.mark.parametrize("text", [None, "", "some avg10=0.00\n"])
def test_no_pressure_is_told_and_has_no_channel(tmp_path, text):
    if text is not None:
        tree(tmp_path, **{"proc/pressure/memory": text})
    source = PressureSource(tmp_path)
    assert source.channels == ()
    assert not source.told.is_available
    assert source.told.reason.endswith(".")
    source.close()
