"""llama.cpp's quantizer without writing anything: which type each tensor would get, heard from its log."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_void_p
from dataclasses import dataclass

from llama_cpp import llama_cpp as api

_TENSOR_LINE = re.compile(r"^\[\s*\d+/\s*\d+\] (.+?)\s+- \[[\d, ]*\], type =\s*(\S+), size =[^(]*(?:\((\S+)\))?$")
_FALLBACK_LINE = re.compile(r"(\d+) of \d+ tensor\(s\) required fallback quantization")
_FAILURE_LINE = re.compile(r"failed to quantize: (.*)$")
_NEEDS_IMATRIX = "will require an imatrix"


@dataclass(frozen=True, slots=True)
class DryRun:
    """What llama.cpp would make.

    Attributes:
        types: ggml's name of the type ("q8_0") by tensor.
        fallback_tensors: those that would get another type, since their rows do not divide into its blocks.
        needs_imatrix: it refuses to make this one without an importance matrix.
        failure: why it makes nothing, in its own words; empty when it does.
    """

    types: dict[str, str]
    fallback_tensors: int
    needs_imatrix: bool
    failure: str


def dry_run(source: str, parameters: api.llama_model_quantize_params) -> DryRun:
    """Go through a quantization; only the headers of `source` are read, in hundredths of a second.

    Args:
        source: a GGUF file; of a split model its first part.
        parameters: as for the real work; `dry_run` is set here.
    """
    parameters.dry_run = True
    with _own_log() as texts:
        code = api.llama_model_quantize(os.fsencode(source), b"", parameters)
    types: dict[str, str] = {}
    fallback_tensors, needs_imatrix, failure = 0, False, ""
    for line in "".join(texts).splitlines():
        if tensor := _TENSOR_LINE.match(line):
            types[tensor[1]] = tensor[3] or tensor[2]
        elif fallback := _FALLBACK_LINE.search(line):
            fallback_tensors = int(fallback[1])
        elif refused := _FAILURE_LINE.search(line):
            failure = refused[1].strip()
        needs_imatrix = needs_imatrix or _NEEDS_IMATRIX in line
    return DryRun(types, fallback_tensors, needs_imatrix, (failure or "no reason given") if code else "")


@contextmanager
def _own_log() -> Iterator[list[str]]:
    """llama.cpp's log by itself: a hundred dry runs would drown what the parent keeps of it for a crash."""
    texts: list[str] = []

    def receive(_level: int, text: bytes, _data: object) -> None:
        texts.append(text.decode("utf-8", "replace"))

    before, data = api.llama_log_callback(), c_void_p()
    api.llama_log_get(byref(before), byref(data))
    mine = api.llama_log_callback(receive)
    api.llama_log_set(mine, c_void_p(0))
    try:
        yield texts
    finally:
        api.llama_log_set(before, data)
