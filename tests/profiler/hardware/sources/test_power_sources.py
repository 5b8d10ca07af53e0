"""The processor's energy counters, battery and mains, Apple's chips, and limits of control groups."""

import json
import math
import platform
import stat
import sys
import time

import pytest

from profiler.hardware.sources import gauges, group_limits, macmon
from profiler.hardware.sources.group_limits import GroupLimitsSource
from profiler.hardware.sources.macmon import MacmonSource
from profiler.hardware.sources.power_supply import PowerSupplySource
from profiler.hardware.sources.rapl import RaplSource
from profiler.hardware.sources.source import ReadingFailed

needs_linux = pytest.mark.skipif(platform.system() != "Linux", reason="keeps files of Linux's kernel open")


@needs_linux
def test_counters_begin_at_zero_and_are_carried_on_when_they_wrap(laid_out):
    root = laid_out("rapl_laptop")
    source = RaplSource(root)
    assert source.read() == {"rapl0_package_energy_joules": 0, "rapl0_dram_energy_joules": 0, "rapl_machine_energy_joules": 0}
    (root / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("1999150\n")  # 850 µJ to its range, and 1 999 150
    (root / "sys/class/powercap/intel-rapl:0:2/energy_uj").write_text("53000000\n")
    assert source.read() == {"rapl0_package_energy_joules": 2, "rapl0_dram_energy_joules": 3, "rapl_machine_energy_joules": 0}
    (root / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("2999150\n")
    assert source.read()["rapl0_package_energy_joules"] == 3
    assert source.told.is_available
    source.close()


@needs_linux
def test_without_a_range_a_counter_is_not_read(laid_out):
    root = laid_out("rapl_laptop")
    (root / "sys/class/powercap/intel-rapl:1/max_energy_range_uj").unlink()
    source = RaplSource(root)
    assert "rapl_machine_energy_joules" not in source.channels
    assert source.told.is_available
    assert "rapl_machine_energy_joules cannot be read" in source.told.reason
    source.close()


@needs_linux
def test_counters_for_root_only_are_told_with_the_way_out(laid_out, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    root = laid_out("rapl_laptop")
    monkeypatch.setattr(gauges.KernelNumber, "read", refuse)
    source = RaplSource(root)
    assert source.channels == ()
    assert not source.told.is_available
    assert source.told.reason.startswith("The kernel lets root only read the processor's energy counters.")
    source.close()


@needs_linux
def test_two_dies_of_a_package_are_two_meters(laid_out):
    root = laid_out("rapl_laptop")
    (root / "sys/class/powercap/intel-rapl:0/name").write_text("package-1-die-0\n")
    source = RaplSource(root)
    assert source.channels[:2] == ("rapl1_die0_package_energy_joules", "rapl1_die0_dram_energy_joules")
    source.close()


def test_no_counters_are_told(tmp_path):
    source = RaplSource(tmp_path)
    assert source.channels == ()
    assert not source.told.is_available
    assert source.told.reason.endswith(".")


@needs_linux
def test_battery_and_mains(laid_out):
    root = laid_out("laptop_on_battery")
    source = PowerSupplySource(root)
    readings = source.read()
    assert math.isnan(readings.pop("battery1_machine_power_watts"))  # it rests
    assert readings == {"mains_online": 0, "battery0_percent": 81, "battery0_machine_power_watts": 14.25, "battery1_percent": 97}
    (root / "sys/class/power_supply/BAT0/status").write_text("Not charging\n")
    (root / "sys/class/power_supply/BAT1/status").write_text("Discharging\n")
    readings = source.read()
    assert math.isnan(readings["battery0_machine_power_watts"])
    assert readings["battery1_machine_power_watts"] == 18  # 1.5 A at 12 V
    (root / "sys/class/power_supply/ucsi-source-psy-1/online").write_text("1\n")
    assert source.read()["mains_online"] == 1
    source.close()


@needs_linux
def test_neither_battery_nor_mains_is_told(tmp_path):
    source = PowerSupplySource(tmp_path)
    assert source.channels == ()
    assert source.told.reason == "This machine shows no battery and no mains adapter."


LINE = {  # as macmon's documentation shows a line of `macmon pipe`
    "temp": {"cpu_temp_avg": 43.7, "gpu_temp_avg": 0.0},
    "memory": {"ram_total": 25769803776, "ram_usage": 20985479168, "swap_total": 4294967296, "swap_usage": 2602434560},
    "ecpu_usage": [1181, 0.08],
    "pcpu_usage": [1974, 0.05],
    "gpu_usage": [461, 0.25],
    "cpu_power": 0.2,
    "gpu_power": 0.017,
    "ane_power": 0.0,
    "all_power": 0.217,
    "sys_power": 5.9,
    "ram_power": 0.116,
    "gpu_ram_power": 0.0009,
}
READINGS = {
    "macmon_cpu_power_watts": 0.2,
    "macmon_gpu_power_watts": 0.017,
    "macmon_ane_power_watts": 0.0,
    "macmon_dram_power_watts": 0.116,
    "macmon_machine_power_watts": 5.9,
    "macmon_cpu_temperature_celsius": 43.7,
    "macmon_gpu_clock_mhz": 461,
    "macmon_gpu_utilization_percent": 25,
}


def test_a_line_of_macmon():
    assert macmon.parse(LINE) == READINGS  # a temperature of 0 is a sensor that is not there
    assert macmon.parse({}) == {}
    assert macmon.parse({"cpu_power": None, "gpu_usage": None, "temp": None}) == {}


@needs_linux
def test_the_newest_whole_line_counts_and_the_end_is_told(tmp_path):
    script = tmp_path / "macmon"
    old = json.dumps({**LINE, "cpu_power": 99})
    script.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == ['pipe', '--interval', '250']\n"
        f"sys.stdout.write({old!r} + chr(10) + {json.dumps(LINE)!r} + chr(10) + {old[:40]!r})\nsys.stdout.flush()\n"
        f"import os, time\nwhile not os.path.exists({str(tmp_path / 'end')!r}): time.sleep(0.005)\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    source = MacmonSource(str(script))
    assert source.told.is_available
    assert waited_for(source.read) == READINGS
    assert set(READINGS) <= set(source.channels)
    assert source.read() == {}
    (tmp_path / "end").touch()
    with pytest.raises(ReadingFailed, match="macmon has ended"):
        waited_for(source.read)
    source.close()


def waited_for(read):
    while not (found := read()):
        time.sleep(0.005)
    return found


@needs_linux
def test_macmon_that_writes_something_else(tmp_path):
    script = tmp_path / "macmon"
    script.write_text("#!/bin/sh\necho '[1]'\nexec sleep 60\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    source = MacmonSource(str(script))
    with pytest.raises(ReadingFailed, match="not known here"):
        waited_for(source.read)
    source.close()


def test_without_macmon_the_reason_says_what_would_help(monkeypatch):
    monkeypatch.setattr(macmon.shutil, "which", lambda name: None)
    source = MacmonSource()
    assert source.channels == ()
    assert "macmon" in source.told.reason
    source.close()


def group(root, **files):
    for name, text in {"proc_self_cgroup": "0::/box", **files}.items():
        path = root / ("proc/self/cgroup" if name == "proc_self_cgroup" else f"sys/fs/cgroup/box/{name.replace('__', '.')}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@needs_linux
def test_a_limited_group_tells_how_near_it_is(tmp_path):
    root = group(
        tmp_path,
        memory__max="2000000000",
        memory__current="1500000000",
        cpu__max="150000 100000",
        cpu__stat="usage_usec 900\nnr_throttled 3\nthrottled_usec 250000",
    )
    source = GroupLimitsSource(root)
    assert source.read() == {"group_memory_used_bytes": 1_500_000_000, "group_cpu_throttled_ms": 250}
    assert set(source.channels) == set(source.read())
    source.close()


@needs_linux
def test_an_unlimited_group_has_no_channels(tmp_path):
    source = GroupLimitsSource(group(tmp_path, memory__max="max", memory__current="15", cpu__max="max 100000", cpu__stat="x 1"))
    assert source.channels == ()
    assert not source.told.is_available
    assert source.told.reason.endswith(".")


def test_throttled_time_of_both_versions():
    assert group_limits.throttled_ms("nr_periods 4\nthrottled_usec 1500\n") == 1.5
    assert group_limits.throttled_ms("nr_throttled 4\nthrottled_time 2500000\n") == 2.5
    with pytest.raises(ValueError, match="does not count"):
        group_limits.throttled_ms("nr_periods 4\n")
