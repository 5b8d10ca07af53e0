"""Whether an open loop kept up with its arrivals. Above capacity there is no steady state: the queue and the latencies grow."""

import math

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.context import RunContext
from profiler.analysis.in_system import in_system_at, mean_in_system
from profiler.analysis.load_shape import is_stationary
from profiler.analysis.student import student_quantile
from profiler.analysis.warmup import LEAST_REQUESTS
from profiler.analysis.window import Window
from profiler.records.timing import RunData

SLICES = 200
BATCHES = 10
LEAST_SHARE_OF_ARRIVALS = 0.05
CONFIDENCE = 0.95


def queue_growth_s(data: RunData, window: Window) -> float | None:
    """The slope of the number of requests in the system over the arrival period, in requests a second (least squares).

    The period is the window with its warm-up, since a queue that grows has none. None with too few requests.
    """
    counts = _in_system(data, window)
    if counts is None:
        return None
    times_s = (np.arange(SLICES) + 0.5) * _period_s(window) / SLICES
    apart_s = times_s - times_s.mean()
    return float(np.dot(apart_s, counts) / np.dot(apart_s, apart_s))


def is_unstable(data: RunData, context: RunContext, window: Window) -> bool:
    """Whether the requests of a load that is stationary by design came faster than they were served.

    Three things together: the queue's slope is at least 5 % of the arrival rate; at the last due time more requests are in the
    system than can be served together; and the growth is no accident. Successive counts of a queue hang together, so a slope's
    usual standard error is far too small: the means of ten batches are taken instead, and Student's t (one-sided, 95 %) is asked
    of the nine steps between them, which wander around 0 when the queue does.
    """
    growth_s = queue_growth_s(data, window) if is_stationary(context.specification.load) else None
    counts = _in_system(data, window)
    if growth_s is None or counts is None:
        return False
    rate_s = int(np.count_nonzero(_due_in_period(data, window))) / _period_s(window)
    specification = context.specification
    served_together = 1 if specification.load.batching == "sequential" else specification.context.slots
    last_due_ns = int(data.requests["due_ns"].max())
    return (
        growth_s >= LEAST_SHARE_OF_ARRIVALS * rate_s
        and in_system_at(data.requests, last_due_ns) > served_together
        and _rises(counts.reshape(BATCHES, -1).mean(axis=1))
    )


def _rises(batches: NDArray[np.float64]) -> bool:
    steps = np.diff(batches)
    error = float(np.std(steps, ddof=1)) / math.sqrt(len(steps))
    return bool(np.mean(steps) > student_quantile(CONFIDENCE, len(steps) - 1) * error)


def _in_system(data: RunData, window: Window) -> NDArray[np.float64] | None:
    if window.is_short or window.end_ns <= window.start_ns or np.count_nonzero(_due_in_period(data, window)) < LEAST_REQUESTS:
        return None
    return mean_in_system(data.requests, np.linspace(window.start_ns - window.warmup_ns, window.end_ns, SLICES + 1))


def _due_in_period(data: RunData, window: Window) -> NDArray[np.bool_]:
    due_ns = data.requests["due_ns"]
    return np.asarray((due_ns >= window.start_ns - window.warmup_ns) & (due_ns < window.end_ns))


def _period_s(window: Window) -> float:
    return window.seconds + window.warmup_ns / 1e9
