"""Where Python's cyclic garbage is collected: in the window's thread, and nowhere else.

Left alone, Python collects in whatever thread happens to allocate, and a job's thread that meets a forgotten widget there
destroys it outside Qt's thread, which ends the program now and then with a segmentation fault.
"""

from typing import Any

from pyqtgraph.util.garbage_collector import GarbageCollector

_EVERY_S = 1.0


def collect_in_this_thread() -> Any:
    """Switch Python's own collection off for the process and collect by a timer of this thread's event loop, as often as is due.

    Returns:
        What collects, for as long as it is referred to; its `check()` collects at once what is due.
    """
    return GarbageCollector(interval=_EVERY_S)
