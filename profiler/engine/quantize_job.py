"""The job "quantize": one GGUF file into another type by llama.cpp's own quantizer, or what that would give."""

import ctypes
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as api

from profiler.engine.dry_run import dry_run
from profiler.engine.gguf_output import output_size
from profiler.engine.llama_log import LlamaLog
from profiler.engine.model import RefusedError
from profiler.engine.outbox import Outbox
from profiler.engine.quantization_types import file_type_number, makeable_types
from profiler.records.message import MessageKind

_TENSOR_LINE = re.compile(r"^\[\s*(\d+)/\s*(\d+)\]")
_FALLBACK_LINE = re.compile(r"(\d+) of (\d+) tensor\(s\) required fallback quantization")
_FAILURE_LINE = re.compile(r"failed to quantize: (.*\S)")


class _Order:
    """llama.cpp's parameters with all that they point to.

    Attributes:
        parameters: for one call; `ftype` is to be set.
        keys: what the file will record of the importance matrix.
    """

    def __init__(self, threads: int, imatrix: Mapping[str, Any] | None) -> None:
        self.parameters = api.llama_model_quantize_default_params()
        self.parameters.allow_requantize = True
        self.parameters.nthread = threads
        self.keys: dict[str, str | int] = dict(imatrix["keys"]) if imatrix is not None else {}
        if imatrix is not None:
            path = imatrix["path"]
            # A dry run looks at whether there is one, and never into it.
            self._values = np.ones(1, "<f4") if path is None else np.fromfile(path, "<f4")
            self._entries = self._point_at([("none", 1)] if path is None else imatrix["entries"])
            self._overrides = self._record()
            self.parameters.imatrix = self._entries
            self.parameters.kv_overrides = self._overrides

    def _point_at(self, entries: Sequence[tuple[str, int]]) -> "ctypes.Array[api.llama_model_imatrix_data]":
        """An entry for each (tensor, number of values), the values one after another; one without a name ends them."""
        if sum(count for _, count in entries) != len(self._values):
            raise RefusedError("The importance matrix does not hold what it says.")
        array = (api.llama_model_imatrix_data * (len(entries) + 1))()
        begin = 0
        for entry, (name, count) in zip(array, entries, strict=False):
            values = self._values[begin : begin + count]
            entry.name, entry.size = name.encode(), count
            entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            begin += count
        return array

    def _record(self) -> "ctypes.Array[api.llama_model_kv_override]":
        array = (api.llama_model_kv_override * (len(self.keys) + 1))()
        for override, (key, value) in zip(array, self.keys.items(), strict=False):
            override.key = key.encode()
            if isinstance(value, str):
                override.tag = api.LLAMA_KV_OVERRIDE_TYPE_STR
                override.value.val_str = os.fsencode(value)
            else:
                override.tag = api.LLAMA_KV_OVERRIDE_TYPE_INT
                override.value.val_i64 = value
        return array


def quantize(
    outbox: Outbox,
    log: LlamaLog,
    sources: Sequence[str],
    type_names: Sequence[str] | None,
    target: str | None,
    threads: int,
    imatrix: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write `target` as the one type, or predict what each type would take when there is no target.

    Cancelling means killing the child: the caller gives a temporary name as target.

    Args:
        outbox: told tensor by tensor, or type by type.
        log: llama.cpp's.
        sources: the parts of the model, in order.
        type_names: names of file types; None (for a prediction) are all that can be made.
        target: the file to write.
        threads: of the quantizer.
        imatrix: "path" of a file with float32 values (None for a prediction), "entries" (tensor, number of values) in their
            order, "keys" to record.

    Returns:
        Of a prediction "predictions" (`models.quantization.Prediction`), else the "seconds" and the "fallback_tensors".
    """
    order = _Order(threads, imatrix)
    if target is None:
        names = [str(entry["name"]) for entry in makeable_types()] if type_names is None else type_names
        return {"predictions": _predictions(outbox, order, sources, names)}
    (type_name,) = type_names or ()
    return _make(outbox, log, order, sources[0], target, type_name)


def _predictions(outbox: Outbox, order: _Order, sources: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    outbox.enter_phase("predicting sizes")
    found = []
    for number, name in enumerate(names):
        outbox.send(MessageKind.PROGRESS, {"phase": "predicting sizes", "share": number / len(names)})
        order.parameters.ftype = file_type_number(name)
        told = dry_run(sources[0], order.parameters)
        size = None if told.failure else output_size(sources, told.types, order.keys)
        found.append(
            {
                "type": name.upper(),
                "file_bytes": size.file_bytes if size else None,
                "bits_per_weight": size.tensor_bytes * 8 / size.elements if size else None,
                "fallback_tensors": told.fallback_tensors if size else None,
                "needs_imatrix": told.needs_imatrix,
                "refusal": told.failure,
            }
        )
    return found


def _make(outbox: Outbox, log: LlamaLog, order: _Order, source: str, target: str, type_name: str) -> dict[str, Any]:
    order.parameters.ftype = file_type_number(type_name)
    fallbacks = 0
    failure = ""

    def read_line(line: str) -> None:
        nonlocal fallbacks, failure
        if tensor := _TENSOR_LINE.match(line):
            share = int(tensor[1]) / max(1, int(tensor[2]))
            outbox.send(MessageKind.PROGRESS, {"phase": f"making {type_name}", "share": share})
        elif fallback := _FALLBACK_LINE.search(line):
            fallbacks = int(fallback[1])
        elif refused := _FAILURE_LINE.search(line):
            failure = f": {refused[1]}"

    outbox.enter_phase(f"making {type_name}")
    log.on_line = read_line
    begin = time.perf_counter()
    try:
        code = api.llama_model_quantize(os.fsencode(source), os.fsencode(target), order.parameters)
    finally:
        log.on_line = None
    if code != 0:
        raise RefusedError(f"llama.cpp could not make {type_name} from {source}{failure}.")
    return {"seconds": time.perf_counter() - begin, "fallback_tensors": fallbacks}
