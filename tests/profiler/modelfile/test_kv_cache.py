"""Bytes of the KV cache, against sums done by hand and rules read in llama.cpp."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import UnusableArguments
from profiler.modelfile.description import describe
from profiler.modelfile.kv_cache import allocated_cells, bytes_per_token, layer_bytes_per_token, layer_state_bytes
from profiler.modelfile.layers import LayerMemory, layer_memory, layers_with_own_cache, running_layers

WriteDense = Callable[..., Path]


def test_grouped_query_attention(write_dense: WriteDense) -> None:
    told = describe(write_dense())  # 2 layers, 64 / 4 = 16 a head, 2 KV heads of 4
    assert layer_memory(told) == (LayerMemory(32, 32, 0, 4 * (16 + 16), 4),) * 2
    assert bytes_per_token(told, "f16", "f16") == 2 * (32 + 32) * 2
    assert layer_bytes_per_token(told, "q8_0", "f32") == (34 + 32 * 4, 34 + 32 * 4)  # 34 bytes for 32 elements
    assert bytes_per_token(told, "q8_0", "f32") == 2 * (34 + 32 * 4)


def test_kv_heads_default_to_heads(write_gguf: Callable[..., Path], write_dense: WriteDense) -> None:
    told = describe(write_dense(attention__head_count_kv=4))
    assert bytes_per_token(told, "f16", "f16") == 2 * (64 + 64) * 2
    keys = {"llama.block_count": 2, "llama.embedding_length": 64, "llama.attention.head_count": 4}
    assert bytes_per_token(describe(write_gguf(keys, {"a.weight": ((4,), "F32")})), "f16", "f16") == 2 * (64 + 64) * 2


def test_heads_by_layer_and_own_head_sizes(write_dense: WriteDense) -> None:
    changes = {"attention__head_count_kv": [3, 0], "attention__key_length": 24, "attention__value_length": 8}
    told = describe(write_dense(**changes))
    assert layer_memory(told) == (LayerMemory(72, 24, 0, 4 * 32, 4), LayerMemory())
    assert bytes_per_token(told, "f16", "f16") == (72 + 24) * 2


def test_other_head_sizes_in_windowed_layers(write_dense: WriteDense) -> None:
    changes = {"attention__key_length": 64, "attention__value_length": 64}
    windowed = {"attention__key_length_swa": 16, "attention__value_length_swa": 32}
    told = describe(write_dense("gemma4", **changes, **windowed, attention__sliding_window_pattern=[True, False]))
    assert layer_memory(told) == (LayerMemory(32, 64, 0, 4 * 48, 4), LayerMemory(128, 128, 0, 4 * 128, 4))
    assert layer_memory(describe(write_dense("gemma4", **changes, **windowed))) is None, "which layers are windowed is not told"


def test_layers_that_keep_nothing(write_dense: WriteDense) -> None:
    ahead = describe(write_dense(block_count=5, nextn_predict_layers=2))
    assert running_layers(ahead) == len(layer_memory(ahead) or ()) == 3
    sharing = describe(write_dense("gemma4", block_count=5, attention__shared_kv_layers=3))
    assert layers_with_own_cache(sharing) == 2
    assert layer_memory(sharing) == (LayerMemory(32, 32, 0, 128, 4),) * 2 + (LayerMemory(0, 0, 0, 128, 4),) * 3, (
        "they look all the same"
    )
    assert bytes_per_token(describe(write_dense(attention__shared_kv_layers=7)), "f16", "f16") == 0
    assert layers_with_own_cache(describe(write_dense("gemma3n", block_count=30))) == 20


def test_compressed_attention_keeps_k_alone(write_dense: WriteDense) -> None:
    # DeepSeek V2: a latent of 512 and 64 rotated elements for all heads together, of which V is the latent.
    sizes = {"attention__head_count_kv": 1, "attention__key_length": 576, "attention__value_length": 512}
    own = {"attention__kv_lora_rank": 512, "attention__key_length_mla": 192, "attention__value_length_mla": 128}
    told = describe(write_dense("deepseek2", **sizes, **own))
    assert layer_memory(told) == (LayerMemory(576, 0, 0, 4 * (576 + 512), 4),) * 2
    assert bytes_per_token(told, "f16", "q4_0") == 2 * 576 * 2
    # Files of before keep K of 192 and V of 128 for each of the 4 heads.
    whole = {"attention__head_count_kv": 4, "attention__key_length": 192, "attention__value_length": 128}
    before = describe(write_dense("deepseek2", **whole, attention__kv_lora_rank=512))
    assert bytes_per_token(before, "f16", "f16") == 2 * 4 * (192 + 128) * 2


MAMBA = {"ssm__conv_kernel": 4, "ssm__inner_size": 128, "ssm__state_size": 16}


def test_states_of_recurrent_layers(write_dense: WriteDense) -> None:
    told = describe(write_dense("mamba", attention__head_count=0, **MAMBA))
    assert layer_memory(told) == (LayerMemory(state_elements=3 * 128 + 16 * 128),) * 2
    assert layer_state_bytes(told) == (9728, 9728)
    assert bytes_per_token(told, "f16", "f16") == 0
    grouped = describe(write_dense("mamba2", attention__head_count=0, ssm__group_count=2, **MAMBA))
    assert layer_state_bytes(grouped) == ((3 * (128 + 2 * 2 * 16) + 16 * 128) * 4,) * 2


@pytest.mark.parametrize(
    ("architecture", "changes", "states", "caches"),
    [
        ("jamba", {"attention__head_count_kv": [0, 2]}, (9728, 0), (0, 128)),
        ("falcon-h1", {}, (9728, 9728), (128, 128)),
        ("nemotron_h", {"attention__head_count_kv": [0, 0], "feed_forward_length": [0, 128]}, (9728, 0), (0, 0)),
        ("qwen3next", {"block_count": 4}, (9728, 9728, 9728, 0), (0, 0, 0, 128)),
        ("qwen35", {"full_attention_interval": 2}, (9728, 0), (0, 128)),
        ("qwen35", {"attention__recurrent_layers": [False, True]}, (0, 9728), (128, 0)),
        ("qwen35", {"attention__recurrent_layers": [True]}, None, None),
    ],
)
def test_hybrids(
    write_dense: WriteDense,
    architecture: str,
    changes: dict[str, Any],
    states: tuple[int, ...] | None,
    caches: tuple[int, ...] | None,
) -> None:
    told = describe(write_dense(architecture, **MAMBA, **changes))
    assert layer_state_bytes(told) == states
    assert layer_bytes_per_token(told, "f16", "f16") == caches


def test_short_convolutions(write_dense: WriteDense) -> None:
    told = describe(write_dense("lfm2", shortconv__l_cache=3, attention__head_count_kv=[0, 2]))
    assert layer_state_bytes(told) == (2 * 64 * 4, 0)


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("bert", {}),
        ("llada", {}),
        ("mamba", {"ssm__conv_kernel": 4}),
        ("llama", {"ssm__conv_kernel": 4}),
        ("llama", {"shortconv__l_cache": 3}),
        ("rwkv7", {"wkv__head_size": 64}),
        ("minicpm3", {"attention__kv_lora_rank": 512}),
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
