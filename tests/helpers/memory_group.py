"""A control group with a memory limit for processes of a test; the test is skipped where none can be made."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


class MemoryGroup:
    """One group, of either version of control groups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, process_id: int) -> None:
        """Put a process into it; what it takes from now on counts."""
        (self.folder / "cgroup.procs").write_text(str(process_id))


@contextlib.contextmanager
def memory_group(limit_bytes: int) -> Iterator[MemoryGroup]:
    """Make it, and remove it when its processes have ended."""
    for top, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        folder = Path("/sys/fs/cgroup") / top / f"inferometer_test_{os.getpid()}"
        try:
            folder.mkdir()
            (folder / limit).write_text(str(limit_bytes))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        with contextlib.suppress(OSError):
            (folder / "memory.swap.max").write_text("0")
        break
    else:
        pytest.skip("no control group with a memory limit can be made here")
    try:
        yield MemoryGroup(folder)
    finally:
        for _ in range(200):
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.01)
