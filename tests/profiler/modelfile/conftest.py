"""Small GGUF files, written by the gguf package: the other side of the format that profiler.modelfile reads."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

WriteGguf = Callable[..., Path]
Tensors = Mapping[str, tuple[Sequence[int], str]]


def write_file(
    path: Path,
    keys: Mapping[str, Any] | None = None,
    tensors: Tensors | None = None,
    architecture: str = "llama",
    writer: GGUFWriter | None = None,
) -> Path:
    """A GGUF file at `path`; `tensors` are name → (shape in ggml's order, type name), all zeros."""
    writer = writer or GGUFWriter(None, architecture)
    for key, value in (keys or {}).items():
        match value:
            case bool():
                writer.add_bool(key, value)
            case int():
                writer.add_uint32(key, value)
            case float():
                writer.add_float32(key, value)
            case str():
                writer.add_string(key, value)
            case _:
                writer.add_array(key, value)
    for name, (shape, type_name) in (tensors or {}).items():
        kind = GGMLQuantizationType[type_name]
        elements, size = GGML_QUANT_SIZES[kind]
        rows = list(reversed(shape))
        rows[-1] = rows[-1] // elements * size
        writer.add_tensor(name, np.zeros(rows, np.uint8), raw_dtype=kind)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def dense_tensors(
    *,
    blocks: int = 2,
    embedding: int = 64,
    kv: int = 32,
    feed_forward: int = 128,
    vocabulary: int = 96,
    matrices: str = "Q8_0",
    table: str = "F16",
    output: str | None = None,
) -> dict[str, tuple[Sequence[int], str]]:
    """The tensors of a Llama-like model; `output` None ties the embeddings."""
    tensors: dict[str, tuple[Sequence[int], str]] = {
        "token_embd.weight": ((embedding, vocabulary), table),
        "output_norm.weight": ((embedding,), "F32"),
    }
    if output:
        tensors["output.weight"] = ((embedding, vocabulary), output)
    for block in range(blocks):
        tensors |= {
            f"blk.{block}.attn_norm.weight": ((embedding,), "F32"),
            f"blk.{block}.attn_q.weight": ((embedding, embedding), matrices),
            f"blk.{block}.attn_k.weight": ((embedding, kv), matrices),
            f"blk.{block}.attn_v.weight": ((embedding, kv), matrices),
            f"blk.{block}.attn_output.weight": ((embedding, embedding), matrices),
            f"blk.{block}.ffn_norm.weight": ((embedding,), "F32"),
            f"blk.{block}.ffn_gate.weight": ((embedding, feed_forward), matrices),
            f"blk.{block}.ffn_up.weight": ((embedding, feed_forward), matrices),
            f"blk.{block}.ffn_down.weight": ((feed_forward, embedding), matrices),
        }
    return tensors


def dense_keys(architecture: str = "llama", **changes: Any) -> dict[str, Any]:
    """The keys that go with `dense_tensors`; underscores in the names of `changes` before a dot's place are written as given."""
    keys: dict[str, Any] = {
        "general.name": "Tiny",
        "general.file_type": 7,
        f"{architecture}.block_count": 2,
        f"{architecture}.context_length": 512,
        f"{architecture}.embedding_length": 64,
        f"{architecture}.feed_forward_length": 128,
        f"{architecture}.attention.head_count": 4,
        f"{architecture}.attention.head_count_kv": 2,
    }
    return keys | {f"{architecture}.{key}": value for key, value in changes.items()}


@pytest.fixture
def write_gguf(tmp_path: Path) -> WriteGguf:
    """Writes a file into the test's own folder: write_gguf(keys, tensors, architecture=…, name=…) → its path."""

    def write(
        keys: Mapping[str, Any] | None = None,
        tensors: Tensors | None = None,
        architecture: str = "llama",
        name: str = "model.gguf",
    ) -> Path:
        return write_file(tmp_path / name, keys, tensors, architecture)

    return write


@pytest.fixture
def write_dense(write_gguf: WriteGguf) -> Callable[..., Path]:
    """Writes a Llama-like model: write_dense(tensors={…}, **keys) with the keys' dots as double underscores."""

    def write(architecture: str = "llama", tensors: Tensors | None = None, **changes: Any) -> Path:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        return write_gguf(dense_keys(architecture, **dotted), dense_tensors() if tensors is None else tensors, architecture)

    return write
