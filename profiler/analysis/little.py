"""Little's law as a check of the bookkeeping: requests in the system = completions a second × time in the system."""

import numpy as np

from profiler.records.specification import LoadSettings
from profiler.records.timing import RunData, reached

RESIDUAL_FLAGGED = 0.03
LEAST_REQUEST_TIMES = 20


def residual(data: RunData, load: LoadSettings) -> float | None:
    """By how much the law fails in this run, as a signed share (0.03 is 3 %); None when the run is too short to tell.

    The run lasts from empty to empty, so no request is cut and nothing but wrong stamps or counts leaves a residual. Two counts
    are held against the request rows, and the larger residual is told: the step rows' own count of requests in the system
    (N = X·E2E), and in a closed loop the number of users (N = X·(E2E + Z)). A run shorter than 20 mean requests says nothing.
    """
    requests, steps = data.requests, data.steps
    if not len(requests) or not len(steps):
        return None
    begin_ns = int(requests["due_ns"].min())
    end_ns = max(int(steps["end_ns"].max()), int(requests["end_ns"].max()))
    left_ns = np.where(reached(requests["end_ns"]), requests["end_ns"], end_ns)
    stay_ns = (left_ns - requests["due_ns"]).sum()
    if stay_ns <= 0 or (end_ns - begin_ns) * len(requests) < LEAST_REQUEST_TIMES * stay_ns:
        return None
    residuals = [_in_system_ns(data) / float(stay_ns) - 1]
    if load.arrival == "closed":
        kept = _users_kept_busy(data, load.think_time_s)
        if kept is not None:
            residuals.append(load.users / kept - 1)
    return max(residuals, key=abs)


def _in_system_ns(data: RunData) -> float:
    """The steps' count of requests in the system, integrated over time.

    A step's count holds until the next step begins, but no longer than the loop's own work on both can explain: beyond that the
    loop was waiting, with nobody in the system.
    """
    steps = data.steps
    length_ns = (steps["end_ns"] - steps["start_ns"]).astype(np.float64)
    gap_ns = steps["start_ns"][1:] - steps["end_ns"][:-1]
    length_ns[:-1] += np.minimum(gap_ns, steps["loop_ns"][:-1] + steps["loop_ns"][1:])
    return float(np.dot(length_ns, steps["in_system"]))


def _users_kept_busy(data: RunData, think_time_s: float) -> float | None:
    """The number of users that the requests add up to: each user's own X·(E2E + Z), summed.

    A user's X counts from its first to its last end, so that no cycle is cut, and its requests are those that ended between.
    None when some user did not end two requests.
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
    return float(np.sum((np.add.reduceat(stay_s, firsts) + cycles * think_time_s) / span_s))
