"""What the log of a session's events says of the sweep that it is of."""

from collections.abc import Sequence

from profiler.records.run_record import SessionEvent

REPAIRED = "repaired"
"""The kind of the event that tells of a file's salvage."""

RESUMED = "resumed"
"""The kind of the event that marks where a sweep that was broken off goes on."""

_BEGINNINGS_AND_ENDS = ("start", RESUMED, "stop", "end")


def is_unfinished(events: Sequence[SessionEvent], runs: int) -> bool:
    """Whether the sweep was broken off or stopped: it began, and its last end is not that of all runs.

    A file without events and without any of `runs` was broken off in its first moment. Runs that lost raw rows with a damaged
    file are to be measured again. The log of a file that another program wrote tells of no beginning: it has no sweep to go
    on with.
    """
    marks = [
        event for event in events if event.kind in _BEGINNINGS_AND_ENDS or (event.kind == REPAIRED and _has_lost_runs(event))
    ]
    if not events:
        return runs == 0
    return bool(marks) and marks[-1].kind != "end" and any(mark.kind in ("start", RESUMED) for mark in marks)


def _has_lost_runs(event: SessionEvent) -> bool:
    return bool(event.data.get("runs_hurt"))
