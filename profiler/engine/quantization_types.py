"""The file types that this llama.cpp makes: asked of the library itself, by dry runs over a tiny model."""

import math
import os
import re
import struct
import tempfile
from functools import cache
from typing import Any

from llama_cpp import llama_cpp as api

from profiler.engine.dry_run import dry_run
from profiler.engine.ggml_library import type_layout
from profiler.engine.model import RefusedError

_NAME = re.compile(r"^LLAMA_FTYPE_(?:MOSTLY|ALL)_(\w+)$")

_ROW = 256  # every block size divides it, so that nothing falls back
_EXPERTS = "blk.0.ffn_up_exps.weight"
"""This tensor always gets the file type's main type, also where that is meant for experts alone (MXFP4_MOE)."""
_TENSORS = {
    "token_embd.weight": (_ROW, 2),
    "output.weight": (_ROW, 2),
    **{f"blk.0.{name}.weight": (_ROW, 2) for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_down")},
    _EXPERTS: (_ROW, 2, 2),
}
_COUNTS = {
    "context_length": 256,
    "embedding_length": _ROW,
    "block_count": 1,
    "feed_forward_length": _ROW,
    "attention.head_count": 4,
}
_TEXT, _U32, _F32_VALUE, _F16_TENSOR = 8, 4, 6, 1  # GGUF's numbers of kinds of values and tensors


def file_type_numbers() -> dict[str, int]:
    """llama.cpp's file types by name ("Q4_K_M"), those included that it can read but not make."""
    return {match[1]: int(getattr(api, name)) for name in dir(api) if (match := _NAME.match(name))}


def file_type_number(name: str) -> int:
    """llama.cpp's number of a file type by its name, in either case; raises RefusedError for one that it does not make."""
    made = {entry["name"]: int(entry["file_type"]) for entry in makeable_types()}
    number = made.get(name.upper())
    if number is None:
        raise RefusedError(f"llama.cpp makes no type '{name}'; it makes {', '.join(made)}.")
    return number


@cache
def makeable_types() -> tuple[dict[str, Any], ...]:
    """What can be made, the most bits first; `models.quantization.QuantizationType` is made from each.

    `bits_per_weight` is that of the main type's blocks, None where a dry run did not tell it; a real file mixes several types.
    `needs_imatrix` is llama.cpp's refusal for rows that divide into all blocks: a model whose rows fall back may do without.
    """
    handle, path = tempfile.mkstemp(suffix=".gguf")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_tiny_model())
        found = [entry for name, number in file_type_numbers().items() if (entry := _entry(path, name, number))]
    finally:
        os.unlink(path)
    return tuple(sorted(found, key=lambda entry: (-(entry["bits_per_weight"] or 0.0), entry["name"])))


def _entry(path: str, name: str, number: int) -> dict[str, Any] | None:
    parameters = api.llama_model_quantize_default_params()
    parameters.ftype = number
    told = dry_run(path, parameters)
    if told.failure:
        return None
    main = told.types.get(_EXPERTS)
    layout = type_layout(main) if main else None
    return {
        "name": name,
        "file_type": number,
        "main_type": main.upper() if main else None,
        "bits_per_weight": layout.block_bytes * 8 / layout.block_elements if layout else None,
        "needs_imatrix": told.needs_imatrix,
    }


def _tiny_model() -> bytes:
    """A GGUF file of one Llama-like block with two experts, all zeros in F16."""
    pairs = [_text("general.architecture") + struct.pack("<I", _TEXT) + _text("llama")]
    pairs += [_text(f"llama.{key}") + struct.pack("<II", _U32, value) for key, value in _COUNTS.items()]
    pairs.append(_text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", _F32_VALUE, 1e-5))
    tensors, data_bytes = b"", 0
    for name, shape in _TENSORS.items():
        tensors += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, _F16_TENSOR, data_bytes)
        data_bytes += 2 * math.prod(shape)  # a multiple of GGUF's alignment already
    header = b"GGUF" + struct.pack("<IQQ", 3, len(_TENSORS), len(pairs)) + b"".join(pairs) + tensors
    return header + bytes(-len(header) % 32) + bytes(data_bytes)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
