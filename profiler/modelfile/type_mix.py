"""What a model file really holds: its weights by class of tensors and by type, as quantizers treat them differently."""

from collections.abc import Iterable

from profiler.modelfile.header import TensorInfo

TOKEN_EMBEDDING = "token embedding"
OUTPUT = "output"
ATTENTION = "attention"
FEED_FORWARD = "feed-forward"
EXPERTS = "experts"
NORM = "norm"
OTHER = "other"
CLASSES = (TOKEN_EMBEDDING, OUTPUT, ATTENTION, FEED_FORWARD, EXPERTS, NORM, OTHER)
"""In the order in which a reader expects them."""

UNQUANTIZED = frozenset(("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8"))
"""Types that store each number by itself."""

_EMBEDDINGS = ("token_embd", "per_layer_token_embd")


def tensor_class(name: str) -> str:
    """The class of a tensor by the name that llama.cpp's converters give it ("blk.0.attn_q.weight": "attention")."""
    parts = name.split(".")
    block = parts[2] if parts[0] == "blk" and len(parts) > 2 else ""
    if "norm" in (block or parts[0]):
        return NORM
    if block:
        if block.endswith(("_exps", "_shexp", "_shexps")) or block.startswith("ffn_gate_inp"):
            return EXPERTS
        return ATTENTION if block.startswith("attn") else FEED_FORWARD if block.startswith("ffn") else OTHER
    return TOKEN_EMBEDDING if parts[0] in _EMBEDDINGS else OUTPUT if parts[0] == "output" else OTHER


def class_mix(tensors: Iterable[TensorInfo]) -> dict[str, dict[str, int]]:
    """Number of weights by class (in CLASSES' order, those that the model has) and by type, the most first."""
    counts: dict[str, dict[str, int]] = {name: {} for name in CLASSES}
    for tensor in tensors:
        of_class = counts[tensor_class(tensor.name)]
        of_class[tensor.dtype] = of_class.get(tensor.dtype, 0) + tensor.elements
    return {
        name: dict(sorted(of_class.items(), key=lambda item: (-item[1], item[0])))
        for name, of_class in counts.items()
        if of_class
    }


def is_quantized(tensors: Iterable[TensorInfo]) -> bool:
    """Whether any tensor has lost precision to a type of blocks."""
    return any(tensor.dtype not in UNQUANTIZED for tensor in tensors)
