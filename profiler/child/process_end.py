"""What the system can tell of a process that has ended: its status, the most memory it held, and who may have killed it."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

_POLL_S = 0.005
_OOM_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def reap(process: "subprocess.Popen[bytes]", timeout_s: float) -> int | None:
    """Wait for the process's end, which sets its `returncode`.

    Args:
        process: it.
        timeout_s: seconds to wait at the most.

    Returns:
        The most resident bytes that it ever held, pages of mapped files included (getrusage(2): ru_maxrss). None when it has not
        ended, when somebody else has waited for it, and on Windows, which does not tell.
    """
    if sys.platform == "win32":
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
        return None
    deadline_s = time.monotonic() + timeout_s
    while process.returncode is None:
        try:
            process_id, status, usage = os.wait4(process.pid, os.WNOHANG)
        except ChildProcessError:
            process.poll()
            return None
        if process_id:
            process.returncode = os.waitstatus_to_exitcode(status)
            return int(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
        if time.monotonic() > deadline_s:
            return None
        time.sleep(_POLL_S)
    return None


def oom_kills(root: Path = Path("/")) -> int | None:
    """Processes that Linux has killed for want of memory since it started, those at a control group's limit included.

    None where the kernel does not count them (before 4.13) and on other systems.
    """
    try:
        counters = (root / "proc/vmstat").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    match = _OOM_KILLS.search(counters)
    return None if match is None else int(match[1])
