"""Where the time of a session's requests went, cell by cell: queue, prompts, decoding, stalls, read run by run."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from profiler.analysis.context import RunContext
from profiler.analysis.decomposition import PART_NAMES, TimeSplit, added, decomposition, time_split
from profiler.analysis.window import measurement_window
from profiler.errors import Interrupted
from profiler.records.run_record import RunRecord, RunStatus
from profiler.records.timing import COLUMN_DTYPES, RunData, no_rows
from profiler.session.reader import SessionReader
from profiler.units import milliseconds_text, percent_text

AXIS = "ms of a request, from due to its end, on average"


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """A session's runs that count.

    Attributes:
        path: the file.
        of_runs: by cell and run, of the requests due in the run's window; None where a run has no steps to tell by.
    """

    path: Path
    of_runs: Mapping[int, Mapping[int, TimeSplit | None]] = field(default_factory=dict)

    def of_cell(self, cell_id: int) -> TimeSplit | None:
        """All runs of a cell together; None where none of them tells."""
        told = [split for split in self.of_runs.get(cell_id, {}).values() if split is not None and split.requests]
        return added(told) if told else None


def read_times(path: Path, known: SessionTimes | None, cancel: threading.Event) -> SessionTimes:
    """Read the runs that are not known yet, without their tokens.

    Raises:
        BadFile, EnvironmentFault: the file cannot be read; Interrupted: `cancel` was set.
    """
    before = known.of_runs if known is not None and known.path == path else {}
    found: dict[int, dict[int, TimeSplit | None]] = {}
    with SessionReader.open(path) as reader:
        for run in reader.runs():
            if run.status is not RunStatus.DONE or not run.is_valid:
                continue
            if cancel.is_set():
                raise Interrupted("Reading where the time went was stopped.")
            of_cell = before.get(run.cell_id, {})
            split = of_cell[run.run_id] if run.run_id in of_cell else _read_run(reader, run)
            found.setdefault(run.cell_id, {})[run.run_id] = split
    return SessionTimes(path, found)


def _read_run(reader: SessionReader, run: RunRecord) -> TimeSplit | None:
    requests = reader.requests(run.run_id)
    steps = np.concatenate([no_rows(COLUMN_DTYPES["step"]), *reader.row_chunks(run.run_id, "step")])
    parts = decomposition(requests, steps)
    if parts is None:
        return None
    # The tokens would move the end of a window that is the whole run, behind the last due time, which is all that counts here.
    window = measurement_window(RunData(requests, steps=steps), RunContext(run.specification, run.facts, None, None))
    return time_split(parts.of(window.due(requests["due_ns"])))


def split_words(label: str, split: TimeSplit) -> str:
    """All parts of a split that has requests, a line each."""
    parts = split.mean_ms
    assert parts is not None
    whole = sum(parts)
    lines = [
        f"{name} {milliseconds_text(part)} ({percent_text(part / whole if whole else 0.0)})"
        for name, part in zip(PART_NAMES, parts, strict=True)
        if part > 0
    ]
    unsplit = f"\nown prefill of {split.unsplit} not told apart from that of others" if split.unsplit else ""
    return f"{label}: {milliseconds_text(whole)} a request, mean of {split.requests}\n" + "\n".join(lines) + unsplit


def headline(label: str, split: TimeSplit) -> str:
    """What took most of a request's time."""
    parts = split.mean_ms
    if parts is None or not sum(parts) > 0:
        return ""
    whole = sum(parts)
    ranked = sorted(zip(parts, PART_NAMES, strict=True), reverse=True)
    told = ", ".join(f"{name} {percent_text(part / whole)}" for part, name in ranked if part / whole >= 0.05)
    return f"{label}: a request takes **{milliseconds_text(whole)}** on average: {told}."
