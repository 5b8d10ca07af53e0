"""Whether a run kept to the plan's limits: which requests were good, how many, and whether each percentile was met."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.distribution import percentile
from profiler.analysis.latency import request_latencies_ms, token_gaps
from profiler.analysis.window import Window
from profiler.plan.slo import Limit, Slo
from profiler.records.timing import RequestStatus, RunData

UNBOUNDED = frozenset({"ttft_ms", "queue_ms", "e2e_ms"})
"""Latencies that grow with the run's length when the queue does: no percentile of them is stated, and no limit met."""

NO_OWN_LIMITS: Mapping[int, Slo] = {}

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


def attainment(data: RunData, window: Window, slo: Slo, class_slo: Mapping[int, Slo] = NO_OWN_LIMITS) -> float | None:
    """Good requests as a share of *all* requests due in the window; None without limits or requests.

    Args:
        data: the run.
        window: its window.
        slo: limits of the plan.
        class_slo: limits of the request classes that have their own, which hold instead of the plan's. A request without any
            limit is good when it completes.
    """
    requests = data.requests[window.due(data.requests["due_ns"])]
    if not _has_limits(slo, class_slo) or not len(requests):
        return None
    return _good_count(requests, data.tokens, slo, class_slo) / len(requests)


def goodput_s(data: RunData, window: Window, slo: Slo, class_slo: Mapping[int, Slo] = NO_OWN_LIMITS) -> float | None:
    """Good requests due in the window, a second of it; None without limits. The arguments are those of `attainment`."""
    if not _has_limits(slo, class_slo) or window.end_ns <= window.start_ns:
        return None
    requests = data.requests[window.due(data.requests["due_ns"])]
    return _good_count(requests, data.tokens, slo, class_slo) / window.seconds


def is_met(
    data: RunData, window: Window, slo: Slo, class_slo: Mapping[int, Slo] = NO_OWN_LIMITS, *, is_unstable: bool = False
) -> bool | None:
    """Whether every limit's percentile over all requests due in the window keeps to its threshold; None without any.

    A request that did not complete misses: it ranks above every value. In a limit on gaps it misses with as many gaps as the
    longest answer in the window has. The limits of a class are held against its requests, the plan's against those of all
    classes without limits of their own. In an unstable run (`stability.is_unstable`) no limit on a latency that counts from
    due is met. The other arguments are those of `attainment`.
    """
    requests = data.requests[window.due(data.requests["due_ns"])]
    if not _has_limits(slo, class_slo) or not len(requests):
        return None
    return all(
        _keeps(limit, rows, data.tokens) and not (is_unstable and limit.metric in UNBOUNDED)
        for rows, limits in _by_limits(requests, slo, class_slo)
        for limit in limits
    )


def _has_limits(slo: Slo, class_slo: Mapping[int, Slo]) -> bool:
    return bool(slo) or any(class_slo.values())


def _by_limits(requests: NDArray[Any], slo: Slo, class_slo: Mapping[int, Slo]) -> Iterator[tuple[NDArray[Any], Slo]]:
    """The requests in groups, each with the limits that hold for it; no group is empty."""
    others = requests[~np.isin(requests["class"], list(class_slo))]
    groups = [(others, slo), *((requests[requests["class"] == number], limits) for number, limits in class_slo.items())]
    return ((rows, limits) for rows, limits in groups if len(rows))


def _good_count(requests: NDArray[Any], tokens: NDArray[Any], slo: Slo, class_slo: Mapping[int, Slo]) -> int:
    return sum(
        int(np.count_nonzero(good_requests(rows, tokens, limits))) for rows, limits in _by_limits(requests, slo, class_slo)
    )


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
