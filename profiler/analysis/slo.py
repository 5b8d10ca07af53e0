"""Whether a run kept to the plan's limits: which requests were good, how many, and whether each percentile was met."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.distribution import percentile
from profiler.analysis.latency import request_latencies_ms, token_gaps
from profiler.analysis.window import Window
from profiler.plan.slo import Limit, Slo
from profiler.records.timing import RequestStatus, RunData

_GAPS = "itl_ms"


def good_requests(requests: NDArray[Any], tokens: NDArray[Any], slo: Slo) -> NDArray[np.bool_]:
    """Which requests have each of their own values within its threshold, aligned with the rows.

    A request that did not complete is never good. All gaps of a request are its own values: one stall over the threshold of an
    `itl_ms` limit spoils it, whatever the limit's percentile. A value without meaning (the TPOT of one token) spoils nothing.
    """
    is_good = np.asarray(requests["status"] == RequestStatus.COMPLETED)
    latencies = request_latencies_ms(requests)
    for limit in slo:
        if limit.metric == _GAPS:
            gaps = token_gaps(tokens)
            is_good &= ~np.isin(requests["request"], gaps.request[gaps.gap_ms > limit.threshold])
        else:
            is_good &= ~(latencies[limit.metric] > limit.threshold)
    return is_good


def attainment(data: RunData, window: Window, slo: Slo) -> float | None:
    """Good requests as a share of *all* requests due in the window; None without limits or requests."""
    requests = data.requests[window.due(data.requests["due_ns"])]
    if not slo or not len(requests):
        return None
    return float(np.mean(good_requests(requests, data.tokens, slo)))


def goodput_s(data: RunData, window: Window, slo: Slo) -> float | None:
    """Good requests due in the window, a second of it; None without limits."""
    if not slo or window.end_ns <= window.start_ns:
        return None
    requests = data.requests[window.due(data.requests["due_ns"])]
    return float(np.count_nonzero(good_requests(requests, data.tokens, slo)) / window.seconds)


def is_met(data: RunData, window: Window, slo: Slo) -> bool | None:
    """Whether every limit's percentile over all requests due in the window keeps to its threshold; None without any.

    A request that did not complete misses: it ranks above every value. In a limit on gaps it misses with as many gaps as the
    longest answer in the window has.
    """
    requests = data.requests[window.due(data.requests["due_ns"])]
    if not slo or not len(requests):
        return None
    return all(_keeps(limit, requests, data.tokens) for limit in slo)


def _keeps(limit: Limit, requests: NDArray[Any], tokens: NDArray[Any]) -> bool:
    completed = requests[requests["status"] == RequestStatus.COMPLETED]
    misses = len(requests) - len(completed)
    if limit.metric == _GAPS:
        values = token_gaps(tokens[np.isin(tokens["request"], completed["request"])]).gap_ms
        misses *= max(1, int(requests["output_tokens"].max()) - 1)
    else:
        column = request_latencies_ms(completed)[limit.metric]
        values = column[np.isfinite(column)]
    if not len(values) and not misses:
        return True  # one-token answers have no gaps to break a limit with
    value = percentile(np.sort(values), limit.share, misses)
    return value is not None and value <= limit.threshold
