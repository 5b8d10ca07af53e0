"""What a step reads, against sums done by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiler.modelfile.costs import step_costs
from profiler.modelfile.description import describe
from profiler.models.sample import sample_model_path
from profiler.records.run_record import StepCosts

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
    )


def test_tied_embeddings_are_the_output_matrix(write_dense: WriteDense) -> None:
    read = costs(write_dense(tensors=dense("Q4_1", "Q8_0")))
    assert read == StepCosts(MATRIX_ELEMENTS // 32 * 20, 64 * 96 // 32 * 34, 2 * 34, KV_BYTES)


def test_fused_attention_and_positions(write_dense: WriteDense) -> None:
    tensors = {
        "token_embd.weight": ((64, 96), "F16"),
        "position_embd.weight": ((64, 512), "F32"),
        "blk.0.attn_qkv.weight": ((64, 192), "F16"),
        "blk.1.attn_qkv.weight": ((64, 192), "F16"),
    }
    read = costs(write_dense("gpt2", tensors=tensors, attention__head_count_kv=4))
    assert read == StepCosts(2 * 64 * 192 * 2, 64 * 96 * 2, 64 * 2 + 64 * 4, 2 * (64 + 64) * 2)


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
        ("qwen3moe", {}, {}),
        ("mamba2", {}, {}),
        ("newcomer", {}, {}),
        ("llama", {"blk.0.ffn_gate_exps.weight": ((64, 32, 4), "F16")}, {"expert_count": 4}),
        ("llama", {"blk.0.ffn_gate_inp.weight": ((64, 4), "F32")}, {}),
        ("llama", {"blk.0.attn_kv_a_mqa.weight": ((64, 40), "F16")}, {}),
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
    )
