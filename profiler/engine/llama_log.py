"""llama.cpp's log: passed on to standard error (the parent keeps the last lines, also of a crash) and read for buffer sizes."""

import ctypes
import os
import re
from collections import deque
from collections.abc import Callable

from llama_cpp import llama_cpp as api

from profiler.records.outcome import TOLD_LOG_LINES

_BUFFER = re.compile(r"^\S+:\s+(\S.*?(?:model|KV|RS|compute|output) buffer size) =\s*([0-9.]+) MiB")

_ALLOCATED_ONCE = ("compute buffer size", "output buffer size")  # told again when they grow: the last line holds

_DEBUG = 1  # ggml's level of lines that only its developers read, thousands of them


class LlamaLog:
    """Catches the log of the whole process. Keep the object: llama.cpp calls into it.

    Attributes:
        buffers: bytes by the name of a buffer ("CPU KV buffer size"), as far as the log named it since the last clearing. Those
            of one name are added up: a model in several files has one for each, one with sliding windows has two KV caches.
        tail: the last lines, for a refusal: on standard error they might reach the parent after it.
        on_line: hears every line.
    """

    def __init__(self) -> None:
        self.buffers: dict[str, int] = {}
        self.tail: deque[str] = deque(maxlen=TOLD_LOG_LINES)
        self.on_line: Callable[[str], None] | None = None
        self._partial = ""
        self._callback = api.llama_log_callback(self._receive)
        api.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _receive(self, level: int, text: bytes, _data: object) -> None:
        if level == _DEBUG:
            return
        self._partial += text.decode("utf-8", "replace")
        while "\n" in self._partial:
            line, self._partial = self._partial.split("\n", 1)
            self._take(line)

    def _take(self, line: str) -> None:
        os.write(2, line.encode("utf-8", "replace")[:2000] + b"\n")
        if line.strip(" ."):
            self.tail.append(line.strip()[:500])
        match = _BUFFER.match(line)
        if match:
            name, size = match.group(1), round(float(match.group(2)) * (1 << 20))
            self.buffers[name] = size + (0 if name.endswith(_ALLOCATED_ONCE) else self.buffers.get(name, 0))
        if self.on_line is not None:
            self.on_line(line)
