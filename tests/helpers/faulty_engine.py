"""The real engine with one fault put into it: `faulty_engine(fault)` is the command that starts it.

The fault comes at the third step that a run records, where `INFEROMETER_FAULTY_SLOTS` is unset or names the run's slots.
"""

import ctypes
import os
import signal
import struct
import sys
import time
from pathlib import Path

AT_STEP = 3


def faulty_engine(fault: str) -> list[str]:
    """Args: `fault` is a name of `FAULTS`, or "slow load"."""
    return [sys.executable, str(Path(__file__)), fault]


def _abort() -> None:
    """As llama.cpp does it where it cannot go on (GGML_ABORT)."""
    library = ctypes.CDLL(str(Path(sys.modules["llama_cpp"].__file__).parent / "lib/libggml-base.so"))
    library.ggml_abort(b"ggml.c", 1234, b"%s", b"the tensor is upside down")


def _rubbish(data: bytes) -> None:
    """Written where messages go: whole, after what was queued before."""
    from profiler.engine import outbox

    outbox.THE_ONE._frames.put(data)
    time.sleep(30)


def _unknown() -> None:
    raise TypeError("the step has no wings")


def _no_memory() -> None:
    raise MemoryError


def _frame(length: int, kind: int, version: int = 1) -> bytes:
    return struct.pack("<IBB", length, kind, version)


FAULTS = {
    "abort": _abort,
    "SIGABRT": lambda: ctypes.CDLL(None).abort(),
    "SIGSEGV": lambda: ctypes.string_at(8),
    "SIGBUS": lambda: os.kill(os.getpid(), signal.SIGBUS),
    "SIGILL": lambda: os.kill(os.getpid(), signal.SIGILL),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(5),
    "hang": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "exception": _unknown,
    "no memory": _no_memory,
    "bad version": lambda: _rubbish(_frame(3, 20, 77) + b"abc"),
    "bad kind": lambda: _rubbish(_frame(3, 99) + b"abc"),
    "huge frame": lambda: _rubbish(_frame(2**31, 20)),
    "bad rows": lambda: _rubbish(_frame(3, 20) + b"abc"),
    "bad counts": lambda: _rubbish(_frame(12, 20) + b"\xff" * 12),
    "bad document": lambda: _rubbish(_frame(4, 21) + b"}{!!"),
    "empty start": lambda: _rubbish(_frame(2, 19) + b"{}"),
    "empty failure": lambda: _rubbish(_frame(2, 22) + b"{}"),
    "plain text": lambda: _rubbish(b"ggml_cuda_init: found 1 device\n" * 9),
    "truncated": lambda: (os.write(_message_descriptor(), _frame(5000, 20) + b"abc"), os._exit(0)),
}


def _message_descriptor() -> int:
    from profiler.engine import outbox

    return outbox.THE_ONE._output.fileno()


def _put_in(fault: str) -> None:
    from profiler.engine import outbox, recorder

    make = outbox.Outbox.__init__

    def remembered(self, output):
        outbox.THE_ONE = self
        make(self, output)

    outbox.Outbox.__init__ = remembered
    step = recorder.Recorder.step

    def faulty_step(self, row):
        step(self, row)
        if self._outbox is not None and self.steps == AT_STEP and _is_meant():
            FAULTS[fault]()

    recorder.Recorder.step = faulty_step


def _is_meant() -> bool:
    from profiler.engine import run_job

    wanted = os.environ.get("INFEROMETER_FAULTY_SLOTS")
    return wanted is None or int(wanted) == run_job.SLOTS


def _note_slots() -> None:
    from profiler.engine import run_job

    carry_out = run_job.Host.run

    def noted(self, specification):
        run_job.SLOTS = specification.context.slots
        return carry_out(self, specification)

    run_job.Host.run = noted


def _slow_load() -> None:
    """A load that sits in C code for seconds, as from a slow disk."""
    from profiler.engine import run_job

    load = run_job.Model

    def slow(*arguments):
        ctypes.CDLL(None).sleep(2)
        return load(*arguments)

    run_job.Model = slow


def main() -> None:
    fault = sys.argv[1]
    if fault == "slow load":
        _slow_load()
    else:
        _put_in(fault)
        _note_slots()
    from profiler.engine.__main__ import main as serve

    serve()


if __name__ == "__main__":
    main()
