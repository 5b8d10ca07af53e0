"""AMD's and Intel's GPUs on trees written after the kernel's documentation, and the memory that a process holds on them."""

import math
import os
import platform

import pytest

from profiler.hardware.sources import amdgpu, drm_memory, intel_gpu
from profiler.hardware.sources.amdgpu import AmdgpuSource
from profiler.hardware.sources.drm_memory import DrmMemorySource
from profiler.hardware.sources.intel_gpu import IntelGpuSource
from profiler.hardware.sources.source import ReadingFailed
from profiler.hardware.sources.watched_process import WatchedProcess

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="keeps files of Linux's kernel open")


def test_two_amd_cards_each_by_what_its_kernel_tells(laid_out):
    source = AmdgpuSource(laid_out("amd_two_cards"))
    assert source.read() == {
        "amdgpu0_utilization_percent": 99,
        "amdgpu0_memory_busy_percent": 63,
        "amdgpu0_vram_used_bytes": 9_123_456_000,
        "amdgpu0_gtt_used_bytes": 104_857_600,
        "amdgpu0_clock_mhz": 2411,
        "amdgpu0_memory_clock_mhz": 1249,
        "amdgpu0_power_watts": 312,
        "amdgpu0_temperature_celsius": 61,
        "amdgpu0_hotspot_celsius": 83,
        "amdgpu0_memory_temperature_celsius": 78,
        "amdgpu1_utilization_percent": 7,
        "amdgpu1_vram_used_bytes": 41_943_040,
        "amdgpu1_clock_mhz": 300,
        "amdgpu1_memory_clock_mhz": pytest.approx(math.nan, nan_ok=True),
        "amdgpu1_power_watts": 33.12,
        "amdgpu1_temperature_celsius": 38,
    }
    assert set(source.channels) == set(source.read())
    assert source.told.is_available
    assert source.told.reason == ""
    source.close()


def test_power_of_an_apu_is_the_whole_chips_and_said_so(laid_out):
    source = AmdgpuSource(laid_out("amd_apu"))
    readings = source.read()
    assert readings["amdgpu0_package_power_watts"] == 41.032
    assert "amdgpu0_power_watts" not in readings
    assert readings["amdgpu0_gtt_used_bytes"] == 5_368_709_120
    assert source.told.reason == "amdgpu0 is part of the processor: its power is the whole chip's."
    source.close()


def test_a_sleeping_card_is_left_asleep_and_read_when_it_wakes(laid_out):
    root = laid_out("amd_two_cards")
    status = root / "sys/class/drm/card2/device/power/runtime_status"
    status.write_text("suspended\n")
    power = root / "sys/class/drm/card2/device/hwmon/hwmon4/power1_input"
    power.write_text("the card would have been woken\n")
    source = AmdgpuSource(root)
    readings = source.read()
    assert "amdgpu1_power_watts" in source.channels
    assert {channel.partition("_")[0] for channel in readings} == {"amdgpu0"}
    status.write_text("active\n")
    power.write_text("33120000\n")
    assert source.read()["amdgpu1_power_watts"] == 33.12
    source.close()


def test_a_card_that_fails_costs_the_failing_value_only(laid_out):
    root = laid_out("amd_two_cards")
    source = AmdgpuSource(root)
    before = source.read()
    (root / "sys/class/drm/card1/device/hwmon/hwmon3/temp1_input").write_text("\n")
    with pytest.raises(
        ReadingFailed, match=r"^amdgpu0_temperature_celsius cannot be read any more: there is no number in its file\.$"
    ) as failure:
        source.read()
    assert set(before) - set(failure.value.readings) == {"amdgpu0_temperature_celsius"}
    source.close()


def test_a_value_refused_from_the_beginning_is_told_and_has_no_channel(laid_out):
    root = laid_out("amd_apu")
    (root / "sys/class/drm/card0/device/gpu_busy_percent").write_text("\n")
    source = AmdgpuSource(root)
    assert "amdgpu0_utilization_percent" not in source.channels
    assert "amdgpu0_utilization_percent cannot be read: there is no number in its file." in source.told.reason
    source.close()


@pytest.mark.parametrize(
    ("levels", "mhz"),
    [
        ("0: 500Mhz\n1: 2304Mhz *\n", 2304),
        ("S: 19Mhz *\n0: 615Mhz\n", 19),
        ("0: 500Mhz \n1: 800Mhz \n", math.nan),
        ("", math.nan),
    ],
)
def test_the_level_with_the_star_is_active(levels, mhz):
    assert amdgpu.active_level_mhz(levels) == pytest.approx(mhz, nan_ok=True)


@pytest.mark.parametrize(("source_type", "driver"), [(AmdgpuSource, "amdgpu"), (IntelGpuSource, "xe and i915")])
def test_without_a_card_the_reason_says_so(tmp_path, source_type, driver):
    source = source_type(tmp_path)
    assert source.channels == ()
    assert not source.told.is_available
    assert driver in source.told.reason
    source.close()


@pytest.fixture
def now_ns(monkeypatch):
    instant = [0]
    monkeypatch.setattr(intel_gpu.clock, "now_ns", lambda: instant[0])
    return instant


def test_an_intel_card_under_xe(laid_out, now_ns):
    root = laid_out("intel_xe_card")
    source = IntelGpuSource(root)
    now_ns[0] = 1_000_000_000
    (root / "sys/class/drm/card1/device/tile0/gt0/gtidle/idle_residency_ms").write_text("100250\n")
    assert source.read() == {
        "intelgpu0_clock_mhz": 2850,
        "intelgpu0_held_back": 0,
        "intelgpu0_awake_percent": 75,  # idle for 250 of 1000 ms
        "intelgpu0_energy_joules": 5123.456,
        "intelgpu0_temperature_celsius": 58,
        "intelgpu0_memory_temperature_celsius": 66,
    }
    now_ns[0] += 1_000_000  # too soon: the counter goes by milliseconds
    assert math.isnan(source.read()["intelgpu0_awake_percent"])
    now_ns[0] = 2_000_000_000
    (root / "sys/class/drm/card1/device/tile0/gt0/gtidle/idle_residency_ms").write_text("7\n")
    assert math.isnan(source.read()["intelgpu0_awake_percent"]), "the counter began anew"
    assert source.told.is_available
    assert "to root only" in source.told.reason
    source.close()


def test_graphics_inside_an_intel_processor_under_i915(laid_out, now_ns):
    source = IntelGpuSource(laid_out("intel_i915_inside"))
    now_ns[0] = 1_000_000_000
    assert source.read() == {"intelgpu0_clock_mhz": 1300, "intelgpu0_held_back": 1, "intelgpu0_awake_percent": 100}
    assert source.told.reason.endswith("intelgpu0 has no energy meter of its own.")
    source.close()


AMD_USAGE = """\
pos:	0
flags:	02100002
drm-driver:	amdgpu
drm-client-id:	{client}
drm-pdev:	0000:03:00.0
drm-memory-vram:	{vram} KiB
drm-memory-gtt: 	2048 KiB
drm-resident-vram:	{vram} KiB
drm-engine-compute:	1234 ns
"""
XE_USAGE = """\
drm-driver:	xe
drm-client-id:	9
drm-pdev:	0000:04:00.0
drm-total-vram0:	9 MiB
drm-resident-vram0:	4 MiB
drm-resident-system:	512
"""


def test_usage_of_a_client():
    assert drm_memory.parse_usage(AMD_USAGE.format(client=3, vram=10)) == (
        ("0000:03:00.0", "3"),
        {"vram": 10240, "gtt": 2 * 1024**2},
    )
    assert drm_memory.parse_usage(XE_USAGE) == (("0000:04:00.0", "9"), {"vram0": 4 * 1024**2, "system": 512})


def process_with(root, process_id, *usages):
    """A process whose open file 0 is no graphics device and whose others are."""
    files, told = root / f"proc/{process_id}/fd", root / f"proc/{process_id}/fdinfo"
    files.mkdir(parents=True)
    told.mkdir()
    os.symlink("/dev/null", files / "0")
    (told / "0").write_text("pos:\t0\n")
    for number, usage in enumerate(usages, 1):
        os.symlink("/dev/dri/renderD128", files / str(number))
        (told / str(number)).write_text(usage)


def test_memory_of_the_engine_counts_each_client_once(tmp_path):
    (tmp_path / "sys/class/drm/card0").mkdir(parents=True)
    process_with(tmp_path, 7, *(AMD_USAGE.format(client=client, vram=10) for client in (3, 3, 4)), XE_USAGE)
    watched = WatchedProcess(7)
    source = DrmMemorySource(watched, tmp_path)
    assert source.told.is_available
    assert source.read() == {
        "process_drm_vram_bytes": 2 * 10240 + 4 * 1024**2,
        "process_drm_main_memory_bytes": 2 * 2 * 1024**2 + 512,
    }
    process_with(tmp_path, 8, "drm-driver:\tnvidia-drm\ndrm-client-id:\t1\n")
    for process_id in (None, 8, 9):  # none; one whose driver does not count; one that has ended
        watched.process_id = process_id
        assert source.read() == {}
    source.close()


def test_no_graphics_card_no_memory_of_the_engine(tmp_path):
    source = DrmMemorySource(WatchedProcess(os.getpid()), tmp_path)
    assert source.channels == ()
    assert source.told.reason == "The kernel lists no graphics card."
