"""The machine's measured ceilings, kept in a file so that they are measured once a machine.

They are of main memory; how much the kernels compute is kept by `models.kernel_speeds`.
"""

import contextlib
import dataclasses
import json
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from profiler import paths, units
from profiler.hardware import bandwidth, cpu, main_memory
from profiler.hardware.sources.processor import Usage, core_seconds, foreign_percent, summed
from profiler.records.fingerprint import Ceilings

measure_bandwidth = bandwidth.measure

_BUSY_PERCENT = 10.0
_METHOD_VERSION = 1  # raise it when `bandwidth` changes how it measures: older files are then measured anew


def measured(
    refresh: bool = False,
    *,
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> Ceilings:
    """The kept ceilings of this machine, or newly measured ones (about 3 s; start no engine meanwhile).

    What was measured while other programs kept the processor busy says so, and is not kept.

    Args:
        refresh: measure even when there are kept ones.
        on_progress: hears the share done.
        cancel: ends it when set; what was kept before stays.

    Raises:
        EnvironmentFault: the memory to measure with is not to be had; Interrupted: `cancel` was set.
    """
    kept = None if refresh else cached()
    if kept is not None:
        return kept
    before = _usage()
    ceilings = measure_bandwidth(on_progress=on_progress, cancel=cancel)
    foreign = foreign_percent(before, _usage())
    if foreign > _BUSY_PERCENT:
        doubt = f" Other programs took {units.significant(foreign, 2)} % of the processor meanwhile, so it is too low."
        return dataclasses.replace(ceilings, method=f"{ceilings.method}{doubt}")
    _store(ceilings)
    return ceilings


def cached() -> Ceilings | None:
    """The kept ceilings; None when there are none, they are another machine's or another method's, or the file is damaged."""
    try:
        document = json.loads(_file().read_text(encoding="utf-8"))
        return _from_document(document["ceilings"]) if document["machine"] == _machine() else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _usage() -> Usage:
    return Usage(summed(core_seconds()), {os.getpid(): time.process_time()})


def _store(ceilings: Ceilings) -> None:
    """Write the file in one move, so that a reader sees the old one or the new one."""
    text = json.dumps({"machine": _machine(), "ceilings": dataclasses.asdict(ceilings)}, indent=1)
    # Where it cannot be written, the ceilings are measured again the next time: no reason to fail now.
    with contextlib.suppress(OSError):
        paths.write_in_one_move(_file(), text)


def _file() -> Path:
    return paths.data_folder() / "ceilings.json"


def _machine() -> dict[str, Any]:
    processor = cpu.read()
    return {
        "cpu": processor.name,
        "logical_cores": processor.logical_cores,
        "memory_total_bytes": main_memory.total_bytes(),
        "method_version": _METHOD_VERSION,
    }


def _from_document(document: dict[str, Any]) -> Ceilings:
    """Raises ValueError, TypeError or KeyError on anything that `_store` would not have written."""
    by_threads = {int(threads): _positive(rate) for threads, rate in document["by_threads"].items()}
    threads = document["bandwidth_threads"]
    spread_percent = float(document["bandwidth_spread_percent"])
    texts = (document["method"], document["measured_utc"])
    if threads not in by_threads or not 0 <= spread_percent <= 100 or not all(isinstance(text, str) for text in texts):
        raise ValueError("these ceilings contradict themselves")
    return Ceilings(
        bandwidth_gb_s=_positive(document["bandwidth_gb_s"]),
        bandwidth_threads=int(threads),
        bandwidth_spread_percent=spread_percent,
        by_threads=by_threads,
        method=texts[0],
        measured_utc=texts[1],
    )


def _positive(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError("a rate is not a positive number")
    return number
