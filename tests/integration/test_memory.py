"""What is predicted from the sample's header, against the buffers that the engine's load log names."""

import dataclasses

import pytest

from profiler.modelfile.description import describe
from profiler.modelfile.footprint import predict
from profiler.modelfile.offload import CacheSettings, by_device

ROUNDING = 0.0051 * 2**20  # the log rounds to a hundredth of a MiB
ALIGNMENT = 32  # llama.cpp maps a file's tensors with the padding between them


def logged(facts, what):
    return sum(size for name, size in facts.buffers.items() if f" {what} buffer size" in name)


@pytest.mark.parametrize(
    "changes",
    [
        {"users": 1, "ctx_size": 512},
        {"users": 4, "ctx_size": 2048, "kv_unified": False},
        {"users": 3, "ctx_size": 1000, "cache_type_k": "q8_0", "cache_type_v": "q4_0", "ubatch_size": 128, "flash_attn": "on"},
        {"users": 2, "ctx_size": 4096, "flash_attn": "off"},
    ],
)
def test_buffers_of_the_sample(serve, order_of, sample_model, changes):
    told = describe(sample_model)
    order = order_of(prompt=4, output=2, requests_per_user=1, **changes)
    order = dataclasses.replace(order, model=dataclasses.replace(order.model, repack=False))
    run = serve(order)
    assert run.facts is not None, run.end
    settings = CacheSettings.of(order.context)
    (cpu,) = by_device(told, 0, settings, ())
    assert cpu.weights_bytes == pytest.approx(logged(run.facts, "model"), abs=ROUNDING + ALIGNMENT * len(told.tensors))
    assert cpu.kv_bytes == pytest.approx(logged(run.facts, "KV"), abs=ROUNDING)
    assert cpu.state_bytes == logged(run.facts, "RS") == 0
    computed = logged(run.facts, "compute") + logged(run.facts, "output")
    assert cpu.compute_bytes == pytest.approx(computed, rel=0.05)
    whole = logged(run.facts, "model") + logged(run.facts, "KV") + computed
    assert cpu.total_bytes == pytest.approx(whole, rel=0.025)
    named = ("ctx_size", "slots", "cache_type_k", "cache_type_v", "kv_unified", "ubatch_size", "flash_attn")
    assert predict(told, **{name: getattr(settings, name) for name in named}).total_bytes == cpu.total_bytes
