"""Little's law as a check of the bookkeeping: requests in the system = completions a second × time in the system."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.records.specification import LoadSettings
from profiler.records.timing import RequestStatus, RunData, reached

RESIDUAL_FLAGGED = 0.03
LEAST_REQUEST_TIMES = 20


def residual(data: RunData, load: LoadSettings) -> float | None:
    """By how much the law fails in this run, as a signed share (0.03 is 3 %); None when the run is too short to tell.

    The run lasts from empty to empty, so no request is cut and nothing but wrong stamps or counts leaves a residual. Two counts
    are held against the request rows, and the larger residual is told: the step rows' own count of requests in the system
    (N = X·E2E), and the number of users of all closed loops, beside whatever else comes (N = X·(E2E + Z), each with the think
    time of its class). A request that was given up stayed until then, one that was refused never came in. A run shorter than 20
    mean requests says nothing.
    """
    requests, steps = data.requests[data.requests["status"] != RequestStatus.REFUSED], data.steps
    if not len(requests) or not len(steps):
        return None
    begin_ns = int(requests["due_ns"].min())
    end_ns = max(int(steps["end_ns"].max()), int(requests["end_ns"].max()))
    left_ns = np.where(reached(requests["end_ns"]), requests["end_ns"], end_ns)
    stay_ns = (left_ns - requests["due_ns"]).sum()
    if stay_ns <= 0 or (end_ns - begin_ns) * len(requests) < LEAST_REQUEST_TIMES * stay_ns:
        return None
    residuals = [_in_system_ns(requests, steps) / float(stay_ns) - 1]
    if load.users:
        kept = _users_kept_busy(data, np.array([each.think_time_s for each in load.classes]))
        if kept is not None:
            residuals.append(load.users / kept - 1)
    return max(residuals, key=abs)


def _in_system_ns(requests: NDArray[Any], steps: NDArray[Any]) -> float:
    """The steps' count of requests in the system, integrated over time.

    A step counts those who are there when it starts. Who becomes due later is seen by the next step only, so the time until then
    is added for each; between two steps those are there whom the second one counts, but for these newcomers. One who becomes due
    after the loop's last look and before its step starts is a newcomer whom that step does not count, so a gap never has fewer
    than nobody.
    """
    starts_ns, counts = steps["start_ns"], steps["in_system"].astype(np.float64)
    due_ns = np.sort(requests["due_ns"])
    seen_by = np.searchsorted(starts_ns, due_ns, side="left")
    is_seen = seen_by < len(steps)
    unseen_ns = (starts_ns[seen_by[is_seen]] - due_ns[is_seen]).sum()
    newcomers = np.bincount(seen_by[is_seen], minlength=len(steps))[1:]
    gap_ns = starts_ns[1:] - steps["end_ns"][:-1]
    lengths_ns = steps["end_ns"] - starts_ns
    return float(np.dot(lengths_ns, counts) + np.dot(gap_ns, np.maximum(counts[1:] - newcomers, 0)) + unseen_ns)


def _users_kept_busy(data: RunData, think_time_s: NDArray[np.float64]) -> float | None:
    """The number of users that the requests add up to: each user's own X·(E2E + Z), summed.

    A user's X counts from its first to its last end, so that no cycle is cut, and its requests are those that ended between.
    None when some user did not end two requests.

    Args:
        data: the run.
        think_time_s: of each class.
    """
    rows = data.requests[reached(data.requests["end_ns"]) & (data.requests["user"] >= 0)]
    rows = rows[np.lexsort((rows["end_ns"], rows["user"]))]
    firsts = np.flatnonzero(np.diff(rows["user"], prepend=-1))
    cycles = np.diff(np.append(firsts, len(rows))) - 1
    if not len(rows) or not np.all(cycles > 0):
        return None
    span_s = (rows["end_ns"][firsts + cycles] - rows["end_ns"][firsts]) / 1e9
    stay_s = (rows["end_ns"] - rows["due_ns"]) / 1e9
    stay_s[firsts] = 0
    return float(np.sum((np.add.reduceat(stay_s, firsts) + cycles * think_time_s[rows["class"][firsts]]) / span_s))
