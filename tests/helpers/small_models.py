"""Tiny GGUF files for tests of what lists and describes models."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter


def write_small_model(path: Path, *, name: str = "Tiny", context: int = 2048, embedding: int = 64) -> Path:
    """A Llama-like model of two layers in F16, all zeros: 0.15 MB."""
    writer = GGUFWriter(None, "llama")
    writer.add_name(name)
    writer.add_file_type(1)
    for key, value in {
        "llama.block_count": 2,
        "llama.context_length": context,
        "llama.embedding_length": embedding,
        "llama.feed_forward_length": 128,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
    }.items():
        writer.add_uint32(key, value)
    shapes = {"token_embd.weight": (96, embedding), "output_norm.weight": (embedding,)}
    for block in range(2):
        shapes |= {
            f"blk.{block}.attn_q.weight": (embedding, embedding),
            f"blk.{block}.attn_k.weight": (embedding // 2, embedding),
            f"blk.{block}.attn_v.weight": (embedding // 2, embedding),
            f"blk.{block}.attn_output.weight": (embedding, embedding),
            f"blk.{block}.ffn_gate.weight": (128, embedding),
            f"blk.{block}.ffn_up.weight": (128, embedding),
            f"blk.{block}.ffn_down.weight": (embedding, 128),
        }
    for tensor, shape in shapes.items():
        writer.add_tensor(tensor, np.zeros(shape, np.float16))
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
