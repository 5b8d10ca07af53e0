"""Latencies of requests and gaps between tokens, in milliseconds, from their raw instants (measurement.md §1)."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.window import Window
from profiler.records.timing import RequestStatus, RunData, reached

_NS_PER_MS = 1e6

Since = Literal["due", "sent", "turn"]


@dataclass(frozen=True, slots=True)
class LatencyValues:
    """One latency's raw values over the requests due in a window.

    Attributes:
        values_ms: those that were reached.
        missing: requests whose value was never reached (refused, failed, timed out, unfinished); they count as longer than all.
        independent: how many values count when asking `is_stated`: the values themselves, but for gaps between tokens the
            decode steps that made them, since one step gives a gap to each of its members.
    """

    values_ms: NDArray[np.float64]
    missing: int
    independent: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps between consecutive tokens of each request.

    Attributes:
        request: number of the request.
        step: the decode step that ended the gap.
        gap_ms: its length.
    """

    request: NDArray[np.int64]
    step: NDArray[np.int64]
    gap_ms: NDArray[np.float64]


def request_latencies_ms(requests: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Each latency that has one value a request, aligned with the rows; NaN where it was not reached or has no meaning.

    `ttft_ms` first token - due; `queue_ms` prefill start - due; `prefill_ms` first token - prefill start; `e2e_ms` last token -
    due; `tpot_ms` (last - first token) / (n - 1), without meaning for n = 1. The last token of a request is known to be one only
    when it is completed.
    """
    due, prefill = requests["due_ns"], requests["prefill_start_ns"]
    first, end = requests["first_token_ns"], requests["end_ns"]
    has_first, has_prefill = reached(first), reached(prefill)
    is_completed = requests["status"] == RequestStatus.COMPLETED
    decode_steps = requests["output_tokens"].astype(np.int64) - 1
    has_steps = is_completed & (decode_steps > 0)
    tpot_ms = _difference_ms(end, first, has_steps)
    np.divide(tpot_ms, decode_steps, out=tpot_ms, where=has_steps)
    return {
        "ttft_ms": _difference_ms(first, due, has_first),
        "queue_ms": _difference_ms(prefill, due, has_prefill),
        "prefill_ms": _difference_ms(first, prefill, has_first & has_prefill),
        "tpot_ms": tpot_ms,
        "e2e_ms": _difference_ms(end, due, is_completed),
    }


def _difference_ms(late: NDArray[np.int64], early: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    difference = np.full(len(late), np.nan)
    difference[where] = (late[where] - early[where]) / _NS_PER_MS
    return difference


def latency_from(requests: NDArray[Any], since: Since) -> dict[str, NDArray[np.float64]]:
    """`ttft_ms` and `e2e_ms` as seen by a watch that starts at another instant; aligned with the rows, NaN where not reached.

    "due": when the request was to arrive, the definition of both. "sent": when the load generator got round to it. "turn": when
    the request got its turn (its prefill began), which leaves out the queue: what a client sees that sends its next request
    only when the last one is served, and so omits the waiting of all that should have come meanwhile (coordinated omission).
    """
    column = {"due": "due_ns", "sent": "sent_ns", "turn": "prefill_start_ns"}[since]
    start, first, end = requests[column], requests["first_token_ns"], requests["end_ns"]
    has_start = reached(start)
    is_completed = requests["status"] == RequestStatus.COMPLETED
    return {
        "ttft_ms": _difference_ms(first, start, has_start & reached(first)),
        "e2e_ms": _difference_ms(end, start, has_start & is_completed),
    }


def generator_lateness_ms(requests: NDArray[Any], steps: NDArray[Any]) -> NDArray[np.float64]:
    """How late each request was sent, as far as it was the load generator's doing.

    sent - due, but a request that became due while a step was running counts from the end of that step: the loop takes requests
    between steps only, and that wait is the engine's own (it is in the queue time). Requests that were never sent are left out.
    """
    sent = requests[reached(requests["sent_ns"])]
    could_send_ns = sent["due_ns"].copy()
    if len(steps):
        step = np.searchsorted(steps["end_ns"], could_send_ns, side="right")
        running = steps[np.minimum(step, len(steps) - 1)]
        is_amid = (running["start_ns"] < could_send_ns) & (could_send_ns < running["end_ns"])
        could_send_ns[is_amid] = running["end_ns"][is_amid]
    return np.asarray((sent["sent_ns"] - could_send_ns) / _NS_PER_MS)


def token_gaps(tokens: NDArray[Any]) -> Gaps:
    """All gaps between a request's consecutive tokens (ITL), by request; the rows may come in any order."""
    rows = tokens[np.lexsort((tokens["time_ns"], tokens["request"]))]
    follows = rows["request"][1:] == rows["request"][:-1]
    gap_ms = np.diff(rows["time_ns"])[follows] / _NS_PER_MS
    later = rows[1:][follows]
    return Gaps(later["request"].astype(np.int64), later["step"].astype(np.int64), gap_ms)


def window_latencies(data: RunData, window: Window) -> dict[str, LatencyValues]:
    """Every latency of `metric.LATENCIES` over the requests due in the window, run to their end.

    Gaps count for as far as they were seen: none of them is missing, even of a request that failed.
    """
    requests = data.requests[window.due(data.requests["due_ns"])]
    is_completed = requests["status"] == RequestStatus.COMPLETED
    latencies = {}
    for name, column in request_latencies_ms(requests).items():
        is_there = np.isfinite(column)
        has_no_meaning = is_completed & ~is_there  # the TPOT of a one-token answer
        missing = int(np.count_nonzero(~is_there & ~has_no_meaning))
        latencies[name] = LatencyValues(column[is_there], missing, int(np.count_nonzero(is_there)))
    gaps = token_gaps(data.tokens[np.isin(data.tokens["request"], requests["request"])])
    latencies["itl_ms"] = LatencyValues(gaps.gap_ms, 0, len(np.unique(gaps.step)))
    return latencies


def pooled(parts: list[LatencyValues]) -> LatencyValues:
    """One latency over several runs: all raw values together."""
    values = [part.values_ms for part in parts] or [np.empty(0)]
    return LatencyValues(np.concatenate(values), sum(part.missing for part in parts), sum(part.independent for part in parts))
