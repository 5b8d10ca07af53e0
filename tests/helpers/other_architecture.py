"""A llama-like file as one of another architecture that llama.cpp loads: for sweeps over models that differ in more than size."""

from pathlib import Path

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter


def as_qwen2(source: Path, target: Path, name: str) -> Path:
    """The same weights and tokenizer as qwen2, which adds biases to the attention's inputs (zeros here)."""
    reader = GGUFReader(source)
    writer = GGUFWriter(None, "qwen2")
    for field in reader.fields.values():
        key = field.name.replace("llama.", "qwen2.", 1)
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.name"):
            continue
        kind = field.types[0]
        if kind is GGUFValueType.ARRAY:
            writer.add_array(key, field.contents())
        else:
            writer.add_key_value(key, field.contents(), kind)
    writer.add_name(name)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        stem = tensor.name.removesuffix(".weight")
        if stem.endswith(("attn_q", "attn_k", "attn_v")):
            writer.add_tensor(f"{stem}.bias", np.zeros(int(tensor.shape[1]), np.float32))
    writer.write_header_to_file(target)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
