"""The job "quantize": one GGUF file into another type, by llama.cpp's own quantizer."""

import re
import time
from typing import Any

from llama_cpp import llama_cpp as api

from profiler.engine.llama_log import LlamaLog
from profiler.engine.model import RefusedError
from profiler.engine.outbox import Outbox
from profiler.records.message import MessageKind

_TENSOR_LINE = re.compile(r"^\[\s*(\d+)/\s*(\d+)\]")
_FALLBACK_LINE = re.compile(r"(\d+) of (\d+) tensor\(s\) required fallback quantization")


def file_type_number(name: str) -> int:
    """llama.cpp's number of a file type by its name ("Q4_K_M"); raises RefusedError for an unknown one."""
    for prefix in ("LLAMA_FTYPE_MOSTLY_", "LLAMA_FTYPE_ALL_"):
        number = getattr(api, prefix + name.upper(), None)
        if isinstance(number, int):
            return number
    known = sorted(n.removeprefix("LLAMA_FTYPE_MOSTLY_") for n in dir(api) if n.startswith("LLAMA_FTYPE_MOSTLY_"))
    raise RefusedError(f"llama.cpp makes no type '{name}'; it knows {', '.join(known)}.")


def quantize(outbox: Outbox, log: LlamaLog, source: str, target: str, type_name: str, threads: int) -> dict[str, Any]:
    """Write `target`; progress is told tensor by tensor. Returns the seconds and the number of tensors that fell back.

    Cancelling means killing the child: the caller gives a temporary name as target.
    """
    parameters = api.llama_model_quantize_default_params()
    parameters.ftype = file_type_number(type_name)
    parameters.allow_requantize = True
    parameters.nthread = threads
    fallbacks = 0

    def read_line(line: str) -> None:
        nonlocal fallbacks
        tensor = _TENSOR_LINE.match(line)
        if tensor:
            share = int(tensor.group(1)) / max(1, int(tensor.group(2)))
            outbox.send(MessageKind.PROGRESS, {"phase": f"making {type_name}", "share": share})
        fallback = _FALLBACK_LINE.search(line)
        if fallback:
            fallbacks = int(fallback.group(1))

    outbox.enter_phase(f"making {type_name}")
    log.on_line = read_line
    begin = time.perf_counter()
    try:
        code = api.llama_model_quantize(source.encode(), target.encode(), parameters)
    finally:
        log.on_line = None
    if code != 0:
        raise RefusedError(f"llama.cpp could not make {type_name} from {source}.")
    return {"seconds": time.perf_counter() - begin, "fallback_tensors": fallbacks}
