"""How much memory a model takes when it runs, predicted from its header."""

from dataclasses import dataclass

from profiler.modelfile.description import ModelDescription
from profiler.modelfile.kv_cache import allocated_cells, bytes_per_token

_F32_BYTES = 4
_F16_BYTES = 2


@dataclass(frozen=True, slots=True)
class Footprint:
    """Predicted bytes; None where the model's kind is not understood yet.

    Attributes:
        weights_bytes: all tensors as the file holds them. llama.cpp's CPU backend may repack matrices into a second copy
            ("AMX", "CPU_REPACK" in its log); the mapped file's pages can then be dropped by the system.
        kv_cells: cells of the KV cache over all sequences.
        kv_bytes: the whole cache.
        compute_bytes: llama.cpp's compute and output buffers, an estimate.
        total_bytes: the sum.
    """

    weights_bytes: int
    kv_cells: int
    kv_bytes: int | None
    compute_bytes: int | None
    total_bytes: int | None


def predict(
    description: ModelDescription,
    *,
    ctx_size: int,
    slots: int,
    cache_type_k: str = "f16",
    cache_type_v: str = "f16",
    kv_unified: bool = True,
    ubatch_size: int = 512,
    flash_attn: bool = True,
) -> Footprint:
    """The memory of this model with `slots` sequences of `ctx_size` tokens each.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    cells = allocated_cells(ctx_size, slots, kv_unified)
    token_bytes = bytes_per_token(description, cache_type_k, cache_type_v)
    kv_bytes = None if token_bytes is None else cells * token_bytes
    cells_in_view = cells if kv_unified else cells // slots
    compute_bytes = _compute_bytes(description, slots, min(ubatch_size, cells), cells_in_view, flash_attn)
    known = kv_bytes is not None and compute_bytes is not None
    return Footprint(
        weights_bytes=description.tensor_bytes,
        kv_cells=cells,
        kv_bytes=kv_bytes,
        compute_bytes=compute_bytes,
        total_bytes=description.tensor_bytes + (kv_bytes or 0) + (compute_bytes or 0) if known else None,
    )


def fits(footprint: Footprint, available_bytes: int) -> bool | None:
    """Whether the prediction stays within `available_bytes`; None when it is not known and the weights alone would fit."""
    if footprint.total_bytes is not None:
        return footprint.total_bytes <= available_bytes
    return False if footprint.weights_bytes > available_bytes else None


def _compute_bytes(description: ModelDescription, slots: int, ubatch: int, cells_in_view: int, flash_attn: bool) -> int | None:
    """Bytes of llama.cpp's compute and output buffers for ubatches of `ubatch` tokens that each see `cells_in_view` cells.

    The compute buffer holds the largest set of tensors alive at one time. Which these are was found by varying n_ubatch, n_ctx,
    the layout and flash attention on the sample and reading the load log ("compute buffer size"): per token of the ubatch, in
    elements of 4 bytes, the largest of
    - the logits and two embeddings;
    - the attention mask (2 bytes a cell) with three rows of the feed-forward net and three embeddings;
    - without flash attention the scores, one row of cells for each head, with a mask of 4 bytes a cell and six embeddings.
    That reproduces fourteen logged sizes to within 1.2 %. Other backends place tensors otherwise: an estimate there.
    """
    vocabulary = _vocabulary(description)
    embedding = description.count("embedding_length")
    feed_forward = _largest(description, "feed_forward_length")
    heads = _largest(description, "attention.head_count")
    if vocabulary is None or embedding is None or feed_forward is None or heads is None:
        return None
    mask = cells_in_view * _F16_BYTES // _F32_BYTES
    alive = [vocabulary + 2 * embedding, mask + 3 * (feed_forward + embedding)]
    if not flash_attn:
        alive.append(cells_in_view * (heads + 1) + 6 * embedding)
    return ubatch * max(alive) * _F32_BYTES + slots * vocabulary * _F32_BYTES


def _vocabulary(description: ModelDescription) -> int | None:
    """Rows of the token embeddings; the vocabulary's own key is absent from many files."""
    return next((tensor.row_count for tensor in description.tensors if tensor.name == "token_embd.weight"), None)


def _largest(description: ModelDescription, key: str) -> int | None:
    """A key's value, of an array over the layers the largest."""
    value = description.value(key)
    if isinstance(value, tuple):
        return max((entry for entry in value if isinstance(entry, int)), default=None)
    return description.count(key)
