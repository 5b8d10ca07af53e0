"""Lines as llama.cpp writes them; the object itself would take over the log of the whole process."""

import pytest

pytest.importorskip("llama_cpp")

from profiler.engine.llama_log import LlamaLog

MIB = 1 << 20


@pytest.fixture
def log(monkeypatch):
    monkeypatch.setattr("profiler.engine.llama_log.api.llama_log_set", lambda *_: None)
    return LlamaLog()


def hear(log, *lines):
    for line in lines:
        log._receive(2, line.encode() + b"\n", None)


def test_both_caches_of_a_model_with_sliding_windows_count(log):
    hear(
        log,
        "llama_kv_cache_iswa: creating non-SWA KV cache, size = 4096 cells",
        "llama_kv_cache:        CPU KV buffer size =    80.00 MiB",
        "llama_kv_cache_iswa: creating     SWA KV cache, size = 1536 cells",
        "llama_kv_cache:        CPU KV buffer size =   120.50 MiB",
    )
    assert log.buffers == {"CPU KV buffer size": round(200.5 * MIB)}


def test_the_parts_of_a_model_in_several_files_count(log):
    hear(
        log,
        "load_tensors:   CPU_Mapped model buffer size =   100.00 MiB",
        "load_tensors:   CPU_Mapped model buffer size =    50.00 MiB",
        "load_tensors:        CUDA0 model buffer size =     7.00 MiB",
    )
    assert log.buffers == {"CPU_Mapped model buffer size": 150 * MIB, "CUDA0 model buffer size": 7 * MIB}


def test_a_buffer_that_is_made_anew_takes_the_place_of_the_old_one(log):
    hear(
        log,
        "sched_reserve:        CPU compute buffer size =    10.00 MiB",
        "sched_reserve:        CPU compute buffer size =    14.00 MiB",
        "llama_context:        CPU  output buffer size =     0.19 MiB",
        "llama_context:        CPU  output buffer size =     0.38 MiB",
    )
    assert log.buffers == {"CPU compute buffer size": 14 * MIB, "CPU  output buffer size": round(0.38 * MIB)}


def test_what_was_cleared_is_not_added_to(log):
    hear(log, "llama_kv_cache:        CPU KV buffer size =    80.00 MiB")
    log.buffers.clear()
    hear(log, "llama_kv_cache:        CPU KV buffer size =    20.00 MiB")
    assert log.buffers == {"CPU KV buffer size": 20 * MIB}
