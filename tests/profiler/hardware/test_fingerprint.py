import getpass
import json
import platform

import pytest

import profiler
from profiler.hardware import fingerprint
from profiler.records.fingerprint import Ceilings, Device, EngineIdentity, TelemetrySource

ENGINE = EngineIdentity("0.3.36", ("CPU",), "AVX2 = 1")
PROCESSOR = Device("Some CPU", "cpu", "CPU", None, None, None)
CUDA = Device("NVIDIA GeForce RTX 4090", "gpu", "CUDA", 24_000, 23_000, None)
VULKAN = Device("NVIDIA GeForce RTX 4090", "gpu", "Vulkan", 24_000, 23_000, None)
DRIVERS = Device("NVIDIA GeForce RTX 4090", "gpu", "NVML", 24_000, 22_000, "570.86")
DRIVERS_OTHER = Device("NVIDIA T4", "gpu", "NVML", 16_000, 15_000, "570.86")


def taken():
    return fingerprint.take(ENGINE, (PROCESSOR,), Ceilings(24.9, 2), (TelemetrySource("nvml", False, "No driver."),))


def test_this_machine_stays_the_same():
    first = taken()
    assert first == taken()
    assert first.memory_total_bytes > 2**28
    assert first.python == platform.python_version()
    assert first.app_version == profiler.__version__
    assert first.engine is ENGINE
    assert PROCESSOR in first.devices
    assert first.operating_system
    assert first.kernel


def test_the_document_names_nobody():
    def texts(value):
        if isinstance(value, dict):
            return [text for part in value.values() for text in texts(part)]
        if isinstance(value, list | tuple):
            return [text for part in value for text in texts(part)]
        return [str(value)]

    document = taken().to_json()
    json.dumps(document)  # plain values only
    words = {word for text in texts(document) for word in text.split()}
    assert platform.node() not in words
    assert getpass.getuser() not in words


@pytest.mark.parametrize(
    ("system", "starts"), [("Linux", ""), ("Darwin", "macOS "), ("Windows", "Windows ")], ids=["Linux", "macOS", "Windows"]
)
def test_the_operating_system_has_a_name(monkeypatch, system, starts):
    monkeypatch.setattr(platform, "system", lambda: system)
    assert fingerprint._operating_system().startswith(starts)


def test_a_linux_without_a_release_file_is_linux(monkeypatch):
    def absent():
        raise OSError

    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "freedesktop_os_release", absent)
    assert fingerprint._operating_system() == "Linux"


def test_a_gpu_that_llama_cpp_was_not_built_for_is_added():
    assert fingerprint.joined_devices([PROCESSOR], [DRIVERS]) == (PROCESSOR, DRIVERS)


@pytest.mark.parametrize("listed", [CUDA, VULKAN])
def test_a_gpu_that_both_list_stands_once_and_gets_the_drivers_version(listed):
    joined = fingerprint.joined_devices([PROCESSOR, listed], [DRIVERS])
    assert [device.driver for device in joined] == [None, "570.86"]
    assert joined[1].backend == listed.backend
    assert joined[1].vram_free_bytes == 23_000


def test_a_gpu_hidden_from_cuda_stays_hidden_and_one_unknown_to_vulkan_is_added():
    assert len(fingerprint.joined_devices([CUDA], [DRIVERS, DRIVERS_OTHER])) == 1
    assert fingerprint.joined_devices([VULKAN], [DRIVERS, DRIVERS_OTHER])[1] == DRIVERS_OTHER


def test_without_a_driver_nothing_is_added():
    assert fingerprint.joined_devices([PROCESSOR, CUDA], []) == (PROCESSOR, CUDA)
