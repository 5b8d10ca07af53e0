import pytest

from profiler.modelfile.description import describe
from profiler.modelfile.header import TensorInfo
from profiler.modelfile.type_mix import CLASSES, class_mix, is_quantized, tensor_class
from tests.profiler.modelfile.conftest import dense_tensors


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("token_embd.weight", "token embedding"),
        ("per_layer_token_embd.weight", "token embedding"),
        ("output.weight", "output"),
        ("output_norm.weight", "norm"),
        ("token_embd_norm.weight", "norm"),
        ("blk.0.attn_norm.weight", "norm"),
        ("blk.0.attn_q_norm.weight", "norm"),
        ("blk.12.ffn_norm.weight", "norm"),
        ("blk.0.attn_q.weight", "attention"),
        ("blk.0.attn_qkv.bias", "attention"),
        ("blk.0.ffn_down.weight", "feed-forward"),
        ("blk.0.ffn_down_exps.weight", "experts"),
        ("blk.0.ffn_up_shexp.weight", "experts"),
        ("blk.0.ffn_gate_inp.weight", "experts"),
        ("blk.0.ssm_in.weight", "other"),
        ("rope_freqs.weight", "other"),
        ("blk", "other"),
        ("", "other"),
    ],
)
def test_a_tensor_s_class_is_told_by_its_name(name, expected):
    assert tensor_class(name) == expected


def test_weights_are_counted_by_class_and_type():
    tensors = [
        TensorInfo("blk.0.ffn_up.weight", "Q4_K", (256, 2), 288),
        TensorInfo("blk.1.ffn_up.weight", "Q6_K", (256, 8), 1680),
        TensorInfo("blk.1.ffn_gate.weight", "Q6_K", (256, 1), 210),
        TensorInfo("output_norm.weight", "F32", (256,), 1024),
        TensorInfo("blk.0.attn_q.weight", "Q4_K", (256, 3), 432),
    ]
    mix = class_mix(tensors)
    assert mix == {"attention": {"Q4_K": 768}, "feed-forward": {"Q6_K": 2304, "Q4_K": 512}, "norm": {"F32": 256}}
    assert list(mix) == [name for name in CLASSES if name in mix]
    assert list(mix["feed-forward"]) == ["Q6_K", "Q4_K"]


def test_a_file_s_mix_holds_all_its_weights(write_dense):
    description = describe(write_dense())
    mix = class_mix(description.tensors)
    assert sum(count for types in mix.values() for count in types.values()) == description.parameters
    assert mix["token embedding"] == {"F16": 64 * 96}
    assert mix["feed-forward"] == {"Q8_0": 2 * 3 * 64 * 128}


def test_any_tensor_of_blocks_makes_a_model_quantized(write_dense):
    assert is_quantized(describe(write_dense()).tensors)
    assert not is_quantized(describe(write_dense(tensors=dense_tensors(matrices="BF16"))).tensors)
