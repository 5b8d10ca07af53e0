"""What the prefix cache spared and what it gave up. Cached tokens are never evaluated, so no prompt throughput holds them.

Everything here presumes a load with a prefix cache: without one nothing is measured, and the caller says None.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window
from profiler.records.timing import reached


def cache_hit_rate(requests: NDArray[Any], window: Window) -> float | None:
    """Prompt tokens taken from the cache, in percent of the prompt tokens of the requests due in the window.

    Only requests whose prefill began count: the others were never looked up. None when there are none.
    """
    rows = requests[window.due(requests["due_ns"]) & reached(requests["prefill_start_ns"])]
    prompt_tokens = int(rows["prompt_tokens"].sum(dtype=np.int64))
    return 100 * int(rows["cached_tokens"].sum(dtype=np.int64)) / prompt_tokens if prompt_tokens else None


def cached_tok_s(requests: NDArray[Any], window: Window) -> float | None:
    """Prompt tokens taken from the cache by requests whose prefill began in the window, a second of it."""
    if window.end_ns <= window.start_ns:
        return None
    begins_inside = reached(requests["prefill_start_ns"]) & window.due(requests["prefill_start_ns"])
    return float(requests["cached_tokens"][begins_inside].sum(dtype=np.int64) / window.seconds)


def evictions(steps: NDArray[Any]) -> int | None:
    """Entries that the cache gave up in the whole run; None for a run without steps."""
    return int(steps["evictions"].sum(dtype=np.int64)) if len(steps) else None
