"""Tiny models of many architectures as llama.cpp's converters would write them: their keys, and their tensors' shapes and types.

All weights are zero, but llama.cpp loads and runs them, so that what is derived from a header can be held against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Tensors = dict[str, tuple[Sequence[int], str]]

E, HEADS, KV_HEADS, HEAD, FF, VOCABULARY = 64, 4, 2, 16, 128, 96
EXPERTS, USED, EXPERT_FF, SHARED_FF = 8, 2, 32, 96


@dataclass(frozen=True)
class TinyModel:
    """A model to write.

    Attributes:
        keys: the architecture's own, without its name before them.
    """

    architecture: str
    keys: dict[str, Any]
    tensors: Tensors
    layers: int = 2

    @property
    def all_keys(self) -> dict[str, Any]:
        """As the file has them."""
        own = {
            "block_count": self.layers,
            "context_length": 4096,
            "embedding_length": E,
            "vocab_size": VOCABULARY,
            "attention.layer_norm_rms_epsilon": 1e-5,
            **self.keys,
        }
        return {
            "general.name": "Tiny",
            "general.file_type": 1,
            "tokenizer.ggml.model": "no_vocab",
            **{f"{self.architecture}.{key}": value for key, value in own.items()},
        }


HEAD_KEYS = {"attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "feed_forward_length": FF}
MAMBA1 = {"ssm.conv_kernel": 4, "ssm.inner_size": 2 * E, "ssm.state_size": 16, "ssm.time_step_rank": 4}
MAMBA2 = {"ssm.conv_kernel": 4, "ssm.inner_size": 2 * E, "ssm.state_size": 16, "ssm.time_step_rank": 4, "ssm.group_count": 2}
EXPERT_KEYS = {"expert_count": EXPERTS, "expert_used_count": USED, "expert_feed_forward_length": EXPERT_FF}


def ends(output: str | None = "Q8_0", table: str = "F16", norm: str = "output_norm") -> Tensors:
    """What stands before and behind the layers; `output` None ties the embeddings."""
    found: Tensors = {"token_embd.weight": ((E, VOCABULARY), table), f"{norm}.weight": ((E,), "F32")}
    return found | ({"output.weight": ((E, VOCABULARY), output)} if output else {})


def layer(number: int, weights: Tensors, norms: Sequence[str] = ("attn_norm", "ffn_norm")) -> Tensors:
    """One layer: tensors by name without the block; norms are as wide as the embedding."""
    named = {f"blk.{number}.{name}": value for name, value in weights.items()}
    return named | {f"blk.{number}.{norm}.weight": ((E,), "F32") for norm in norms}


def attention(kind: str = "F16", heads: int = HEADS, kv_heads: int = KV_HEADS, head: int = HEAD, gated: int = 1) -> Tensors:
    return {
        "attn_q.weight": ((E, gated * heads * head), kind),
        "attn_k.weight": ((E, kv_heads * head), kind),
        "attn_v.weight": ((E, kv_heads * head), kind),
        "attn_output.weight": ((heads * head, E), kind),
    }


def feed_forward(kind: str = "F16", width: int = FF, suffix: str = "") -> Tensors:
    return {
        f"ffn_gate{suffix}.weight": ((E, width), kind),
        f"ffn_up{suffix}.weight": ((E, width), kind),
        f"ffn_down{suffix}.weight": ((width, E), kind),
    }


def mixture(kind: str = "F16", width: int = EXPERT_FF) -> Tensors:
    return {
        "ffn_gate_inp.weight": ((E, EXPERTS), "F32"),
        "ffn_gate_exps.weight": ((E, width, EXPERTS), kind),
        "ffn_up_exps.weight": ((E, width, EXPERTS), kind),
        "ffn_down_exps.weight": ((width, E, EXPERTS), kind),
    }


def mamba1() -> Tensors:
    return {
        "ssm_in.weight": ((E, 4 * E), "F16"),
        "ssm_conv1d.weight": ((4, 2 * E), "F32"),
        "ssm_conv1d.bias": ((2 * E,), "F32"),
        "ssm_x.weight": ((2 * E, 4 + 2 * 16), "F16"),
        "ssm_dt.weight": ((4, 2 * E), "F32"),
        "ssm_dt.bias": ((2 * E,), "F32"),
        "ssm_a": ((16, 2 * E), "F32"),
        "ssm_d": ((2 * E,), "F32"),
        "ssm_out.weight": ((2 * E, E), "F16"),
    }


def mamba2() -> Tensors:
    channels = 2 * E + 2 * 2 * 16
    return {
        "ssm_in.weight": ((E, 2 * E + channels + 4), "F16"),
        "ssm_conv1d.weight": ((4, channels), "F32"),
        "ssm_conv1d.bias": ((channels,), "F32"),
        "ssm_dt.bias": ((4,), "F32"),
        "ssm_a": ((1, 4), "F32"),
        "ssm_d": ((1, 4), "F32"),
        "ssm_norm.weight": ((2 * E // 2, 2), "F32"),
        "ssm_out.weight": ((2 * E, E), "F16"),
    }


def delta_net(*, is_fused: bool) -> Tensors:
    """Gated delta net: 2 key heads and 4 value heads of 16."""
    key, value = 2 * 16, 4 * 16
    gates: Tensors = (
        {"ssm_ba.weight": ((E, 8), "F16")}
        if is_fused
        else {"ssm_beta.weight": ((E, 4), "F16"), "ssm_alpha.weight": ((E, 4), "F16")}
    )
    return gates | {
        "attn_qkv.weight": ((E, 2 * key + value), "F16"),
        "attn_gate.weight": ((E, value), "F16"),
        "ssm_conv1d.weight": ((4, 2 * key + value), "F32"),
        "ssm_dt.bias": ((4,), "F32"),
        "ssm_a": ((4,), "F32"),
        "ssm_norm.weight": ((16,), "F32"),
        "ssm_out.weight": ((value, E), "F16"),
    }


def head_norms(head: int = HEAD) -> Tensors:
    return {"attn_q_norm.weight": ((head,), "F32"), "attn_k_norm.weight": ((head,), "F32")}


def biases(*, kv: int = KV_HEADS * HEAD) -> Tensors:
    return {"attn_q.bias": ((E,), "F32"), "attn_k.bias": ((kv,), "F32"), "attn_v.bias": ((kv,), "F32")}


def layers(count: int, weights: Tensors, norms: Sequence[str] = ("attn_norm", "ffn_norm")) -> Tensors:
    found: Tensors = {}
    for number in range(count):
        found |= layer(number, weights, norms)
    return found


_POST = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
_LATENT, _Q_LATENT, _ROPE, _NOPE, _V_HEAD = 32, 48, 8, 16, 16
_DELTA = {"ssm.conv_kernel": 4, "ssm.inner_size": 64, "ssm.state_size": 16, "ssm.time_step_rank": 4, "ssm.group_count": 2}
_MLA = {
    "attn_q_a.weight": ((E, _Q_LATENT), "F16"),
    "attn_q_a_norm.weight": ((_Q_LATENT,), "F32"),
    "attn_q_b.weight": ((_Q_LATENT, HEADS * (_NOPE + _ROPE)), "F16"),
    "attn_kv_a_mqa.weight": ((E, _LATENT + _ROPE), "F16"),
    "attn_kv_a_norm.weight": ((_LATENT,), "F32"),
    "attn_k_b.weight": ((_NOPE, _LATENT, HEADS), "F16"),
    "attn_v_b.weight": ((_LATENT, _V_HEAD, HEADS), "F16"),
    "attn_output.weight": ((HEADS * _V_HEAD, E), "F16"),
}
_GEMMA4_FULL, _GEMMA4_WINDOW = 32, 16
_PER_LAYER = {"inp_gate.weight": ((E, 16), "F16"), "proj.weight": ((16, E), "F16"), "post_norm.weight": ((E,), "F32")}


def _gemma4() -> Tensors:
    """Four layers, with a window and without in turn; the last two look at the caches of the first two."""
    found = ends(None) | {
        "per_layer_token_embd.weight": ((16 * 4, VOCABULARY), "F16"),
        "per_layer_model_proj.weight": ((E, 16 * 4), "F16"),
        "per_layer_proj_norm.weight": ((16,), "F32"),
    }
    for number, head in enumerate((_GEMMA4_WINDOW, _GEMMA4_FULL, _GEMMA4_WINDOW, _GEMMA4_FULL)):
        weights = attention(head=head) | feed_forward() | head_norms(head) | _PER_LAYER
        found |= layer(number, weights, _POST)
    return found | {"rope_freqs.weight": ((_GEMMA4_FULL // 2,), "F32")}


def _gemma3n() -> Tensors:
    found = ends(None) | {
        "altup_proj.weight": ((E, E, 3), "F16"),
        "altup_unembd_proj.weight": ((E, E, 3), "F16"),
        "per_layer_token_embd.weight": ((256 * 22, VOCABULARY), "F16"),
        "per_layer_model_proj.weight": ((E, 256 * 22), "F16"),
        "per_layer_proj_norm.weight": ((256,), "F32"),
    }
    extra: Tensors = {
        "inp_gate.weight": ((E, 256), "F16"),
        "proj.weight": ((256, E), "F16"),
        "altup_correct_coef.weight": ((4, 4), "F32"),
        "altup_correct_scale.weight": ((E,), "F32"),
        "altup_predict_coef.weight": ((4, 16), "F32"),
        "altup_router.weight": ((E, 4), "F16"),
        "altup_router_norm.weight": ((E,), "F32"),
        "laurel_l.weight": ((E, 64), "F16"),
        "laurel_r.weight": ((64, E), "F16"),
        "laurel_post_norm.weight": ((E,), "F32"),
        "post_norm.weight": ((E,), "F32"),
    }
    return found | layers(22, attention() | feed_forward() | head_norms() | extra, _POST)


MODELS: dict[str, TinyModel] = {
    "llama, untied": TinyModel(
        "llama", HEAD_KEYS, ends() | layers(2, attention("Q8_0") | feed_forward("Q4_0")) | {"rope_freqs.weight": ((8,), "F32")}
    ),
    "llama, tied": TinyModel("llama", HEAD_KEYS, ends(None) | layers(2, attention("Q4_1") | feed_forward("Q8_0"))),
    "qwen2, biases": TinyModel("qwen2", HEAD_KEYS, ends() | layers(2, attention() | biases() | feed_forward())),
    "mixtral": TinyModel(
        "llama", HEAD_KEYS | EXPERT_KEYS | {"feed_forward_length": EXPERT_FF}, ends() | layers(2, attention() | mixture("Q8_0"))
    ),
    "qwen2moe, shared expert": TinyModel(
        "qwen2moe",
        HEAD_KEYS | EXPERT_KEYS | {"expert_shared_feed_forward_length": SHARED_FF},
        ends()
        | layers(
            2,
            attention()
            | biases()
            | mixture()
            | feed_forward(width=SHARED_FF, suffix="_shexp")
            | {"ffn_gate_inp_shexp.weight": ((E,), "F32")},
        ),
    ),
    "gemma2": TinyModel(
        "gemma2",
        HEAD_KEYS
        | {"attention.key_length": 32, "attention.value_length": 32, "attention.sliding_window": 256}
        | {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
        ends(None) | layers(2, attention(head=32) | feed_forward(), _POST),
    ),
    "gemma3, windows": TinyModel(
        "gemma3",
        HEAD_KEYS | {"attention.key_length": 32, "attention.value_length": 32, "attention.sliding_window": 256},
        ends(None) | layers(7, attention(head=32) | head_norms(32) | feed_forward(), _POST),
        layers=7,
    ),
    "gemma3n, shared caches": TinyModel(
        "gemma3n",
        HEAD_KEYS | {"attention.sliding_window": 256, "embedding_length_per_layer_input": 256},
        _gemma3n(),
        layers=22,
    ),
    "gemma4, shared caches of two sizes": TinyModel(
        "gemma4",
        HEAD_KEYS
        | {"attention.key_length": _GEMMA4_FULL, "attention.value_length": _GEMMA4_FULL}
        | {"attention.key_length_swa": _GEMMA4_WINDOW, "attention.value_length_swa": _GEMMA4_WINDOW}
        | {"attention.sliding_window": 256, "attention.sliding_window_pattern": [True, False, True, False]}
        | {"attention.shared_kv_layers": 2, "embedding_length_per_layer_input": 16}
        | {"rope.dimension_count": _GEMMA4_FULL, "rope.dimension_count_swa": _GEMMA4_WINDOW},
        _gemma4(),
        layers=4,
    ),
    "deepseek2, compressed attention": TinyModel(
        "deepseek2",
        {"attention.head_count": HEADS, "attention.head_count_kv": 1, "feed_forward_length": FF, "leading_dense_block_count": 1}
        | {"attention.key_length": _LATENT + _ROPE, "attention.value_length": _LATENT, "attention.kv_lora_rank": _LATENT}
        | {"attention.key_length_mla": _NOPE + _ROPE, "attention.value_length_mla": _V_HEAD}
        | {"attention.q_lora_rank": _Q_LATENT, "rope.dimension_count": _ROPE}
        | EXPERT_KEYS
        | {"expert_shared_count": 1, "expert_weights_scale": 1.0},
        ends() | layer(0, _MLA | feed_forward()) | layer(1, _MLA | mixture() | feed_forward(width=EXPERT_FF, suffix="_shexp")),
    ),
    "mamba": TinyModel(
        "mamba",
        {"attention.head_count": 0, "feed_forward_length": 0, **MAMBA1},
        ends(None) | layers(2, mamba1(), ("attn_norm",)),
    ),
    "mamba2": TinyModel(
        "mamba2",
        {"attention.head_count": 0, "feed_forward_length": 0, **MAMBA2},
        ends(None) | layers(2, mamba2(), ("attn_norm",)),
    ),
    "jamba, state or cache": TinyModel(
        "jamba",
        HEAD_KEYS | MAMBA1 | EXPERT_KEYS | {"attention.head_count_kv": [0, KV_HEADS], "feed_forward_length": EXPERT_FF},
        ends()
        | layer(
            0,
            mamba1()
            | feed_forward(width=EXPERT_FF)
            | {"ssm_dt_norm.weight": ((4,), "F32"), "ssm_b_norm.weight": ((16,), "F32"), "ssm_c_norm.weight": ((16,), "F32")},
        )
        | layer(1, attention() | mixture()),
    ),
    "granitehybrid": TinyModel(
        "granitehybrid",
        HEAD_KEYS | MAMBA2 | {"attention.head_count_kv": [0, KV_HEADS]},
        ends(None) | layer(0, mamba2() | feed_forward()) | layer(1, attention() | feed_forward()),
    ),
    "falcon-h1, state and cache": TinyModel(
        "falcon-h1",
        HEAD_KEYS | MAMBA2 | {"attention.key_length": HEAD, "attention.value_length": HEAD},
        ends() | layers(2, attention() | mamba2() | feed_forward() | {"ffn_norm": ((E,), "F32")}, ("attn_norm",)),
    ),
    "lfm2, short convolutions": TinyModel(
        "lfm2",
        HEAD_KEYS | {"shortconv.l_cache": 3, "attention.head_count_kv": [0, KV_HEADS]},
        ends(None, norm="token_embd_norm")
        | layer(
            0,
            feed_forward()
            | {
                "shortconv.conv.weight": ((3, E), "F32"),
                "shortconv.in_proj.weight": ((E, 3 * E), "F16"),
                "shortconv.out_proj.weight": ((E, E), "F16"),
            },
        )
        | layer(1, attention() | head_norms() | feed_forward()),
    ),
    "nemotron_h, one thing a layer": TinyModel(
        "nemotron_h",
        MAMBA2
        | {"attention.head_count": HEADS, "attention.head_count_kv": [0, KV_HEADS, 0], "feed_forward_length": [0, 0, FF]}
        | {"attention.key_length": HEAD, "attention.value_length": HEAD, "attention.layer_norm_epsilon": 1e-5},
        ends()
        | layer(0, mamba2(), ("attn_norm",))
        | layer(1, attention(), ("attn_norm",))
        | layer(2, {"ffn_up.weight": ((E, FF), "F16"), "ffn_down.weight": ((FF, E), "F16")}, ("attn_norm",)),
        layers=3,
    ),
    "qwen3next, delta net": TinyModel(
        "qwen3next",
        HEAD_KEYS
        | EXPERT_KEYS
        | {"expert_shared_feed_forward_length": SHARED_FF, "full_attention_interval": 2, "rope.dimension_count": HEAD}
        | _DELTA,
        ends()
        | layer(
            0,
            delta_net(is_fused=True)
            | mixture()
            | feed_forward(width=SHARED_FF, suffix="_shexp")
            | {"ffn_gate_inp_shexp.weight": ((E,), "F32")},
            ("attn_norm", "post_attention_norm"),
        )
        | layer(
            1,
            attention(gated=2)
            | head_norms()
            | mixture()
            | feed_forward(width=SHARED_FF, suffix="_shexp")
            | {"ffn_gate_inp_shexp.weight": ((E,), "F32")},
            ("attn_norm", "post_attention_norm"),
        ),
    ),
    "qwen35": TinyModel(
        "qwen35",
        HEAD_KEYS
        | {"full_attention_interval": 2, "rope.dimension_count": HEAD, "rope.dimension_sections": [4, 4, 0, 0]}
        | _DELTA,
        ends()
        | layer(0, delta_net(is_fused=False) | feed_forward(), ("attn_norm", "post_attention_norm"))
        | layer(1, attention(gated=2) | head_norms() | feed_forward(), ("attn_norm", "post_attention_norm")),
    ),
}
