"""The engine child's entry: `python -m profiler.engine`, or the frozen application with `--engine`."""

import os
import signal
import sys


def main() -> int:
    """Serve jobs from standard input until it ends; the exit status is always 0 unless the process is broken."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would otherwise spend seconds in a debugger
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent decides what it means
    # Messages get the original standard output for themselves; whatever a library prints goes to standard error.
    message_descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from profiler.engine.server import Server

    with os.fdopen(message_descriptor, "wb", buffering=0) as output:
        return Server(sys.stdin.buffer, output).serve()


if __name__ == "__main__":
    sys.exit(main())
