"""A llama-like model of wide layers and any size in one tensor type, written in a second: for tests of what limits real steps."""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

from tests.helpers.random_model import add_tokenizer

EMBEDDING, FEED_FORWARD, HEADS, VOCABULARY = 2048, 5632, 16, 512
_DISTINCT_ROWS = 64  # repeated: the kernels take their time whatever the numbers are
MATRICES = {
    **dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (EMBEDDING, EMBEDDING)),
    **dict.fromkeys(("ffn_gate", "ffn_up"), (FEED_FORWARD, EMBEDDING)),
    "ffn_down": (EMBEDDING, FEED_FORWARD),
}
LAYER_WEIGHTS = sum(rows * columns for rows, columns in MATRICES.values())
"""51 million, all multiplied with every token."""


def write_wide_model(path: Path, *, blocks: int, tensor_type: GGMLQuantizationType) -> Path:
    """All matrices of the layers are of this type; embedding and output are small."""
    random = np.random.default_rng(1)
    writer = GGUFWriter(None, "llama")
    writer.add_name(f"Wide {tensor_type.name}")
    writer.add_block_count(blocks)
    writer.add_context_length(2048)
    writer.add_embedding_length(EMBEDDING)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(VOCABULARY)
    add_tokenizer(writer, VOCABULARY)

    def matrix(rows: int, columns: int) -> np.ndarray:
        few = random.normal(0, columns**-0.5, (_DISTINCT_ROWS, columns)).astype(np.float32)
        return np.tile(quantize(few, tensor_type), (rows // _DISTINCT_ROWS, 1))

    table = random.normal(0, 1, (VOCABULARY, EMBEDDING)).astype(np.float16)
    writer.add_tensor("token_embd.weight", table)
    writer.add_tensor("output_norm.weight", np.ones(EMBEDDING, np.float32))
    writer.add_tensor("output.weight", table)
    made = {size: matrix(*size) for size in set(MATRICES.values())}
    for block in range(blocks):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{block}.{norm}.weight", np.ones(EMBEDDING, np.float32))
        for name, size in MATRICES.items():
            writer.add_tensor(f"blk.{block}.{name}.weight", made[size], raw_dtype=tensor_type)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
