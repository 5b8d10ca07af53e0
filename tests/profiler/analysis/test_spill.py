"""What did not fit on a GPU, from buffers as llama.cpp names them."""

import dataclasses

import numpy as np
import pytest

from profiler.analysis import validity
from profiler.analysis.spill import device_memory_bytes, left_on_cpu, over_committed
from profiler.records.fingerprint import Device
from profiler.records.run_record import StepCosts
from profiler.records.timing import RunData, Samples

GB = 1_000_000_000
COSTS = StepCosts(3 * GB, GB, 1_000, 50_000)  # 4 GB are read every step, the table of embeddings is not


@pytest.fixture
def asked(context_of):
    """A context that asked for layers on a GPU and holds these buffers."""

    def build(buffers, *, n_gpu_layers=99, costs=COSTS, kv_offload=True):
        context = context_of(costs=costs)
        specification = dataclasses.replace(
            context.specification,
            model=dataclasses.replace(context.specification.model, n_gpu_layers=n_gpu_layers),
            context=dataclasses.replace(context.specification.context, kv_offload=kv_offload),
        )
        facts = dataclasses.replace(context.facts, buffers=buffers)
        return dataclasses.replace(context, specification=specification, facts=facts)

    return build


def left(context):
    return left_on_cpu(context.specification, context.facts, context.costs)


def samples(**channels):
    values = {name: np.array(column, float) for name, column in channels.items()}
    return Samples(np.arange(len(next(iter(values.values())))), values)


WHOLE = {"CUDA0 model buffer size": 4 * GB, "CPU_Mapped model buffer size": GB, "CUDA0 KV buffer size": GB}


def test_a_whole_model_on_the_gpu_is_right_though_its_embeddings_stay(asked):
    assert left(asked(WHOLE)) == ""
    assert left(asked(WHOLE | {"CUDA0 model buffer size": int(3.97 * GB)})) == ""


@pytest.mark.parametrize("host", ["CPU", "CPU_Mapped", "CPU_REPACK", "AMX", "CUDA_Host"])
def test_no_weights_on_any_gpu(asked, host):
    buffers = {f"{host} model buffer size": 5 * GB, "CPU KV buffer size": GB}
    assert "all weights lie in main memory" in left(asked(buffers))
    assert left(asked(buffers, n_gpu_layers=0)) == "", "as it was asked for"


def test_part_of_the_weights(asked):
    sentence = left(
        asked({"CUDA0 model buffer size": 2 * GB, "Vulkan1 model buffer size": GB, "CUDA_Host model buffer size": 2 * GB})
    )
    assert "Of 4.00 GB" in sentence
    assert "1.00 GB (25 %)" in sentence


def test_experts_count(asked):
    costs = dataclasses.replace(COSTS, expert_bytes=4 * GB, expert_count=8, experts_used=2)
    assert "(50 %)" in left(asked(WHOLE, costs=costs))


def test_the_cache_alone(asked):
    buffers = WHOLE | {"CPU KV buffer size": 2 * GB}
    assert left(asked(buffers)).startswith("2.00 GB of the KV cache")
    assert left(asked(buffers, kv_offload=False)) == ""


def test_what_is_not_known_is_not_told(asked):
    assert left(asked({})) == ""
    assert left(asked({"CUDA0 model buffer size": GB, "CPU model buffer size": GB}, costs=None)) == ""
    context = asked(WHOLE)
    assert left_on_cpu(context.specification, None, COSTS) == ""


def test_devices_are_numbered_within_their_backend():
    def gpu(name, backend, size, kind="gpu"):
        return Device(name, kind, backend, size, None, None)

    devices = [
        gpu("Some CPU", "CPU", None, "cpu"),
        gpu("A", "CUDA", 24),
        gpu("iris", "Vulkan", None, "igpu"),
        gpu("B", "CUDA", 16),
        gpu("A", "Vulkan", 24),
    ]
    assert device_memory_bytes(devices) == {"CUDA0": 24, "CUDA1": 16, "Vulkan1": 24}


def test_buffers_beyond_a_gpus_memory(asked):
    facts = asked(WHOLE | {"CUDA0 compute buffer size": GB}).facts
    assert over_committed(facts, {"CUDA0": 6 * GB}, Samples()) == ""
    assert "6.00 GB on CUDA0, which has 5.50 GB" in over_committed(facts, {"CUDA0": 55 * GB // 10}, Samples())
    assert over_committed(facts, {"CUDA1": GB}, Samples()) == "", "another GPU"


@pytest.mark.parametrize(("used", "is_told"), [(97, False), (99, True), (101, False)])
def test_a_full_gpu(used, is_told):
    told = over_committed(None, {"CUDA0": 100}, samples(gpu0_vram_used_bytes=[50, used, np.nan]))
    assert ("was full" in told) is is_told
    assert over_committed(None, {"CUDA0": 100, "CUDA1": 50}, samples(gpu0_vram_used_bytes=[99])) == ""


def test_what_the_driver_moved():
    assert over_committed(None, {}, samples(amdgpu0_gtt_used_bytes=[GB, GB + 60_000_000, GB])) == ""
    told = over_committed(None, {}, samples(amdgpu1_gtt_used_bytes=[np.nan, GB, GB + 90_000_000, GB]))
    assert told == "amdgpu1's driver moved 90.0 MB to main memory during the run."


def test_they_warn_and_keep_the_run(asked):
    context = dataclasses.replace(
        asked({"CPU model buffer size": 5 * GB, "CUDA0 KV buffer size": GB}), device_memory_bytes={"CUDA0": 1}
    )
    found = {flag.name: flag for flag in validity.flags(RunData(), context)}
    assert not found[validity.LEFT_ON_CPU].invalidates
    assert not found[validity.VRAM_OVER_COMMITTED].invalidates
