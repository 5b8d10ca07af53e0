"""How much main memory this process can count on: the machine's, or its control group's when that is less."""

import psutil

from profiler.hardware import control_group


def total_bytes() -> int:
    """Main memory in bytes; in a container its limit, when that is lower."""
    total = int(psutil.virtual_memory().total)
    limit = control_group.memory_limit_bytes()
    return total if limit is None else min(total, limit)


def available_bytes() -> int:
    """Bytes that can be taken without swapping; never more than `total_bytes`."""
    available, left = min(int(psutil.virtual_memory().available), total_bytes()), control_group.memory_left_bytes()
    return available if left is None else min(available, left)


def swap_used_bytes() -> int:
    """Bytes of swap space in use, of the whole machine."""
    return int(psutil.swap_memory().used)


def swap_total_bytes() -> int:
    """Swap space in bytes; 0 is a machine without."""
    return int(psutil.swap_memory().total)
