"""Intervals inside a single run, for a cell that has no other: resampled in blocks of its time.

Successive requests hang together through the queue they share, so not they are drawn but whole stretches of the run between
which nothing is carried over. What runs of one cell differ by is not in these intervals: with two runs or more use
`intervals.cell_intervals`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.context import RunContext
from profiler.analysis.distribution import percentile
from profiler.analysis.intervals import CONFIDENCE
from profiler.analysis.latency import request_latencies_ms, token_gaps
from profiler.analysis.load_shape import is_closed, is_open
from profiler.analysis.slo import UNBOUNDED
from profiler.analysis.stability import is_unstable
from profiler.analysis.student import student_quantile
from profiler.analysis.window import Window, measurement_window
from profiler.plan.slo import PERCENTILES
from profiler.records.timing import RequestStatus, RunData, reached

RESAMPLES = 400
LEAST_BLOCKS_BEYOND = 2
"""As many blocks, counted by their weight, must be expected beyond a percentile: 20 in all for p90."""
MEAN_HANGS_ON = 0.1

_SEED = 20_260_701  # the same run shall always have the same interval
_AT_ONCE = 2_000_000  # values held while resampling


@dataclass(frozen=True, slots=True)
class _Values:
    """A latency's values, infinite where they were never reached, and the block of each."""

    values_ms: NDArray[np.float64]
    block: NDArray[np.intp]


def run_intervals(data: RunData, context: RunContext) -> dict[str, tuple[float, float]]:
    """The 95 % interval of a run's output throughput and of the mean and the percentiles of its latencies, as far as it has any.

    In an open loop a block is a busy period and the idle time behind it: from an arrival that finds nobody in the system to the
    next such one (regenerative cycles, which are independent). Users of a closed loop keep the system busy at all times; there a
    block is as long as the longest request with its think time. Offline everything is one block and nothing can be told.

    Half the interval is t standard deviations of the resampled logarithms. t is Student's with the degrees of freedom of the
    blocks that are expected beyond the percentile, the blocks counted by their weight, (Σ size)² / Σ size². A single server at
    0.3 to 0.6 of its capacity was covered in 88 to 98 of 100 runs (with the normal quantile p95 in 75 to 87), at 0.8 in 84 of
    those that began empty: the ramp is in them. A closed loop of 4 users on 2 slots with drifting steps was covered in 86 to 97.
    The maximum has none.
    """
    window = measurement_window(data, context)
    edges_ns = _block_edges_ns(data, context, window)
    if window.is_short or len(edges_ns) < 3:
        return {}
    generator = np.random.default_rng(_SEED)
    counts = generator.multinomial(len(edges_ns) - 1, np.full(len(edges_ns) - 1, 1 / (len(edges_ns) - 1)), RESAMPLES)
    withheld = UNBOUNDED if is_unstable(data, context, window) else frozenset[str]()
    found: dict[str, tuple[float, float] | None] = {"output_tok_s": _rate(data, edges_ns, counts)}
    for name, values in _latencies(data, window, edges_ns):
        if name not in withheld and len(values.values_ms):
            found[f"{name}.mean"] = _mean(values, counts)
            found |= {f"{name}.{told}": _percentile(values, counts, q) for told, q in PERCENTILES.items() if q < 1}
    return {name: interval for name, interval in found.items() if interval is not None}


def _block_edges_ns(data: RunData, context: RunContext, window: Window) -> NDArray[np.int64]:
    load = context.specification.load
    if is_open(load):
        requests = data.requests[np.argsort(data.requests["due_ns"], kind="stable")]
        never_ns = np.iinfo(np.int64).max
        ends_ns = np.maximum.accumulate(np.where(reached(requests["end_ns"]), requests["end_ns"], never_ns))
        finds_nobody = requests["due_ns"][1:] >= ends_ns[:-1]
        begins_ns = requests["due_ns"][1:][finds_nobody]
        inside_ns = begins_ns[(begins_ns > window.start_ns) & (begins_ns < window.end_ns)]
        return np.unique(np.concatenate(([window.start_ns], inside_ns, [window.end_ns])))
    requests = data.requests[window.due(data.requests["due_ns"]) & (data.requests["status"] == RequestStatus.COMPLETED)]
    if not is_closed(load) or not len(requests):
        return np.array([window.start_ns, window.end_ns], np.int64)
    longest_ns = int((requests["end_ns"] - requests["due_ns"]).max())
    longest_ns += round(1e9 * max(each.think_time_s for each in load.classes))
    blocks = max(1, (window.end_ns - window.start_ns) // max(1, longest_ns))
    return np.linspace(window.start_ns, window.end_ns, int(blocks) + 1).astype(np.int64)


def _latencies(data: RunData, window: Window, edges_ns: NDArray[np.int64]) -> Iterator[tuple[str, _Values]]:
    """Every latency of the requests due in the window; what belongs to a request lies in the block in which that was due."""
    requests = data.requests[window.due(data.requests["due_ns"])]
    requests = requests[np.argsort(requests["request"])]
    blocks = np.clip(np.searchsorted(edges_ns, requests["due_ns"], side="right") - 1, 0, len(edges_ns) - 2)
    is_completed = requests["status"] == RequestStatus.COMPLETED
    for name, column in request_latencies_ms(requests).items():
        is_there = np.isfinite(column)
        has_meaning = is_there | ~is_completed  # the TPOT of a one-token answer has none
        yield name, _Values(np.where(is_there, column, math.inf)[has_meaning], blocks[has_meaning])
    gaps = token_gaps(data.tokens[np.isin(data.tokens["request"], requests["request"])])
    yield "itl_ms", _Values(gaps.gap_ms, blocks[np.searchsorted(requests["request"], gaps.request)])


def _rate(data: RunData, edges_ns: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[float, float] | None:
    """Tokens over time, both of the drawn blocks."""
    lengths_s = np.diff(edges_ns) / 1e9
    # A stamp closes the work before it: at an edge it belongs to the block that ends there.
    tokens = np.diff(np.searchsorted(np.sort(data.tokens["time_ns"]), edges_ns, side="right"))
    return _interval(tokens.sum() / lengths_s.sum(), counts @ tokens / (counts @ lengths_s), _weight(lengths_s))


def _mean(values: _Values, counts: NDArray[np.int64]) -> tuple[float, float] | None:
    blocks = counts.shape[1]
    sums, sizes = np.bincount(values.block, values.values_ms, blocks), np.bincount(values.block, minlength=blocks)
    drawn = counts @ sizes
    if not np.isfinite(sums).all() or not drawn.all():
        return None
    # A skewed mean hangs on its few longest stretches: it is no more certain than a p90.
    return _interval(float(np.mean(values.values_ms)), counts @ sums / drawn, _weight(sums) * MEAN_HANGS_ON)


def _percentile(values: _Values, counts: NDArray[np.int64], q: float) -> tuple[float, float] | None:
    beyond = _weight(np.bincount(values.block)) * min(q, 1 - q)
    if beyond < LEAST_BLOCKS_BEYOND:
        return None
    order = np.argsort(values.values_ms)
    ordered, blocks = values.values_ms[order], values.block[order]
    chunk = max(1, _AT_ONCE // len(ordered))
    resampled = [_resampled(ordered, counts[first : first + chunk, blocks], q) for first in range(0, len(counts), chunk)]
    told = percentile(ordered, q)
    return None if told is None else _interval(told, np.concatenate(resampled), beyond)


def _resampled(ordered: NDArray[np.float64], weights: NDArray[np.int64], q: float) -> NDArray[np.float64]:
    """The nearest-rank percentile of each row of weights: how often each of the values, ascending, is there."""
    ranks = np.cumsum(weights, axis=1)
    wanted = np.maximum(1, np.ceil(q * ranks[:, -1:] - 1e-9))
    places = np.count_nonzero(ranks < wanted, axis=1)
    return np.asarray(ordered[np.minimum(places, len(ordered) - 1)])


def _weight(sizes: NDArray[np.float64] | NDArray[np.int64]) -> float:
    """How many blocks of equal size would be as many (Kish's effective sample size)."""
    squares = float(np.sum(sizes.astype(np.float64) ** 2))
    return float(np.sum(sizes)) ** 2 / squares if squares else 0.0


def _interval(value: float, resampled: NDArray[np.float64], blocks: float) -> tuple[float, float] | None:
    if math.floor(blocks) < 2 or not 0 < value < math.inf or not ((resampled > 0) & np.isfinite(resampled)).all():
        return None
    half = student_quantile(0.5 + CONFIDENCE / 2, math.floor(blocks) - 1) * float(np.std(np.log(resampled), ddof=1))
    if half > math.log(1e6):  # few blocks that disagree: so wide that it says nothing
        return None
    return value * math.exp(-half), value * math.exp(half)
