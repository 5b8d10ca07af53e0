"""Rates over a window: what was stamped inside it, divided by its length (measurement.md §1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window
from profiler.records.timing import RequestStatus


def output_tok_s(tokens: NDArray[Any], window: Window) -> float | None:
    """Output tokens stamped in the window, a second."""
    return _rate(np.count_nonzero(window.stamped(tokens["time_ns"])), window)


def prompt_tok_s(steps: NDArray[Any], window: Window) -> float | None:
    """Prompt tokens evaluated by the steps that ended in the window, a second.

    Tokens taken from a cache were not evaluated and do not count. Under load this is not llama-bench's pp.
    """
    return _rate(steps["prefill_tokens"][window.stamped(steps["end_ns"])].sum(dtype=np.int64), window)


def requests_s(requests: NDArray[Any], window: Window) -> float | None:
    """Requests completed in the window, a second."""
    is_completed = requests["status"] == RequestStatus.COMPLETED
    return _rate(np.count_nonzero(is_completed & window.stamped(requests["end_ns"])), window)


def user_tok_s(requests: NDArray[Any], window: Window) -> float | None:
    """How fast an answer reads once it has begun: Σ(n - 1) / Σ(last - first token) over the completed requests due in the window.

    n tokens take n - 1 decode steps, since the first comes with the prefill. None when no answer has two tokens.
    """
    is_counted = (
        (requests["status"] == RequestStatus.COMPLETED) & window.due(requests["due_ns"]) & (requests["output_tokens"] > 1)
    )
    rows = requests[is_counted]
    decode_ns = int((rows["end_ns"] - rows["first_token_ns"]).sum())
    return float((rows["output_tokens"].astype(np.int64) - 1).sum() / (decode_ns / 1e9)) if decode_ns > 0 else None


def _rate(count: int | np.int64, window: Window) -> float | None:
    return float(count / window.seconds) if window.end_ns > window.start_ns else None
