"""The real pynvml on a stand-in for NVIDIA's library, compiled here; each case in a process of its own: pynvml loads once."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from profiler.hardware.sources import nvml, nvml_readings
from profiler.hardware.sources.watched_process import WatchedProcess
from tests.helpers.fake_nvml import built, needs_fake

READ = """
import dataclasses, itertools, json, os, pathlib, sys
from profiler import clock
from profiler.hardware.sources.nvml import NvmlSource, devices
from profiler.hardware.sources.source import ReadingFailed
from profiler.hardware.sources.watched_process import WatchedProcess
seconds = itertools.count()
clock.now_ns = lambda: next(seconds) * 10**9
folder = pathlib.Path(sys.argv[1])
kept = {path.name for path in folder.iterdir()}
source = NvmlSource(WatchedProcess(4242))
moments = []
for control in json.loads(sys.argv[2]):
    for old in folder.iterdir():
        if old.name not in kept:
            old.unlink()
    if control:
        (folder / control).touch()
    try:
        moments.append({"readings": source.read(), "failure": ""})
    except ReadingFailed as failure:
        moments.append({"readings": failure.readings, "failure": str(failure)})
told = source.told
source.close()
print(json.dumps({
    "told": dataclasses.asdict(told), "channels": source.channels, "moments": moments,
    "devices": [dataclasses.asdict(device) for device in devices()],
}))
"""

SAMPLE = """
import json, pathlib, sys, time
from profiler import clock
from profiler.hardware.telemetry import Telemetry
folder = pathlib.Path(sys.argv[1])
sampler = Telemetry(None, period_s=0.01)
sampler.start(clock.now_ns())
def wait_for(samples):
    seen = len(sampler._times_ns)
    while len(sampler._times_ns) < seen + samples:
        time.sleep(0.005)
wait_for(3)
(folder / "lost-1").touch()
wait_for(4)
sampler.stop()
samples = sampler.drain()
print(json.dumps({
    "channels": {name: [None if value != value else value for value in column] for name, column in samples.channels.items()},
    "faults": sampler.drain_faults() + sampler.drain_faults(),
}))
"""


@pytest.fixture(scope="module", params=["today's driver", "old driver"])
def library(request, tmp_path_factory):
    """Folder with a libnvidia-ml.so.1."""
    return built(tmp_path_factory.mktemp("driver"), old=request.param == "old driver")


@pytest.fixture(scope="module")
def todays_library(tmp_path_factory):
    return built(tmp_path_factory.mktemp("driver"), old=False)


def run(script: str, library: Path, control: Path, *arguments: str, **environment: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", script, str(control), *arguments],
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(library),
            "FAKE_NVML_FOLDER": str(control),
            "FAKE_NVML_PROCESS": "4242",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(library: Path, control: Path, *moments: str, **environment: str) -> dict:
    return run(READ, library, control, json.dumps(moments), **environment)


def expected(old: bool) -> dict[str, float]:
    """What fake_nvml.c holds, in our units; GPU 1 is without power and energy."""
    readings = {}
    for gpu in (0, 1):
        readings |= {
            f"gpu{gpu}_vram_used_bytes": (5_400_000_000 if old else 5_000_000_000) + gpu,
            f"gpu{gpu}_utilization_percent": 97 - gpu,
            f"gpu{gpu}_memory_busy_percent": 41,
            f"gpu{gpu}_temperature_celsius": 71 if old else 72,
            f"gpu{gpu}_clock_mhz": 2520,
            f"gpu{gpu}_memory_clock_mhz": 10501,
            f"gpu{gpu}_throttle_reasons": 0x4 if old else 0x24,
        }
    if not old:
        readings |= {"gpu0_process_vram_bytes": 3_500_000_000, "gpu1_process_vram_bytes": 700_000_000}
    return readings | {"gpu0_power_watts": 285.5, "gpu0_energy_joules": 9_000_000_001.5}


@needs_fake
def test_readings_of_two_gpus(library, tmp_path, request):
    found = read(library, tmp_path, "")
    is_old = "old" in request.node.callspec.id
    readings = expected(old=is_old)
    assert found["moments"] == [{"readings": readings, "failure": ""}]
    assert sorted(found["channels"]) == sorted(readings)
    assert found["told"] == {
        "name": "nvml",
        "is_available": True,
        "reason": "gpu0 does not tell process_vram_bytes, dram_bandwidth_percent: Function Not Found."
        " gpu1 does not tell process_vram_bytes, dram_bandwidth_percent: Function Not Found."
        " gpu1 does not tell power_watts, energy_joules: Not Supported."
        if is_old
        else "gpu0 does not tell dram_bandwidth_percent: Not Supported."
        " gpu1 does not tell power_watts, energy_joules, dram_bandwidth_percent: Not Supported.",
    }
    assert [(device["name"], device["backend"], device["driver"]) for device in found["devices"]] == [
        ("NVIDIA GeForce RTX 4090", "NVML", "570.86.15"),
        ("NVIDIA T4", "NVML", "570.86.15"),
    ]
    assert found["devices"][0]["vram_total_bytes"] == 24_000_000_000
    assert found["devices"][0]["vram_free_bytes"] == 18_600_000_000


@needs_fake
def test_the_fingerprint_tells_firmware_splitting_and_shared_memory_and_is_the_same_twice(todays_library, tmp_path):
    (tmp_path / "mig-2").touch()
    first, second = (read(todays_library, tmp_path, FAKE_NVML_COUNT="4")["devices"] for _ in range(2))
    assert first == second
    assert [(device["firmware"], device["is_split"], device["shares_main_memory"]) for device in first] == [
        ("95.02.3C.40.00", None, False),
        ("95.02.3C.40.01", None, False),
        ("95.02.3C.40.02", True, False),
        ("95.02.3C.40.02", True, False),
        (None, None, True),
    ]


@needs_fake
def test_a_gpu_that_could_be_split_and_is_not(todays_library, tmp_path):
    assert read(todays_library, tmp_path, FAKE_NVML_COUNT="3")["devices"][2]["is_split"] is False


@needs_fake
def test_a_gpu_that_disappears_leaves_the_other_and_may_come_back(todays_library, tmp_path):
    found = read(todays_library, tmp_path, "", "lost-1", "")
    whole, lost, back = found["moments"]
    assert lost["readings"] == {name: value for name, value in whole["readings"].items() if name.startswith("gpu0_")}
    assert lost["failure"] == "gpu1 stopped telling gpu1_vram_used_bytes: GPU is lost."
    assert back == whole


@needs_fake
def test_one_failing_value_costs_that_value_only(todays_library, tmp_path):
    whole, failing = read(todays_library, tmp_path, "", "power-0")["moments"]
    assert failing["failure"] == "gpu0 stopped telling gpu0_power_watts: Unknown Error."
    assert set(whole["readings"]) - set(failing["readings"]) == {"gpu0_power_watts"}


@needs_fake
def test_a_gpu_lost_before_the_start_is_told_and_has_no_channels(todays_library, tmp_path):
    (tmp_path / "lost-1").touch()
    found = read(todays_library, tmp_path)
    assert all(channel.startswith("gpu0_") for channel in found["channels"])
    assert found["told"]["is_available"]
    assert found["told"]["reason"].endswith("gpu1 cannot be read: GPU is lost.")
    assert [device["name"] for device in found["devices"]] == ["NVIDIA GeForce RTX 4090"]


@needs_fake
def test_a_gpu_lost_before_the_start_is_no_device_and_the_others_are(todays_library, tmp_path):
    (tmp_path / "lost-0").touch()
    found = read(todays_library, tmp_path)
    assert [device["name"] for device in found["devices"]] == ["NVIDIA T4"]


@needs_fake
def test_hopper_tells_the_share_of_its_bandwidth(todays_library, tmp_path):
    found = read(todays_library, tmp_path, "", "gpm-2", "", FAKE_NVML_COUNT="3")
    values = [moment["readings"].get("gpu2_dram_bandwidth_percent") for moment in found["moments"]]
    assert values == [60, None, 60], "each between two samples that follow one another, also after one that failed"
    assert found["moments"][1]["failure"] == "gpu2 stopped telling gpu2_dram_bandwidth_percent: Unknown Error."


@needs_fake
def test_a_split_gpu_tells_its_parts(todays_library, tmp_path):
    (tmp_path / "mig-2").touch()
    found = read(todays_library, tmp_path, "", FAKE_NVML_COUNT="3")
    readings = found["moments"][0]["readings"]
    parts = {channel: value for channel, value in readings.items() if "_mig" in channel}
    assert parts == {
        "gpu2_mig0_memory_used_bytes": 5_000_000_004,
        "gpu2_mig0_dram_bandwidth_percent": 69,
        "gpu2_mig1_memory_used_bytes": 5_000_000_005,
        "gpu2_mig1_dram_bandwidth_percent": 70,
    }
    assert readings["gpu2_power_watts"] == 285.5
    assert "gpu2_utilization_percent" not in readings
    told = found["told"]["reason"]
    assert "gpu2 is split (MIG): its power, energy, temperature and clocks are of all parts together." in told
    assert "gpu2 does not tell utilization_percent, memory_busy_percent: Not Supported." in told
    assert [device["name"] for device in found["devices"]][2:] == ["NVIDIA H100 PCIe MIG 1g.10gb", "NVIDIA H100 PCIe MIG 2g.20gb"]


@needs_fake
def test_a_gpu_that_shares_the_processors_memory_has_no_size_and_costs_no_other_its_place(todays_library, tmp_path):
    found = read(todays_library, tmp_path, "", FAKE_NVML_COUNT="4")
    readings = found["moments"][0]["readings"]
    assert "gpu3_vram_used_bytes" not in readings
    assert readings["gpu3_energy_joules"] == 9_000_000_001.5
    assert "gpu3 does not tell vram_used_bytes, dram_bandwidth_percent: Not Supported." in found["told"]["reason"]
    assert [(device["name"], device["vram_total_bytes"]) for device in found["devices"]][2:] == [
        ("NVIDIA H100 PCIe", 24_000_000_000),
        ("NVIDIA GB10", None),
    ]


class ListedProcesses:
    """The two calls of NVML that list processes, counted."""

    def __init__(self, *processes):
        self.processes = processes
        self.calls = 0

    def nvmlDeviceGetComputeRunningProcesses_v3(self, gpu):
        self.calls += 1
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in self.processes]

    def nvmlDeviceGetGraphicsRunningProcesses_v3(self, gpu):
        return []


def test_processes_are_listed_once_a_second_and_anew_for_another_process(monkeypatch):
    now_ns = [0]
    monkeypatch.setattr(nvml_readings.clock, "now_ns", lambda: now_ns[0])
    driver, watched = ListedProcesses((7, 100), (7, 50), (8, None)), WatchedProcess(7)
    used = nvml_readings.process_reading(driver, None, watched).ways[0]
    assert used() == (150,)
    now_ns[0] = 999_999_999
    assert used() == (150,)
    assert driver.calls == 1
    watched.process_id = 8  # listed without its memory, as on Windows
    assert math.isnan(used()[0])
    watched.process_id = None
    assert math.isnan(used()[0])
    assert driver.calls == 3
    now_ns[0] = 2_000_000_000
    used()
    assert driver.calls == 4


@needs_fake
def test_the_sampler_goes_on_without_the_lost_gpu(todays_library, tmp_path):
    found = run(SAMPLE, todays_library, tmp_path)
    lost, kept = found["channels"]["gpu1_utilization_percent"], found["channels"]["gpu0_utilization_percent"]
    assert lost[0] == 96
    assert lost[-1] is None
    assert set(kept) == {97}
    assert found["faults"] == ["Telemetry of nvml failed: gpu1 stopped telling gpu1_vram_used_bytes: GPU is lost."]


@needs_fake
@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"FAKE_NVML_INIT": "9"}, "NVIDIA's driver library (NVML) does not start: Driver Not Loaded."),
        ({"FAKE_NVML_INIT": "18"}, "NVIDIA's driver library (NVML) does not start: RM has detected an NVML/RM version mismatch."),
        ({"FAKE_NVML_COUNT": "0"}, "NVIDIA's driver lists no GPU."),
    ],
)
def test_a_driver_that_is_of_no_use_says_why(todays_library, tmp_path, environment, reason):
    found = read(todays_library, tmp_path, "", **environment)
    assert found["told"] == {"name": "nvml", "is_available": False, "reason": reason}
    assert found["channels"] == found["devices"] == []
    assert found["moments"][0] == {"readings": {}, "failure": ""}


def test_without_the_library_the_reason_says_so(monkeypatch):
    import pynvml

    def absent():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    source = nvml.NvmlSource()
    assert source.told.reason == "NVIDIA's driver library (NVML) was not found, so NVIDIA GPUs, if there are any, cannot be read."
    assert not source.told.is_available
    assert source.read() == {}
    assert nvml.devices() == ()
    source.close()


def test_pynvml_is_imported_when_it_is_needed_and_not_before():
    modules = "profiler.hardware.telemetry, profiler.hardware.fingerprint, profiler.hardware.ceilings"
    script = f"import sys, {modules}; sys.exit('pynvml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0
