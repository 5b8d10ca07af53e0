"""One flag that stops a decode call from inside llama.cpp, without running any Python there.

llama.cpp asks its abort callback after every graph node, on a compute thread: a Python function would need the interpreter's
lock hundreds of times a step. So the callback is the C library's `strlen`, and its data a two-byte buffer: the length of an
empty string is 0 (go on), of a one-character string 1 (abort). The CPU backend obeys; with others cancelling falls between calls.
"""

import ctypes
import sys

from llama_cpp import llama_cpp as api


class Cancellation:
    """A flag for Python and for llama.cpp."""

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(2)
        library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
        self._callback = ctypes.cast(library.strlen, api.ggml_abort_callback)

    def request(self) -> None:
        """Ask the running job to stop; from any thread."""
        self._text[0] = b"x"

    def clear(self) -> None:
        """Before a new job."""
        self._text[0] = b"\0"

    @property
    def is_requested(self) -> bool:
        """Whether the job shall stop."""
        return self._text.raw[0] != 0

    def install(self, parameters: "api.llama_context_params") -> None:
        """Make contexts of these parameters obey the flag."""
        parameters.abort_callback = self._callback
        parameters.abort_callback_data = ctypes.cast(self._text, ctypes.c_void_p)
