import numpy as np
import pytest

from profiler.analysis.gpu_readings import GpuNow, gpus_now, is_slowed, power_watts
from profiler.records import gpu_channel
from profiler.records.timing import Samples


def samples(**channels):
    count = max(len(values) for values in channels.values())
    return Samples(np.arange(count, dtype=np.int64) * 10**9, {name: np.array(values, float) for name, values in channels.items()})


@pytest.mark.parametrize(
    ("channel", "parts"),
    [
        ("gpu0_clock_mhz", ("gpu0", "clock_mhz")),
        ("gpu12_mig1_memory_used_bytes", ("gpu12_mig1", "memory_used_bytes")),
        ("amdgpu1_package_power_watts", ("amdgpu1", "package_power_watts")),
        ("intelgpu0_awake_percent", ("intelgpu0", "awake_percent")),
        ("macmon_gpu_power_watts", ("macmon_gpu", "power_watts")),
        ("macmon_cpu_power_watts", None),
        ("cpu_temperature_celsius", None),
        ("process_drm_vram_bytes", None),
    ],
)
def test_channels_are_told_apart(channel, parts):
    assert gpu_channel.split(channel) == parts


def test_devices_stand_by_maker_and_number():
    channels = ["intelgpu0_x", "gpu10_x", "gpu2_x", "gpu2_mig0_x", "macmon_gpu_x", "amdgpu0_x", "cpu_percent"]
    devices = gpu_channel.devices(channels)
    assert devices == ("gpu2", "gpu2_mig0", "gpu10", "amdgpu0", "intelgpu0", "macmon_gpu")
    assert [gpu_channel.device_words(device) for device in devices[:2]] == ["GPU 2", "GPU 2 part 0"]
    assert gpu_channel.device_words("macmon_gpu") == "GPU"
    assert [gpu_channel.maker(device).name for device in devices[2:]] == ["NVIDIA", "AMD", "Intel", "Apple"]


def test_nvidias_newest_readings():
    told = samples(
        gpu0_vram_used_bytes=[5e9, 6e9, np.nan],
        gpu0_process_vram_bytes=[1e9, 2e9, 3e9],
        gpu0_utilization_percent=[10, 20, 30],
        gpu0_power_watts=[100, 200, 300],
        gpu0_temperature_celsius=[50, 60, 70],
        gpu0_clock_mhz=[1, 2, 2500],
        gpu0_memory_clock_mhz=[1, 2, 10501],
        gpu0_throttle_reasons=[0, 0, 0x24],
    )
    assert gpus_now(told) == (GpuNow("gpu0", 6e9, 3e9, 30, 300, False, 70, 2500, 10501, True),)


def test_a_gpu_that_has_gone_tells_nothing_of_now():
    assert gpus_now(samples(gpu0_clock_mhz=[1, 2, np.nan, np.nan, np.nan, np.nan])) == (GpuNow("gpu0"),)


def test_intels_awake_share_and_the_power_from_its_counter():
    told = samples(
        intelgpu0_awake_percent=[np.nan, 40, 50],
        intelgpu0_energy_joules=[100, np.nan, 180],
        intelgpu0_held_back=[0, 0, 1],
        process_drm_vram_bytes=[7e8, 8e8, 9e8],
    )
    (now,) = gpus_now(told)
    assert (now.busy_percent, now.power_watts, now.is_slowed, now.engine_bytes) == (50, 40, True, 9e8)


def test_a_counter_that_fell_tells_no_power():
    assert np.isnan(power_watts(samples(intelgpu0_energy_joules=[100, 50]), "intelgpu0")).all()


def test_what_a_process_holds_of_two_drm_cards_together_is_neithers():
    told = samples(intelgpu0_clock_mhz=[1], amdgpu0_clock_mhz=[1], gpu0_clock_mhz=[1], process_drm_vram_bytes=[9e8])
    assert [now.engine_bytes for now in gpus_now(told)] == [None, None, None]


def test_an_apus_power_is_the_whole_chips():
    (now,) = gpus_now(samples(amdgpu0_package_power_watts=[28], amdgpu0_utilization_percent=[90]))
    assert (now.power_watts, now.is_whole_chip, now.busy_percent) == (28, True, 90)


@pytest.mark.parametrize(
    ("quantity", "reading", "is_so"),
    [("throttle_reasons", 0x4, False), ("throttle_reasons", 0x44, True), ("held_back", 1, True), ("clock_mhz", 0x40, False)],
)
def test_what_says_that_a_gpu_is_slowed(quantity, reading, is_so):
    assert is_slowed(quantity, reading) is is_so
