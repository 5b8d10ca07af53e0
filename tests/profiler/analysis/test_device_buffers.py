from profiler.analysis.device_buffers import MAIN_MEMORY, DeviceBuffers, by_device

# As the log named them for the sample with ten layers on Vulkan0, in MB.
PARTIAL = {
    "CPU_Mapped model buffer size": 97,
    "Vulkan0 model buffer size": 50,
    "Vulkan_Host  output buffer size": 1,
    "CPU KV buffer size": 16,
    "Vulkan0 KV buffer size": 7,
    "Vulkan0 compute buffer size": 103,
    "Vulkan_Host compute buffer size": 3,
}


def test_a_partial_offload():
    found = by_device(PARTIAL)
    assert found == {MAIN_MEMORY: DeviceBuffers(97, 20), "Vulkan0": DeviceBuffers(50, 110)}
    assert next(iter(found)) == MAIN_MEMORY
    assert next(iter(by_device(dict(reversed(PARTIAL.items()))))) == MAIN_MEMORY


def test_other_kinds_of_main_memory_and_other_gpus():
    found = by_device(
        {"CUDA1 RS buffer size": 4, "AMX model buffer size": 2, "CPU_REPACK model buffer size": 3, "CUDA0 KV buffer size": 1}
    )
    assert found == {MAIN_MEMORY: DeviceBuffers(5, 0), "CUDA1": DeviceBuffers(0, 4), "CUDA0": DeviceBuffers(0, 1)}
    assert by_device({}) == {}
