"""How large llama.cpp's KV cache is: bytes of one token over all layers, and the cells that a context allocates."""

from profiler.errors import UnusableArguments
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.ggml_types import GgmlType, tensor_type_named
from profiler.modelfile.layers import layer_memory
from profiler.records.specification import KV_CELL_STEP

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""The types that llama.cpp's own tools offer for K and V."""

_STATE_ELEMENT_BYTES = 4  # llama.cpp keeps recurrent states in F32, whatever the cache types


def layer_bytes_per_token(description: ModelDescription, cache_type_k: str, cache_type_v: str) -> tuple[int, ...] | None:
    """Bytes of one token's K and V in each running layer, 0 in layers that keep none of their own.

    Returns:
        None where `layers.layer_memory` is.

    Raises:
        UnusableArguments: a type that llama.cpp does not take, or whose blocks a layer's row does not fill.
    """
    type_k, type_v = _cache_type(cache_type_k), _cache_type(cache_type_v)
    layers = layer_memory(description)
    if layers is None:
        return None
    return tuple(_row_bytes(type_k, layer.k_elements) + _row_bytes(type_v, layer.v_elements) for layer in layers)


def bytes_per_token(description: ModelDescription, cache_type_k: str, cache_type_v: str) -> int | None:
    """Bytes of one token's K and V over all layers, for cache types by ggml's names ("f16", "q8_0").

    Returns:
        None where `layers.layer_memory` is.

    Raises:
        UnusableArguments: a type that llama.cpp does not take, or whose blocks a layer's row does not fill.
    """
    layers = layer_bytes_per_token(description, cache_type_k, cache_type_v)
    return None if layers is None else sum(layers)


def layer_state_bytes(description: ModelDescription) -> tuple[int, ...] | None:
    """Bytes that each running layer keeps of a sequence, however long it is; None where `layers.layer_memory` is."""
    layers = layer_memory(description)
    return None if layers is None else tuple(layer.state_elements * _STATE_ELEMENT_BYTES for layer in layers)


def allocated_cells(ctx_size: int, slots: int, kv_unified: bool) -> int:
    """Cells that llama.cpp allocates for `slots` sequences of `ctx_size` tokens each (n_ctx = slots × ctx_size).

    It pads n_ctx to 256; without the unified layout each sequence then gets its share, padded to 256 again (measurement.md §3).
    """
    n_ctx = _padded(slots * ctx_size)
    return n_ctx if kv_unified else _padded(n_ctx // slots) * slots


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
