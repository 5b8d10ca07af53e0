"""What a decode step of a model must read, from its tensors' sizes (measurement.md §2)."""

import re
from collections import Counter
from enum import Enum, auto

from profiler.modelfile.description import ModelDescription
from profiler.modelfile.header import TensorInfo
from profiler.modelfile.kv_cache import bytes_per_token, running_layers
from profiler.records.run_record import StepCosts

_DENSE_ARCHITECTURES = frozenset(
    """
    llama deci falcon gpt2 gptneox mpt baichuan starcoder starcoder2 refact bloom stablelm qwen qwen2 qwen2vl qwen3 qwen3vl
    phi2 phi3 plamo plamo3 codeshell orion internlm2 minicpm gemma gemma2 gemma3 xverse command-r cohere2 olmo olmo2 openelm
    chatglm glm4 bitnet jais jais2 nemotron exaone exaone4 granite chameleon arcee ernie4_5 hunyuan-dense smollm3 seed_oss
    apertus mistral3 pangu-embedded maincoder
    """.split()  # noqa: SIM905 - one name a line would fill the page
)
"""Those whose graph (llama.cpp of llama-cpp-python 0.3.36) runs each layer once and uses each of its matrices in one matmul.

A list, since a new architecture may loop over its layers or skip some, which its file does not tell.
"""

_OUTPUT = "output.weight"
_EMBEDDING = "token_embd.weight"
_TABLES = frozenset({_EMBEDDING, "position_embd.weight"})
_LAYER = re.compile(r"blk\.(\d+)\.(.+)")
_LAYER_MATRICES = frozenset(
    f"{name}.weight" for name in ("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
)


class _Role(Enum):
    """What a step does with a tensor."""

    MATMUL = auto()  # read whole in every ubatch
    OUTPUT = auto()  # read whole in ubatches with a flagged row
    TABLE = auto()  # one row a token
    UNCOUNTED = auto()  # norms and biases, or layers that do not run
    UNKNOWN = auto()


def step_costs(description: ModelDescription, cache_type_k: str, cache_type_v: str) -> StepCosts | None:
    """Bytes that a step of this model reads, for the cache types by ggml's names ("f16").

    Counted are the matrices of matmuls. Vectors (norms, biases, RoPE factors) are left out: they are read too, but are 0.15 % of
    the sample's weights and less of larger models. Tied embeddings (no `output.weight`) count whole as the output matrix, and one
    row a token as the table that they also are. Layers for multi-token prediction do not run and do not count.

    Returns:
        None for models that are not understood yet: mixtures of experts (a step reads the experts that its tokens hit), recurrent
        and hybrid ones (state instead of KV), MLA (compressed KV), per-layer embeddings and shared KV (gemma3n, gemma4),
        encoders, and any architecture or matrix that is not known here.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    kv_bytes = bytes_per_token(description, cache_type_k, cache_type_v)
    if kv_bytes is None or description.architecture not in _DENSE_ARCHITECTURES:
        return None
    layers = running_layers(description)
    total_bytes: Counter[_Role] = Counter()
    row_bytes = 0
    for tensor in description.tensors:
        role = _role(tensor, layers)
        total_bytes[role] += tensor.bytes
        if role is _Role.TABLE:
            row_bytes += tensor.bytes // tensor.row_count
    if _Role.UNKNOWN in total_bytes:
        return None
    output_bytes = total_bytes[_Role.OUTPUT]
    if not output_bytes:
        output_bytes = next((tensor.bytes for tensor in description.tensors if tensor.name == _EMBEDDING), 0)
    if not output_bytes or not total_bytes[_Role.MATMUL]:
        return None
    return StepCosts(
        weight_bytes_per_ubatch=total_bytes[_Role.MATMUL],
        output_bytes_per_ubatch=output_bytes,
        embedding_bytes_per_token=row_bytes,
        kv_bytes_per_token=kv_bytes,
    )


def _role(tensor: TensorInfo, layers: int) -> _Role:
    """What a step does with this tensor of a dense model whose first `layers` layers run."""
    layer = _LAYER.fullmatch(tensor.name)
    if layer and int(layer[1]) >= layers:
        return _Role.UNCOUNTED
    # Some norms are matrices, a row for each head.
    if len(tensor.shape) < 2 or "_norm." in tensor.name or not tensor.elements:
        return _Role.UNCOUNTED
    if layer:
        return _Role.MATMUL if layer[2] in _LAYER_MATRICES else _Role.UNKNOWN
    if tensor.name == _OUTPUT:
        return _Role.OUTPUT
    return _Role.TABLE if tensor.name in _TABLES else _Role.UNKNOWN
