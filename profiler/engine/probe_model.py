"""A model file for measuring how fast this machine's kernels are: real shapes, one type throughout, random weights, no words.

A few rows are quantized and repeated, so that a file of 100 million weights is there in a tenth of a second. Its vocabulary is so
small that embedding and output matrix do not count.
"""

import ctypes
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from numpy.typing import NDArray

from profiler.engine.ggml_library import TypeLayout, function, type_layout
from profiler.engine.model import RefusedError

_DISTINCT_ROWS = 64
_VOCABULARY = 256
_PLAIN = {"f32": np.float32, "f16": np.float16}


@dataclass(frozen=True, slots=True)
class ProbeShape:
    """Sizes of a probe's model; every row divides into blocks of 256.

    Attributes:
        name: "wide" and "narrow" layers show how fast the weights of large and of small matrices are read and multiplied, many
            "thin" ones what a layer costs beside that, and "heads" what looking back at held tokens costs.
    """

    name: str
    layers: int
    embedding: int
    feed_forward: int
    heads: int

    @property
    def weights(self) -> int:
        """In all matrices of the layers."""
        return self.layers * sum(rows * columns for rows, columns in self.matrices().values())

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of a layer's matrices by name."""
        square, wide, narrow = (
            (self.embedding, self.embedding),
            (self.feed_forward, self.embedding),
            (self.embedding, self.feed_forward),
        )
        names = {"attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square}
        return names | {"ffn_gate": wide, "ffn_up": wide, "ffn_down": narrow}

    def file_bytes(self, layout: TypeLayout) -> int:
        """What a step reads of the layers' matrices."""
        return self.weights // layout.block_elements * layout.block_bytes

    def filling(self, layout: TypeLayout, least_bytes: int) -> "ProbeShape":
        """The same layers, so many that a step reads at least these bytes."""
        return replace(self, layers=max(1, -(-least_bytes * self.layers // self.file_bytes(layout))))


WIDE = ProbeShape("wide", layers=2, embedding=2048, feed_forward=5632, heads=16)
NARROW = ProbeShape("narrow", layers=1, embedding=512, feed_forward=1536, heads=8)
THIN = ProbeShape("thin", layers=32, embedding=256, feed_forward=256, heads=4)
SMALL_HEADS = ProbeShape("heads", layers=16, embedding=256, feed_forward=256, heads=4)
LARGE_HEADS = ProbeShape("heads", layers=16, embedding=256, feed_forward=256, heads=2)


def write_probe_model(path: Path, shape: ProbeShape, type_name: str) -> None:
    """Write it; raises RefusedError for a type that ggml does not know or cannot make from floats."""
    layout = type_layout(type_name)
    if layout is None or shape.embedding % layout.block_elements:
        raise RefusedError(f"llama.cpp knows no tensor type '{type_name}' that can be measured.")
    writer = GGUFWriter(str(path), "llama")
    writer.add_name(f"{shape.name} probe")
    writer.add_block_count(shape.layers)
    writer.add_context_length(2048)
    writer.add_embedding_length(shape.embedding)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.embedding // shape.heads)
    writer.add_vocab_size(_VOCABULARY)
    writer.add_tokenizer_model("none")
    random = np.random.default_rng(1)
    embedding = random.normal(0, 1, (_VOCABULARY, shape.embedding)).astype(np.float16)
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(shape.embedding, np.float32))
    writer.add_tensor("output.weight", embedding)
    matrices = {
        (rows, columns): _matrix(random, rows, columns, type_name, layout) for rows, columns in set(shape.matrices().values())
    }
    for layer in range(shape.layers):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(shape.embedding, np.float32))
        for name, size in shape.matrices().items():
            plain = type_name in _PLAIN
            raw_type = None if plain else GGMLQuantizationType(layout.number)
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrices[size], raw_dtype=raw_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _matrix(random: np.random.Generator, rows: int, columns: int, type_name: str, layout: TypeLayout) -> NDArray[np.generic]:
    """A matrix as its type lies in a file: an array of its numbers, or of its bytes by row."""
    few = random.normal(0, columns**-0.5, (_DISTINCT_ROWS, columns)).astype(np.float32)
    if type_name in _PLAIN:
        packed: NDArray[np.generic] = few.astype(_PLAIN[type_name])
    else:
        packed = _quantized(few, layout)
    return np.tile(packed, (-(-rows // _DISTINCT_ROWS), 1))[:rows]


def _quantized(values: NDArray[np.float32], layout: TypeLayout) -> NDArray[np.uint8]:
    rows, columns = values.shape
    row_bytes = columns // layout.block_elements * layout.block_bytes
    made = np.zeros((rows, row_bytes), np.uint8)
    importance = np.ones(columns, np.float32)  # some types ask for one
    floats = ctypes.POINTER(ctypes.c_float)
    quantize = function(
        "ggml_quantize_chunk", ctypes.c_size_t, ctypes.c_int, floats, ctypes.c_void_p, *[ctypes.c_int64] * 3, floats
    )
    written = quantize(
        layout.number,
        values.ctypes.data_as(floats),
        made.ctypes.data,
        0,
        rows,
        columns,
        importance.ctypes.data_as(floats),
    )
    if written != made.nbytes:
        raise RefusedError("llama.cpp could not make the weights of a probe.")
    return made
