"""Memory predicted from the header within 5 % of the load log: the sample and three quantizations, repacked as plans run them."""

import dataclasses
from pathlib import Path

import pytest

from profiler.hardware import cpu
from profiler.modelfile.description import describe
from profiler.modelfile.offload import CacheSettings
from profiler.models.fit import FreeMemory, Processor, devices_of, logged_buffers, predicted_buffers
from profiler.models.quantization import make
from profiler.models.quantization_sizes import library_types

SETTINGS = (
    {"users": 1, "ctx_size": 512},
    {"users": 8, "ctx_size": 1024, "kv_unified": False},
    {"users": 2, "ctx_size": 4096, "cache_type_k": "q8_0", "cache_type_v": "q8_0"},
    {"users": 1, "ctx_size": 2048, "ubatch_size": 64, "mmap": False},
)


@pytest.fixture(scope="module")
def library_version(engine):
    return library_types(engine).library_version


@pytest.mark.parametrize("type_name", ["as-is", "Q8_0", "Q4_K_M", "Q2_K"])
def test_within_five_percent(type_name, serve, order_of, engine, sample_model, library_version):
    path = sample_model
    if type_name != "as-is":
        path = make(sample_model, type_name, library_version=library_version, threads=2, child=engine).path
    told = describe(Path(path))
    for changes in SETTINGS if type_name == "as-is" else SETTINGS[2:]:
        order = order_of(prompt=4, output=2, requests_per_user=1, **changes)
        order = dataclasses.replace(order, model=dataclasses.replace(order.model, path=str(path)))
        run = serve(order)
        assert run.facts is not None, run.end
        settings = CacheSettings.of(order.context)
        (held,) = devices_of(told, settings, FreeMemory(0), Processor(cpu.read().instruction_sets))
        predicted, logged = predicted_buffers(held, mmap=order.model.mmap), logged_buffers(run.facts.buffers)[""]
        for part in ("weights_bytes", "kv_bytes", "compute_bytes", "total_bytes"):
            assert getattr(predicted, part) == pytest.approx(getattr(logged, part), rel=0.05), (part, changes)
