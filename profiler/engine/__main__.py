"""The engine child's entry: `python -m profiler.engine`, or the frozen application with `--engine`."""

import os
import signal
import sys
import traceback

from profiler.engine.library_problem import import_library
from profiler.engine.parent_tie import tie_to_parent

_START_FAILED_STATUS = 3
_FAULT_STATUS = 70  # EX_SOFTWARE of sysexits.h


def main() -> int:
    """Serve jobs from standard input until it ends; does not return: nothing here is worth a long farewell.

    The process ends without the interpreter's own shutdown, which the threads that read and write would disturb.
    """
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would otherwise spend seconds in a debugger
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent decides what it means
    tie_to_parent()
    # Messages get the original standard output for themselves; whatever a library prints goes to standard error.
    message_descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    output = os.fdopen(message_descriptor, "wb", buffering=0)
    status = _FAULT_STATUS
    try:
        problem = import_library()
        if problem:
            from profiler.records.message import MessageKind, json_message

            output.write(json_message(MessageKind.FAILED, {"kind": "start failed", "sentence": problem, "log": []}))
            status = _START_FAILED_STATUS
        else:
            from profiler.engine.server import Server

            Server(os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0), output).serve()
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
