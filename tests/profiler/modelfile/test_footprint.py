"""Predicted memory, against sums done by hand and against llama.cpp's own load log."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from profiler.modelfile.description import describe
from profiler.modelfile.footprint import Footprint, fits, predict
from profiler.models.sample import sample_model_path

WriteDense = Callable[..., Path]


def test_sums(write_dense: WriteDense) -> None:
    told = describe(write_dense())
    footprint = predict(told, ctx_size=100, slots=4, cache_type_k="f16", cache_type_v="q8_0")
    assert footprint.weights_bytes == told.tensor_bytes
    assert footprint.kv_cells == 512
    assert footprint.kv_bytes == 512 * 2 * (32 * 2 + 34)
    # 512 tokens × the larger of (96 + 2 × 64) and (512 / 2 + 3 × (128 + 64)), and 4 rows of logits
    assert footprint.compute_bytes == 512 * (256 + 576) * 4 + 4 * 96 * 4
    assert footprint.total_bytes == footprint.weights_bytes + footprint.kv_bytes + footprint.compute_bytes


def test_unknown_memory_is_none(write_dense: WriteDense) -> None:
    footprint = predict(describe(write_dense("mamba", ssm__conv_kernel=4)), ctx_size=256, slots=1)
    assert footprint.kv_bytes is None
    assert footprint.compute_bytes is not None
    assert footprint.total_bytes is None


def test_states_of_recurrent_layers(write_dense: WriteDense) -> None:
    keys = {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16, "attention__head_count_kv": [0, 2]}
    footprint = predict(describe(write_dense("jamba", **keys)), ctx_size=256, slots=3)
    assert footprint.state_bytes == 3 * (3 * 128 + 16 * 128) * 4
    assert footprint.kv_bytes == 768 * (32 + 32) * 2
    assert footprint.compute_bytes is not None
    assert footprint.total_bytes == footprint.weights_bytes + footprint.kv_bytes + footprint.state_bytes + footprint.compute_bytes


def test_feed_forward_by_layer(write_dense: WriteDense) -> None:
    by_layer = predict(describe(write_dense(feed_forward_length=[128, 64])), ctx_size=512, slots=1)
    assert by_layer == predict(describe(write_dense()), ctx_size=512, slots=1)
    assert predict(describe(write_dense(feed_forward_length="wide")), ctx_size=512, slots=1).compute_bytes is None


def test_fits() -> None:
    known = Footprint(weights_bytes=100, kv_cells=256, kv_bytes=20, compute_bytes=5, total_bytes=125)
    assert fits(known, 125) is True
    assert fits(known, 124) is False
    unknown = Footprint(weights_bytes=100, kv_cells=256, kv_bytes=None, compute_bytes=5, total_bytes=None)
    assert fits(unknown, 99) is False
    assert fits(unknown, 100) is None


LOAD = """
import json, sys
import llama_cpp

log = []

@llama_cpp.llama_log_callback
def keep(level, text, user_data):
    log.append((text or b"").decode("utf-8", "replace"))

llama_cpp.llama_log_set(keep, None)
model = llama_cpp.llama_model_load_from_file(sys.argv[1].encode(), llama_cpp.llama_model_default_params())
for case in json.loads(sys.argv[2]):
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = case["slots"] * case["ctx_size"]
    parameters.n_seq_max = case["slots"]
    parameters.n_ubatch = case["ubatch_size"]
    parameters.kv_unified = case["kv_unified"]
    parameters.type_k = parameters.type_v = case["type"]
    parameters.flash_attn_type = case["flash_attn"]
    log.clear()
    context = llama_cpp.llama_init_from_model(model, parameters)
    print(json.dumps("".join(log)))
    llama_cpp.llama_free(context)
"""


def logged_bytes(log: str, what: str) -> int:
    """The sum of the log's lines "… <what> buffer size = 12.34 MiB"."""
    return round(sum(float(size) for size in re.findall(rf" {what} buffer size = +([0-9.]+) MiB", log)) * 2**20)


def test_llama_cpp_allocates_what_is_predicted() -> None:
    f16, q8_0 = 1, 8
    keys = ("ctx_size", "slots", "kv_unified", "ubatch_size", "flash_attn", "type")
    cases = [
        dict(zip(keys, values, strict=True))
        for values in (
            (512, 1, True, 512, 1, f16),
            (334, 3, False, 512, 1, f16),
            (334, 3, True, 512, 1, f16),
            (512, 4, True, 128, 1, q8_0),
            (4096, 2, True, 512, 0, f16),
        )
    ]
    run = subprocess.run(
        [sys.executable, "-c", LOAD, str(sample_model_path()), json.dumps(cases)], capture_output=True, text=True, check=True
    )
    told = describe(sample_model_path())
    logs = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(logs) == len(cases)
    for case, log in zip(cases, logs, strict=True):
        cache_type = "f16" if case["type"] == f16 else "q8_0"
        footprint = predict(
            told,
            ctx_size=int(case["ctx_size"]),
            slots=int(case["slots"]),
            cache_type_k=cache_type,
            cache_type_v=cache_type,
            kv_unified=bool(case["kv_unified"]),
            ubatch_size=int(case["ubatch_size"]),
            flash_attn=case["flash_attn"] == 1,
        )
        assert footprint.kv_bytes == pytest.approx(logged_bytes(log, "KV"), abs=0.005 * 2**20), "the log rounds to 0.01 MiB"
        computed = logged_bytes(log, "compute") + logged_bytes(log, "output")
        assert footprint.compute_bytes == pytest.approx(computed, rel=0.02), case
