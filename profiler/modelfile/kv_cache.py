"""How large llama.cpp's KV cache is: bytes of one token over all layers, and the cells that a context allocates."""

import re
from dataclasses import dataclass

from profiler.errors import UnusableArguments
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.ggml_types import GgmlType, tensor_type_named
from profiler.records.specification import KV_CELL_STEP

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""The types that llama.cpp's own tools offer for K and V."""

_WITHOUT_PLAIN_CACHE = frozenset(
    """
    bert modern-bert nomic-bert nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert gemma-embedding wavtokenizer-dec
    dream llada llada-moe rnd1 t5 t5encoder clip
    gemma3n gemma4-assistant minimax-01 minimax-m3
    """.split()  # noqa: SIM905 - one name a line would fill the page
)
"""Encoders and diffusion models keep no cache; the last line's keep one that their files do not tell whole."""

_OTHER_MEMORY = re.compile(
    r"ssm\.|wkv\.|shortconv\.|kda\.|full_attention_interval|attention\.(kv_lora_rank|key_length_mla|indexer|compress|recurrent)"
)
"""Keys of models that keep something else than K and V per token: recurrent state, compressed (MLA) or indexed attention."""


@dataclass(frozen=True, slots=True)
class LayerCache:
    """Elements of K and of V that one layer keeps for one token."""

    k_elements: int
    v_elements: int


def layer_caches(description: ModelDescription) -> tuple[LayerCache, ...] | None:
    """What each layer that keeps K and V of its own keeps for a token.

    Follows llama.cpp's hyperparameters: heads per layer from `attention.head_count_kv` (one number or one a layer), their size
    from `attention.key_length` and `value_length`, in sliding-window layers from `key_length_swa` and `value_length_swa`. Layers
    for multi-token prediction and those that share an earlier layer's cache (`attention.shared_kv_layers`) keep nothing.

    Returns:
        None for models whose memory is not, or not only, such a cache, or whose keys do not say it all.
    """
    architecture = description.architecture
    prefix = f"{architecture}."
    keys = (key.removeprefix(prefix) for key in description.metadata if key.startswith(prefix))
    if architecture in _WITHOUT_PLAIN_CACHE or any(_OTHER_MEMORY.match(key) for key in keys):
        return None
    embedding = description.count("embedding_length")
    heads = _per_layer(description, "attention.head_count")
    heads_kv = (
        heads if description.value("attention.head_count_kv") is None else _per_layer(description, "attention.head_count_kv")
    )
    windowed = _windowed_layers(description)
    if not heads or not heads[0] or embedding is None or heads_kv is None or windowed is None:
        return None
    k_full, k_windowed = _head_elements(description, "key_length", embedding // heads[0])
    v_full, v_windowed = _head_elements(description, "value_length", embedding // heads[0])
    with_own_cache = min(running_layers(description), len(heads) - (description.count("attention.shared_kv_layers") or 0))
    return tuple(
        LayerCache(count * (k_windowed if in_window else k_full), count * (v_windowed if in_window else v_full))
        for count, in_window in list(zip(heads_kv, windowed, strict=True))[: max(0, with_own_cache)]
    )


def running_layers(description: ModelDescription) -> int:
    """Layers that the graph of a plain decode runs: all but those for multi-token prediction, which come last."""
    return max(0, (description.block_count or 0) - (description.count("nextn_predict_layers") or 0))


def bytes_per_token(description: ModelDescription, cache_type_k: str, cache_type_v: str) -> int | None:
    """Bytes of one token's K and V over all layers, for cache types by ggml's names ("f16", "q8_0").

    Returns:
        None where `layer_caches` is.

    Raises:
        UnusableArguments: a type that llama.cpp does not take, or whose blocks a layer's row does not fill.
    """
    type_k, type_v = _cache_type(cache_type_k), _cache_type(cache_type_v)
    layers = layer_caches(description)
    if layers is None:
        return None
    return sum(_row_bytes(type_k, layer.k_elements) + _row_bytes(type_v, layer.v_elements) for layer in layers)


def allocated_cells(ctx_size: int, slots: int, kv_unified: bool) -> int:
    """Cells that llama.cpp allocates for `slots` sequences of `ctx_size` tokens each (n_ctx = slots × ctx_size).

    It pads n_ctx to 256; without the unified layout each sequence then gets its share, padded to 256 again (measurement.md §3).
    """
    n_ctx = _padded(slots * ctx_size)
    return n_ctx if kv_unified else _padded(n_ctx // slots) * slots


def _per_layer(description: ModelDescription, key: str) -> tuple[int, ...] | None:
    """A key's value for each layer, be it one number for all or an array; None when absent or of another kind or length."""
    value = description.value(key)
    count = description.block_count or 0
    if isinstance(value, tuple):
        numbers = tuple(entry for entry in value if isinstance(entry, int) and entry >= 0)
        return numbers if len(numbers) == len(value) == count else None
    number = description.count(key)
    return None if number is None else (number,) * count


def _head_elements(description: ModelDescription, key: str, default: int) -> tuple[int, int]:
    """Elements of a head's K or V, in layers that see all and in layers with a sliding window."""
    full = description.count(f"attention.{key}")
    full = default if full is None else full
    in_window = description.count(f"attention.{key}_swa")
    return full, full if in_window is None else in_window


def _windowed_layers(description: ModelDescription) -> tuple[bool, ...] | None:
    """Which layers look at a sliding window only, as far as it matters; None when it matters and the file does not tell.

    It matters where their heads have another size. With llama.cpp's default (`swa_full`) they allocate the whole context.
    """
    count = description.block_count or 0
    if all(description.value(f"attention.{what}_swa") is None for what in ("key_length", "value_length")):
        return (False,) * count
    pattern = description.value("attention.sliding_window_pattern")
    if isinstance(pattern, tuple) and len(pattern) >= count:
        return tuple(bool(entry) for entry in pattern[:count])
    return None


def _cache_type(name: str) -> GgmlType:
    entry = tensor_type_named(name) if name in CACHE_TYPES else None
    if entry is None:
        raise UnusableArguments(f"{name} is no type for the KV cache; there are {', '.join(CACHE_TYPES)}")
    return entry


def _row_bytes(cache_type: GgmlType, elements: int) -> int:
    if elements % cache_type.block_elements:
        raise UnusableArguments(
            f"the KV cache cannot be {cache_type.name.lower()} for this model: its rows of {elements} do not fill blocks "
            f"of {cache_type.block_elements}; choose f16"
        )
    return cache_type.row_bytes(elements)


def _padded(cells: int) -> int:
    return -(-cells // KV_CELL_STEP) * KV_CELL_STEP
