"""What a step reads, against sums done by hand."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiler.modelfile.costs import Role, partial_costs, step_costs, step_tensors
from profiler.modelfile.description import describe
from profiler.models.sample import sample_model_path
from profiler.records.run_record import StepCosts
from tests.helpers.architectures import MODELS
from tests.profiler.modelfile.conftest import write_file

WriteDense = Callable[..., Path]
Tensors = dict[str, tuple[tuple[int, ...], str]]

EMBEDDING, KV, FEED_FORWARD, VOCABULARY = 64, 32, 128, 96


def dense(matrices: str = "Q8_0", table: str = "F16", output: str | None = None) -> Tensors:
    tensors: Tensors = {
        "token_embd.weight": ((EMBEDDING, VOCABULARY), table),
        "output_norm.weight": ((EMBEDDING,), "F32"),
        "rope_freqs.weight": ((8,), "F32"),
    }
    if output:
        tensors["output.weight"] = ((EMBEDDING, VOCABULARY), output)
    for block in range(2):
        for name, rows in (("attn_q", EMBEDDING), ("attn_k", KV), ("attn_v", KV), ("attn_output", EMBEDDING)):
            tensors[f"blk.{block}.{name}.weight"] = ((EMBEDDING, rows), matrices)
        for name in ("ffn_gate", "ffn_up"):
            tensors[f"blk.{block}.{name}.weight"] = ((EMBEDDING, FEED_FORWARD), matrices)
        tensors[f"blk.{block}.ffn_down.weight"] = ((FEED_FORWARD, EMBEDDING), matrices)
        tensors[f"blk.{block}.attn_norm.weight"] = ((EMBEDDING,), "F32")
        tensors[f"blk.{block}.attn_q.bias"] = ((EMBEDDING,), "F32")
        tensors[f"blk.{block}.attn_q_norm.weight"] = ((16, 4), "F32")
    return tensors


MATRIX_ELEMENTS = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128)  # 73 728
KV_BYTES = 2 * (32 + 32) * 2  # 2 layers of K and V in f16
FLOPS = {
    "matmul_flops_per_token": 2 * MATRIX_ELEMENTS,
    "output_flops_per_row": 2 * 64 * 96,
    "attention_flops_per_pair": 2 * 4 * 4 * 16,  # 4 × heads × head size in each of 2 layers, however few KV heads there are
}


def costs(path: Path) -> StepCosts | None:
    return step_costs(describe(path), "f16", "f16")


@pytest.mark.parametrize(
    ("matrices", "bytes_per_block", "block"), [("F32", 4, 1), ("F16", 2, 1), ("Q8_0", 34, 32), ("Q4_1", 20, 32), ("Q4_0", 18, 32)]
)
def test_untied(write_dense: WriteDense, matrices: str, bytes_per_block: int, block: int) -> None:
    assert costs(write_dense(tensors=dense(matrices, "F16", output="Q8_0"))) == StepCosts(
        weight_bytes_per_ubatch=MATRIX_ELEMENTS // block * bytes_per_block,
        output_bytes_per_ubatch=64 * 96 // 32 * 34,
        embedding_bytes_per_token=64 * 2,
        kv_bytes_per_token=KV_BYTES,
        **FLOPS,
    )


def test_tied_embeddings_are_the_output_matrix(write_dense: WriteDense) -> None:
    read = costs(write_dense(tensors=dense("Q4_1", "Q8_0")))
    assert read == StepCosts(MATRIX_ELEMENTS // 32 * 20, 64 * 96 // 32 * 34, 2 * 34, KV_BYTES, **FLOPS)


def test_fused_attention_and_positions(write_dense: WriteDense) -> None:
    tensors = {
        "token_embd.weight": ((64, 96), "F16"),
        "position_embd.weight": ((64, 512), "F32"),
        "blk.0.attn_qkv.weight": ((64, 192), "F16"),
        "blk.1.attn_qkv.weight": ((64, 192), "F16"),
    }
    read = costs(write_dense("gpt2", tensors=tensors, attention__head_count_kv=4))
    flops = FLOPS | {"matmul_flops_per_token": 2 * 2 * 64 * 192}
    assert read == StepCosts(2 * 64 * 192 * 2, 64 * 96 * 2, 64 * 2 + 64 * 4, 2 * (64 + 64) * 2, **flops)


def test_layers_for_prediction_ahead_do_not_run(write_dense: WriteDense) -> None:
    ahead: Tensors = {
        "blk.2.attn_q.weight": ((64, 64), "F32"),
        "blk.2.nextn.eh_proj.weight": ((128, 64), "F32"),
        "blk.2.nextn.shared_head_head.weight": ((64, 96), "F32"),
    }
    with_ahead = costs(write_dense("glm4", tensors=dense() | ahead, block_count=3, nextn_predict_layers=1))
    assert with_ahead == costs(write_dense("glm4", tensors=dense()))


def test_layers_beyond_the_last_do_not_run(write_dense: WriteDense) -> None:
    assert costs(write_dense(tensors=dense() | {"blk.2.ffn_up.weight": ((64, 64), "F32")})) == costs(write_dense(tensors=dense()))


@pytest.mark.parametrize(
    ("architecture", "extra", "changes"),
    [
        ("mamba2", {}, {}),
        ("rwkv7", {}, {}),
        ("newcomer", {}, {}),
        ("llama", {"blk.0.ffn_gate_exps.weight": ((64, 32, 4), "F16")}, {"expert_count": 4}),
        ("llama", {"blk.0.ffn_gate_inp.weight": ((64, 4), "F32")}, {}),
        ("llama", {"blk.0.ffn_gate_exps.weight": ((64, 32, 4), "F16")}, {"expert_count": 8, "expert_used_count": 2}),
        ("llama", {"blk.0.ffn_gate_exps.weight": ((64, 32, 4), "F16")}, {"expert_count": 4, "expert_used_count": 5}),
        ("llama", {}, {"expert_count": 4, "expert_used_count": [2, 1]}),
        ("llama", {}, {"attention__kv_lora_rank": 32}),
        ("llama", {}, {"ssm__state_size": 16}),
        ("llama", {"cls.output.weight": ((64, 2), "F32")}, {}),
        ("llama", {"blk.0.mystery.weight": ((64, 64), "F16")}, {}),
    ],
)
def test_what_is_not_understood_is_not_guessed(
    write_dense: WriteDense, architecture: str, extra: Tensors, changes: dict[str, Any]
) -> None:
    assert costs(write_dense(architecture, tensors=dense() | extra, **changes)) is None


def test_without_matrices_or_embeddings(write_dense: WriteDense) -> None:
    tensors = dense()
    del tensors["token_embd.weight"]
    assert costs(write_dense(tensors=tensors)) is None
    assert costs(write_dense(tensors={"token_embd.weight": ((64, 96), "F16")})) is None


def test_sample() -> None:
    """30 layers of 576 × (576 + 192 + 192 + 576 + 3 × 1536) in Q4_1 at 20 bytes for 32, tied Q8_0 embeddings of 49152 × 576."""
    assert costs(sample_model_path()) == StepCosts(
        weight_bytes_per_ubatch=30 * 576 * (2 * 576 + 2 * 192 + 3 * 1536) // 32 * 20,
        output_bytes_per_ubatch=49_152 * 576 // 32 * 34,
        embedding_bytes_per_token=576 // 32 * 34,
        kv_bytes_per_token=30 * 2 * 192 * 2,
        matmul_flops_per_token=2 * 30 * 576 * (2 * 576 + 2 * 192 + 3 * 1536),
        output_flops_per_row=2 * 49_152 * 576,
        attention_flops_per_pair=30 * 4 * 9 * 64,
    )


# Of `tests.helpers.architectures`: embedding 64, 4 heads and 2 KV heads of 16, feed-forward 128, vocabulary 96, 8 experts of 32
# of which 2 are used, F16 where nothing else is said.
ATTENTION = 64 * (64 + 32 + 32 + 64)
OUTPUT_Q8_0, TABLE_ROW = 64 * 96 // 32 * 34, 64 * 2
EXPERT = 3 * 64 * 32
HAND_COMPUTED = {
    "llama, untied": StepCosts(2 * (ATTENTION // 32 * 34 + 3 * 64 * 128 // 32 * 18), OUTPUT_Q8_0, TABLE_ROW, 256, **FLOPS),
    "llama, tied": StepCosts(2 * (ATTENTION // 32 * 20 + 3 * 64 * 128 // 32 * 34), 64 * 96 * 2, TABLE_ROW, 256, **FLOPS),
    "qwen2, biases": StepCosts(2 * MATRIX_ELEMENTS, OUTPUT_Q8_0, TABLE_ROW, 256, **FLOPS),
    "mixtral": StepCosts(
        2 * (2 * ATTENTION + 4 * 64 * 8),  # the router is F32
        OUTPUT_Q8_0,
        TABLE_ROW,
        256,
        expert_bytes=2 * 8 * EXPERT // 32 * 34,
        expert_count=8,
        experts_used=2,
        matmul_flops_per_token=2 * 2 * (ATTENTION + 64 * 8 + 2 * EXPERT),
        output_flops_per_row=2 * 64 * 96,
        attention_flops_per_pair=512,
    ),
    "qwen2moe, shared expert": StepCosts(
        2 * (2 * ATTENTION + 4 * 64 * 8 + 2 * 3 * 64 * 96 + 4 * 64),  # and the shared expert with its gate
        OUTPUT_Q8_0,
        TABLE_ROW,
        256,
        expert_bytes=2 * 8 * EXPERT * 2,
        expert_count=8,
        experts_used=2,
        matmul_flops_per_token=2 * 2 * (ATTENTION + 64 * 8 + 2 * EXPERT + 3 * 64 * 96 + 64),
        output_flops_per_row=2 * 64 * 96,
        attention_flops_per_pair=512,
    ),
    "gemma3, windows": StepCosts(
        7 * 2 * (64 * (128 + 64 + 64 + 128) + 3 * 64 * 128),
        64 * 96 * 2,
        TABLE_ROW,
        7 * (64 + 64) * 2,  # the whole context, in windowed layers too
        matmul_flops_per_token=7 * 2 * (64 * (128 + 64 + 64 + 128) + 3 * 64 * 128),
        output_flops_per_row=2 * 64 * 96,
        attention_flops_per_pair=7 * 4 * 4 * 32,
    ),
    "gemma4, shared caches of two sizes": StepCosts(
        # Heads of 16, 32, 16, 32; the last two make no K and V. An input a layer: 64 × 16 and back, and once 64 × 64 for all.
        2 * (64 * 16 * (4 + 2 + 2 + 4) + 64 * 32 * 12 + 64 * 16 * 8 + 64 * 32 * 8 + 4 * (3 * 64 * 128 + 2 * 64 * 16) + 64 * 64),
        64 * 96 * 2,
        TABLE_ROW + 16 * 4 * 2,
        (2 * 2 * 16 + 2 * 2 * 32) * 2,
        matmul_flops_per_token=2
        * (64 * 16 * (4 + 2 + 2 + 4) + 64 * 32 * 12 + 64 * 16 * 8 + 64 * 32 * 8 + 4 * (3 * 64 * 128 + 2 * 64 * 16) + 64 * 64),
        output_flops_per_row=2 * 64 * 96,
        attention_flops_per_pair=4 * 4 * (16 + 32 + 16 + 32),
    ),
    "deepseek2, compressed attention": StepCosts(
        # q: 64 → 48 → 4 × 24; K and V: 64 → 40, of which 32 are the latent, 4 × 16 × 32 to and fro; out: 64 → 64.
        2 * 2 * (64 * 48 + 48 * 96 + 64 * 40 + 2 * 4 * 16 * 32 + 64 * 64) + 2 * 3 * 64 * 128 + 4 * 64 * 8 + 2 * EXPERT,
        OUTPUT_Q8_0,
        TABLE_ROW,
        2 * 40 * 2,
        expert_bytes=8 * EXPERT * 2,
        expert_count=8,
        experts_used=2,
        matmul_flops_per_token=2
        * (2 * (64 * 48 + 48 * 96 + 64 * 40 + 2 * 4 * 16 * 32 + 64 * 64) + 3 * 64 * 128 + 64 * 8 + (2 + 1) * EXPERT),
        output_flops_per_row=2 * 64 * 96,
        attention_flops_per_pair=2 * 2 * 4 * (40 + 32),
    ),
    "jamba, state or cache": StepCosts(
        # Mamba: 64 → 256, a convolution of 4 over 128, 128 → 36, 4 → 128, A of 16 × 128, 128 → 64; F32 but the large ones.
        2 * (64 * 256 + 128 * 36 + 128 * 64) + 4 * (4 * 128 + 4 * 128 + 16 * 128) + 2 * EXPERT + 2 * ATTENTION + 4 * 64 * 8,
        OUTPUT_Q8_0,
        TABLE_ROW,
        128,
        expert_bytes=8 * EXPERT * 2,
        expert_count=8,
        experts_used=2,
        state_bytes_per_sequence=4 * (3 * 128 + 16 * 128),
        matmul_flops_per_token=2
        * (64 * 256 + 128 * 36 + 128 * 64 + 4 * 128 + 4 * 128 + EXPERT + ATTENTION + 64 * 8 + 2 * EXPERT),
        output_flops_per_row=2 * 64 * 96,
        attention_flops_per_pair=256,
    ),
}


@pytest.mark.parametrize("name", HAND_COMPUTED)
def test_architectures(tmp_path: Path, name: str) -> None:
    model = MODELS[name]
    assert costs(write_file(tmp_path / "m.gguf", model.all_keys, model.tensors, model.architecture)) == HAND_COMPUTED[name]


@pytest.mark.parametrize("name", MODELS)
def test_parts_add_up(tmp_path: Path, name: str) -> None:
    """However the layers are dealt out, nothing is lost or doubled; only what is the same for all parts is not a sum."""
    model = MODELS[name]
    told = describe(write_file(tmp_path / "m.gguf", model.all_keys, model.tensors, model.architecture))
    first, rest = (0,), tuple(range(1, model.layers))
    whole = step_costs(told, "f16", "q8_0")
    one = partial_costs(told, "f16", "q8_0", layers=first, kv_layers=(), output=False, tables=True)
    other = partial_costs(told, "f16", "q8_0", layers=rest, kv_layers=(*first, *rest), output=True, tables=False)
    assert whole is not None and one is not None and other is not None  # noqa: PT018 - for the type checker
    for field in dataclasses.fields(StepCosts):
        parts = [getattr(one, field.name), getattr(other, field.name)]
        total = max(parts) if field.name in ("expert_count", "experts_used") else sum(parts)
        assert getattr(whole, field.name) == total, field.name


def test_a_tied_embedding_is_table_and_output(write_dense: WriteDense) -> None:
    found = step_tensors(describe(write_dense(tensors=dense())))
    assert found is not None
    assert [each.role for each in found if each.tensor.name == "token_embd.weight"] == [Role.TABLE, Role.OUTPUT]
    untied = step_tensors(describe(write_dense(tensors=dense(output="F16"))))
    assert untied is not None
    assert [each.tensor.name for each in untied if each.role is Role.OUTPUT] == ["output.weight"]
