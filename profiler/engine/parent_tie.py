"""Ends this process with its parent, beside the pipe whose end the server's reader notices."""

import ctypes
import signal
import sys

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def tie_to_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends; on Linux, elsewhere nothing is done.

    It also ends a process that is stopped or deep in a call. A parent that ended before this call is told by the pipe alone.
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    except (OSError, AttributeError):
        return  # no such call in this C library: the pipe remains
