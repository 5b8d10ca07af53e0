"""What a step of a model must read and compute, from its tensors' sizes (measurement.md §2)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from profiler.modelfile.description import ModelDescription
from profiler.modelfile.header import TensorInfo
from profiler.modelfile.kv_cache import layer_bytes_per_token, layer_state_bytes
from profiler.modelfile.layers import layer_memory, layers_with_own_cache, running_layers
from profiler.records.run_record import StepCosts

_KNOWN_ARCHITECTURES = frozenset(
    """
    llama deci falcon gpt2 gptneox mpt baichuan starcoder starcoder2 refact bloom stablelm qwen qwen2 qwen2vl qwen3 qwen3vl
    phi2 phi3 plamo plamo3 codeshell orion internlm2 minicpm gemma gemma2 gemma3 gemma3n gemma4 xverse command-r cohere2 olmo
    olmo2 openelm chatglm glm4 bitnet jais jais2 nemotron exaone exaone4 granite chameleon arcee ernie4_5 hunyuan-dense smollm3
    seed_oss apertus mistral3 pangu-embedded maincoder
    qwen2moe qwen3moe qwen3vlmoe olmoe deepseek deepseek2 dots1 glm4moe gpt-oss granitemoe phimoe bailingmoe bailingmoe2
    ernie4_5-moe hunyuan-moe dbrx grok llama4 minimax-m2 arctic
    mamba mamba2 jamba falcon-h1 granitehybrid lfm2 lfm2moe nemotron_h nemotron_h_moe qwen3next qwen35 qwen35moe
    """.split()  # noqa: SIM905 - one name a line would fill the page
)
"""Those whose graph (llama.cpp of llama-cpp-python 0.3.36) runs each layer once and uses each of its matrices in one matmul.

A list, since a new architecture may loop over its layers or skip some, which its file does not tell.
"""

OUTPUT = "output.weight"
EMBEDDING = "token_embd.weight"
TABLES = frozenset({EMBEDDING, "position_embd.weight", "per_layer_token_embd.weight"})
_LAYER = re.compile(r"blk\.(\d+)\.(.+)")


def _weights(names: str) -> frozenset[str]:
    return frozenset(f"{name}.weight" for name in names.split())


_LAYER_MATRICES = _weights(
    """
    attn_q attn_k attn_v attn_qkv attn_output attn_gate attn_q_a attn_q_b attn_kv_a_mqa attn_kv_b attn_k_b attn_v_b
    ffn_gate ffn_up ffn_down ffn_gate_shexp ffn_up_shexp ffn_down_shexp ffn_gate_inp_shexp ffn_latent_down ffn_latent_up
    ssm_in ssm_x ssm_dt ssm_out ssm_conv1d ssm_ba ssm_alpha ssm_beta shortconv.conv shortconv.in_proj shortconv.out_proj
    inp_gate proj laurel_l laurel_r altup_correct_coef altup_predict_coef altup_router
    """
)
_MATRICES = _weights("altup_proj altup_unembd_proj")
_OF_FIRST_LAYER = "per_layer_model_proj.weight"
_ROUTER = "ffn_gate_inp.weight"
_EXPERTS = _weights("ffn_gate_exps ffn_up_exps ffn_down_exps ffn_gate_up_exps")
_OWN_KV = _weights("attn_k attn_v")
_ELEMENTWISE = "ssm_a"


class Role(Enum):
    """What a step does with a tensor."""

    MATRIX = auto()  # read whole in every ubatch
    EXPERTS = auto()  # read as far as the ubatch's tokens are sent to its experts
    OUTPUT = auto()  # read whole in ubatches with a flagged row
    TABLE = auto()  # one row a token
    ELEMENTWISE = auto()  # read whole in every ubatch, in no matmul
    UNCOUNTED = auto()  # norms and biases, or layers that do not run
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class StepTensor:
    """A tensor and what a step does with it.

    Attributes:
        layer: number of the layer with which llama.cpp places it on a device; None for tables, which lie on the CPU, and for
            what lies with the output.
    """

    tensor: TensorInfo
    role: Role
    layer: int | None


@dataclass(frozen=True, slots=True)
class Experts:
    """Routed experts of a layer, and how many of them each token is sent to; 0 when there are none."""

    count: int = 0
    used: int = 0


def step_costs(description: ModelDescription, cache_type_k: str, cache_type_v: str) -> StepCosts | None:
    """Bytes that a step of this model reads and its FLOPs, for the cache types by ggml's names ("f16").

    Bytes: the matrices of matmuls. Vectors (norms, biases, RoPE factors) are left out: they are read too, but are 0.15 % of the
    sample's weights and less of larger models. Tied embeddings (no `output.weight`) count whole as the output matrix, and one
    row a token as the table that they also are. Layers for multi-token prediction do not run and do not count.

    FLOPs: of matmuls and attention. Norms, activations, RoPE and the update of a recurrent state are left out.

    Returns:
        None for models that are not understood: other kinds of memory (`layers.layer_memory`), encoders, layers with unequal
        numbers of experts, and any architecture or matrix that is not known here.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    layers = range(running_layers(description))
    return partial_costs(description, cache_type_k, cache_type_v, layers=layers, kv_layers=layers, output=True, tables=True)


def partial_costs(
    description: ModelDescription,
    cache_type_k: str,
    cache_type_v: str,
    *,
    layers: Collection[int],
    kv_layers: Collection[int],
    output: bool,
    tables: bool,
) -> StepCosts | None:
    """Costs of the part of a step that one device carries out; the parts add up to `step_costs`.

    Args:
        description: the whole model.
        cache_type_k: ggml's name of the type.
        cache_type_v: likewise.
        layers: numbers of the layers whose weights it holds.
        kv_layers: numbers of the layers whose attention and KV or state it holds.
        output: whether it holds the output matrix, and what lies with it.
        tables: whether it holds the look-up tables.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    kv_bytes = layer_bytes_per_token(description, cache_type_k, cache_type_v)
    memory, state_bytes = layer_memory(description), layer_state_bytes(description)
    tensors, experts = step_tensors(description), experts_of(description)
    if kv_bytes is None or memory is None or state_bytes is None or tensors is None or experts is None:
        return None
    held = [each for each in tensors if _is_held(each, layers, output, tables)]
    by_role = {role: [each.tensor for each in held if each.role is role] for role in Role}
    matrices, routed, outputs = by_role[Role.MATRIX], by_role[Role.EXPERTS], by_role[Role.OUTPUT]
    elements = sum(tensor.elements for tensor in matrices)
    expert_elements = sum(tensor.elements for tensor in routed)
    return StepCosts(
        weight_bytes_per_ubatch=sum(tensor.bytes for tensor in (*matrices, *by_role[Role.ELEMENTWISE])),
        output_bytes_per_ubatch=sum(tensor.bytes for tensor in outputs),
        embedding_bytes_per_token=sum(tensor.bytes // tensor.row_count for tensor in by_role[Role.TABLE]),
        kv_bytes_per_token=sum(kv_bytes[number] for number in kv_layers),
        expert_bytes=sum(tensor.bytes for tensor in routed),
        expert_count=experts.count if routed else 0,
        experts_used=experts.used if routed else 0,
        state_bytes_per_sequence=sum(state_bytes[number] for number in kv_layers),
        matmul_flops_per_token=2 * (elements + (expert_elements * experts.used // experts.count if routed else 0)),
        output_flops_per_row=2 * sum(tensor.elements for tensor in outputs),
        attention_flops_per_pair=2 * sum(memory[number].pair_elements for number in kv_layers),
    )


def step_tensors(description: ModelDescription) -> tuple[StepTensor, ...] | None:
    """Every tensor with its role; a tied embedding stands there twice, as the table and as the output matrix.

    Returns:
        None where `step_costs` is None for the sake of the tensors.
    """
    experts = experts_of(description)
    if description.architecture not in _KNOWN_ARCHITECTURES or experts is None:
        return None
    running, own_cache = running_layers(description), layers_with_own_cache(description)
    found = []
    for tensor in description.tensors:
        match = _LAYER.fullmatch(tensor.name)
        layer = int(match[1]) if match else None
        if match is None or layer is None:
            role = _role_outside(tensor)
            layer = 0 if tensor.name == _OF_FIRST_LAYER else None
        elif layer >= running or (layer >= own_cache and match[2] in _OWN_KV):
            role = Role.UNCOUNTED  # of layers that share another's K and V some files hold matrices that are not used
        else:
            role = _role_in_layer(tensor, match[2], experts)
        found.append(StepTensor(tensor, role, layer))
    if not any(each.role is Role.OUTPUT for each in found):
        found += [StepTensor(each.tensor, Role.OUTPUT, None) for each in found if each.tensor.name == EMBEDDING]
    roles = {each.role for each in found}
    return tuple(found) if Role.UNKNOWN not in roles and roles >= {Role.MATRIX, Role.OUTPUT} else None


def experts_of(description: ModelDescription) -> Experts | None:
    """The model's routed experts; None when the keys do not tell one number for all its layers."""
    count, used = description.value("expert_count"), description.value("expert_used_count")
    if not count and not used:
        return Experts()
    if not isinstance(count, int) or not isinstance(used, int) or not 0 < used <= count:
        return None
    return Experts(count, used)


def _is_held(each: StepTensor, layers: Collection[int], output: bool, tables: bool) -> bool:
    if each.layer is not None:
        return each.layer in layers
    return tables if each.role is Role.TABLE else output


def _is_vector(tensor: TensorInfo) -> bool:
    """Norms and biases, even where they have a row for each head or expert, and factors."""
    return len(tensor.shape) < 2 or "_norm." in tensor.name or not tensor.name.endswith(".weight")


def _role_outside(tensor: TensorInfo) -> Role:
    if not tensor.elements:
        return Role.UNCOUNTED
    if tensor.name == OUTPUT:
        return Role.OUTPUT
    if tensor.name in TABLES:
        return Role.TABLE
    if tensor.name in _MATRICES or tensor.name == _OF_FIRST_LAYER:
        return Role.MATRIX
    return Role.UNCOUNTED if _is_vector(tensor) else Role.UNKNOWN


def _role_in_layer(tensor: TensorInfo, name: str, experts: Experts) -> Role:
    if name == _ELEMENTWISE:
        return Role.ELEMENTWISE
    if name in _LAYER_MATRICES:  # some gates are a single row
        return Role.MATRIX
    if _is_vector(tensor):
        return Role.UNCOUNTED
    if name in _EXPERTS:
        return Role.EXPERTS if experts.count and tensor.shape[-1] == experts.count else Role.UNKNOWN
    return Role.MATRIX if name == _ROUTER and experts.count else Role.UNKNOWN
