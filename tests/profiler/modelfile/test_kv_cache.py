"""Bytes of the KV cache, against sums done by hand and rules read in llama.cpp."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import UnusableArguments
from profiler.modelfile.description import describe
from profiler.modelfile.kv_cache import LayerCache, allocated_cells, bytes_per_token, layer_caches

WriteDense = Callable[..., Path]


def test_grouped_query_attention(write_dense: WriteDense) -> None:
    told = describe(write_dense())  # 2 layers, 64 / 4 = 16 a head, 2 KV heads
    assert layer_caches(told) == (LayerCache(32, 32), LayerCache(32, 32))
    assert bytes_per_token(told, "f16", "f16") == 2 * (32 + 32) * 2
    assert bytes_per_token(told, "q8_0", "f32") == 2 * (34 + 32 * 4)  # 34 bytes for 32 elements


def test_kv_heads_default_to_heads(write_gguf: Callable[..., Path], write_dense: WriteDense) -> None:
    told = describe(write_dense(attention__head_count_kv=4))
    assert bytes_per_token(told, "f16", "f16") == 2 * (64 + 64) * 2
    keys = {"llama.block_count": 2, "llama.embedding_length": 64, "llama.attention.head_count": 4}
    assert bytes_per_token(describe(write_gguf(keys, {"a.weight": ((4,), "F32")})), "f16", "f16") == 2 * (64 + 64) * 2


def test_heads_by_layer_and_own_head_sizes(write_dense: WriteDense) -> None:
    changes = {"attention__head_count_kv": [3, 0], "attention__key_length": 24, "attention__value_length": 8}
    told = describe(write_dense(**changes))
    assert layer_caches(told) == (LayerCache(72, 24), LayerCache(0, 0))
    assert bytes_per_token(told, "f16", "f16") == (72 + 24) * 2


def test_other_head_sizes_in_windowed_layers(write_dense: WriteDense) -> None:
    changes = {"attention__key_length": 64, "attention__value_length": 64}
    windowed = {"attention__key_length_swa": 16, "attention__value_length_swa": 32}
    told = describe(write_dense("gemma4", **changes, **windowed, attention__sliding_window_pattern=[True, False]))
    assert layer_caches(told) == (LayerCache(32, 64), LayerCache(128, 128))
    assert layer_caches(describe(write_dense("gemma4", **changes, **windowed))) is None, "which layers are windowed is not told"


def test_layers_that_keep_nothing(write_dense: WriteDense) -> None:
    assert len(layer_caches(describe(write_dense(block_count=5, nextn_predict_layers=2))) or ()) == 3
    assert len(layer_caches(describe(write_dense("gemma4", block_count=5, attention__shared_kv_layers=3))) or ()) == 2
    assert layer_caches(describe(write_dense(attention__shared_kv_layers=7))) == ()


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("bert", {}),
        ("llada", {}),
        ("gemma3n", {}),
        ("mamba", {"ssm__conv_kernel": 4}),
        ("rwkv7", {"wkv__head_size": 64}),
        ("lfm2", {"shortconv__l_cache": 3}),
        ("deepseek2", {"attention__kv_lora_rank": 512}),
        ("minimax-m2", {"attention__indexer__head_count": 4}),
        ("llama", {"attention__head_count": 0}),
        ("llama", {"attention__head_count": "many"}),
        ("llama", {"attention__head_count_kv": [1, 2, 3]}),
        ("llama", {"attention__head_count_kv": [1, -2]}),
        ("llama", {"embedding_length": "wide"}),
    ],
)
def test_memory_that_is_not_understood(write_dense: WriteDense, architecture: str, changes: dict[str, Any]) -> None:
    assert bytes_per_token(describe(write_dense(architecture, **changes)), "f16", "f16") is None


def test_unusable_cache_types(write_dense: WriteDense) -> None:
    told = describe(write_dense(attention__key_length=15))
    with pytest.raises(UnusableArguments, match="there are f32, f16"):
        bytes_per_token(told, "q6_k", "f16")
    with pytest.raises(UnusableArguments, match="rows of 30 do not fill blocks of 32"):
        bytes_per_token(told, "q8_0", "f16")


@pytest.mark.parametrize(
    ("ctx_size", "slots", "kv_unified", "cells"),
    [
        (1000, 1, True, 1024),
        (334, 3, True, 1024),  # 1002 → 1024
        (334, 3, False, 1536),  # 1024 / 3 = 341 → 512 each
        (256, 4, True, 1024),
        (256, 4, False, 1024),
        (1, 8, False, 2048),  # 8 → 256, 32 → 256 each
    ],
)
def test_padding(ctx_size: int, slots: int, kv_unified: bool, cells: int) -> None:
    assert allocated_cells(ctx_size, slots, kv_unified) == cells
