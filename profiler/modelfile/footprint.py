"""How much memory a model takes when it runs, predicted from its header."""

from dataclasses import dataclass

from profiler.modelfile.description import ModelDescription
from profiler.modelfile.kv_cache import allocated_cells, bytes_per_token, layer_state_bytes
from profiler.records.specification import ContextSettings

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
        state_bytes: what recurrent layers keep of all sequences; 0 in other models.
    """

    weights_bytes: int
    kv_cells: int
    kv_bytes: int | None
    compute_bytes: int | None
    total_bytes: int | None
    state_bytes: int | None = 0


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
    """The memory of this model with `slots` sequences of `ctx_size` tokens each; where it lies tells `offload.by_device`.

    Raises:
        UnusableArguments: a cache type that llama.cpp does not take for this model.
    """
    cells = allocated_cells(ctx_size, slots, kv_unified)
    token_bytes = bytes_per_token(description, cache_type_k, cache_type_v)
    kv_bytes = None if token_bytes is None else cells * token_bytes
    states = layer_state_bytes(description)
    state_bytes = None if states is None else slots * sum(states)
    buffers = graph_buffers(
        description, ubatch_size=min(ubatch_size, cells), cells_in_view=cells_in_view(cells, slots, kv_unified)
    )
    compute_bytes = None if buffers is None else buffers.whole(flash_attn=flash_attn) + slots * buffers.logits_row_bytes
    total_bytes = None
    if kv_bytes is not None and state_bytes is not None and compute_bytes is not None:
        total_bytes = description.tensor_bytes + kv_bytes + state_bytes + compute_bytes
    return Footprint(description.tensor_bytes, cells, kv_bytes, compute_bytes, total_bytes, state_bytes)


def predict_context(description: ModelDescription, context: ContextSettings) -> Footprint:
    """The same for a run's context. Raises UnusableArguments as `predict` does."""
    return predict(
        description,
        ctx_size=context.ctx_size,
        slots=context.slots,
        cache_type_k=context.cache_type_k,
        cache_type_v=context.cache_type_v,
        kv_unified=context.kv_unified,
        ubatch_size=context.ubatch_size,
    )


def fits(footprint: Footprint, available_bytes: int) -> bool | None:
    """Whether the prediction stays within `available_bytes`; None when it is not known and the weights alone would fit."""
    if footprint.total_bytes is not None:
        return footprint.total_bytes <= available_bytes
    return False if footprint.weights_bytes > available_bytes else None


@dataclass(frozen=True, slots=True)
class GraphBuffers:
    """Bytes that the largest tensors alive at one time take in llama.cpp's compute buffer, by the part of the graph.

    Which these are was found by varying n_ubatch, n_ctx, the layout and flash attention on the sample and reading the load log
    ("compute buffer size"). The largest of them reproduces 44 logged sizes to within 1.2 %, but where the mask is a little
    smaller than two embeddings: there llama.cpp's allocator leaves a gap, and the buffer is 4.3 % larger. Other backends and
    other architectures place tensors otherwise: an estimate there.

    Attributes:
        output_bytes: the logits and two embeddings.
        layer_bytes: the attention mask (2 bytes a cell) with three rows of the feed-forward net and three embeddings.
        scores_bytes: without flash attention: one row of cells for each head, with a mask of 4 bytes a cell and six embeddings.
        logits_row_bytes: of the output buffer in main memory, for each sequence.
        embedding_bytes: a row for each token of the ubatch.
        mask_bytes: of the attention mask, 2 bytes a cell.
    """

    output_bytes: int
    layer_bytes: int
    scores_bytes: int
    logits_row_bytes: int
    embedding_bytes: int
    mask_bytes: int

    def inputs(self, *, flash_attn: bool) -> int:
        """What the processor keeps of a graph that GPUs carry out: the tokens' embeddings, a copy of them, and the mask."""
        return 2 * self.embedding_bytes + (self.mask_bytes if flash_attn else 2 * self.mask_bytes)

    def of_layers(self, *, flash_attn: bool) -> int:
        """The compute buffer of a device that carries out layers but not the output."""
        return self.layer_bytes if flash_attn else max(self.layer_bytes, self.scores_bytes)

    def whole(self, *, flash_attn: bool) -> int:
        """The compute buffer of a device that carries out layers and the output."""
        return max(self.output_bytes, self.of_layers(flash_attn=flash_attn))


def graph_buffers(description: ModelDescription, *, ubatch_size: int, cells_in_view: int) -> GraphBuffers | None:
    """Compute buffers for ubatches of `ubatch_size` tokens that each see `cells_in_view` cells; None when the keys are absent."""
    vocabulary = _vocabulary(description)
    embedding = description.count("embedding_length")
    feed_forward = _largest(description, "feed_forward_length")
    heads = _largest(description, "attention.head_count")
    if vocabulary is None or embedding is None or feed_forward is None or heads is None:
        return None
    token_bytes = ubatch_size * _F32_BYTES
    mask = cells_in_view * _F16_BYTES // _F32_BYTES
    return GraphBuffers(
        output_bytes=token_bytes * (vocabulary + 2 * embedding),
        layer_bytes=token_bytes * (mask + 3 * (feed_forward + embedding)),
        scores_bytes=token_bytes * (cells_in_view * (heads + 1) + 6 * embedding),
        logits_row_bytes=vocabulary * _F32_BYTES,
        embedding_bytes=token_bytes * embedding,
        mask_bytes=ubatch_size * cells_in_view * _F16_BYTES,
    )


def cells_in_view(cells: int, slots: int, kv_unified: bool) -> int:
    """Cells that the attention mask of one token spans: all of a unified cache, else those of its own stream."""
    return cells if kv_unified else cells // slots


def _vocabulary(description: ModelDescription) -> int | None:
    """Rows of the token embeddings; the vocabulary's own key is absent from many files."""
    return next((tensor.row_count for tensor in description.tensors if tensor.name == "token_embd.weight"), None)


def _largest(description: ModelDescription, key: str) -> int | None:
    """A key's value, of an array over the layers the largest."""
    value = description.value(key)
    if isinstance(value, tuple):
        return max((entry for entry in value if isinstance(entry, int)), default=None)
    return description.count(key)
