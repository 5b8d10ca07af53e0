"""An imported file as a session: the same tables, figures and intervals as a sweep's, every run marked with what it lacks."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from profiler.analysis.class_figures import cell_class_figures, class_figures
from profiler.analysis.context import RunContext
from profiler.analysis.distribution import distribution
from profiler.analysis.figures import cell_figures, run_figures, single_medians
from profiler.analysis.intervals import cell_intervals
from profiler.clock import WallClockAnchor
from profiler.exchange.imports.imported import FLAG, ImportedCell, ImportedRun, ImportedSession, specification
from profiler.exchange.imports.origin import IMPORTED_FROM
from profiler.exchange.target import new_path
from profiler.records.axis import Configuration
from profiler.records.metric import LATENCIES, METRICS
from profiler.records.run_record import CellRecord, CellStatus, Figures, RunRecord, RunStatus, SessionEvent
from profiler.records.specification import RequestClass, RunSpecification
from profiler.records.timing import RequestStatus, RunData
from profiler.session.writer import SessionWriter

EVENT = "imported"
"""The kind of the event that keeps the fields of a cell as they stood in the file, under "fields" of its data."""

_OF_STEPS = ("prompt_tok_s", "batch_occupancy", "kv_occupancy", "cached_tok_s", "evictions", "bandwidth_gb_s", "bandwidth_share")
_OF_TOKENS = ("output_tok_s", "itl_ms", "low1_tok_s", "below_reading_share")
_NOT_EVERY_TOKEN = "no time of every token"


def write_session(imported: ImportedSession, file_name: str, target: Path, *, force: bool) -> None:
    """Write the session, whole or not at all.

    Raises:
        UnusableArguments: the target exists and `force` is not set.
        EnvironmentFault: it cannot be written there.
    """
    lacks = list(dict.fromkeys(lack for cell in imported.cells for lack in cell.lacks))
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    about = {"tool": imported.tool, "file": file_name, "imported_utc": now, "lacks": lacks}
    title = imported.title or f"{Path(file_name).stem} ({imported.tool})"
    with (
        new_path(target, force=force, may_replace_session=True) as unfinished,
        SessionWriter.create(unfinished, plan={}, machine=imported.machine, title=title) as writer,
    ):
        writer.set_meta(IMPORTED_FROM, json.dumps(about))
        # A session counts as made when it was measured, so that a file that is imported twice stays one session of its machine.
        writer.set_meta("created_utc", imported.utc or "")
        writer.add_event(
            SessionEvent(now, "note", f"Imported from {file_name}, as {imported.tool} wrote it: {', '.join(lacks)}.", data=about)
        )
        for model in imported.models:
            writer.add_model(model)
        run_id = 0
        for cell_id, cell in enumerate(imported.cells, 1):
            _write_cell(writer, imported, cell, cell_id, run_id, file_name, now)
            run_id += len(cell.runs)


def _write_cell(
    writer: SessionWriter, imported: ImportedSession, cell: ImportedCell, cell_id: int, last_run_id: int, file_name: str, now: str
) -> None:
    model = None if cell.model is None else imported.models[cell.model]
    record = CellRecord(cell_id, None if model is None else model.model_id, cell.configuration)
    writer.add_cell(record)
    if cell.kept:
        sentence = f"The fields of this cell as they stood in {file_name}."
        writer.add_event(SessionEvent(now, EVENT, sentence, cell_id, data={"fields": dict(cell.kept)}))
    counted: list[tuple[ImportedRun, RunContext, Figures]] = []
    for repetition, run in enumerate(cell.runs, 1):
        plan = _specification(cell.configuration, run, "" if model is None else model.path)
        context = RunContext(plan, None, None, None)
        found, lacks = _figures(run, context)
        told = RunRecord(
            last_run_id + repetition,
            cell_id,
            repetition,
            repetition,
            plan,
            # Its instants are since its own origin: no clock of this machine was running.
            anchor=WallClockAnchor(0, run.utc) if run.utc else None,
            flags=(*run.flags, f"{FLAG}: Read from {file_name} ({imported.tool}): {', '.join((*cell.lacks, *lacks))}."),
            is_valid=run.is_valid,
        )
        writer.start_run(told)
        if run.data is not None:
            writer.add_requests(told.run_id, run.data.requests)
            writer.add_rows(told.run_id, "token", run.data.tokens)
        writer.update_run(replace(told, status=run.status))
        if run.status is RunStatus.DONE:
            classes = {} if run.data is None or len(plan.load.classes) < 2 else class_figures(run.data, context)
            writer.set_run_figures(told.run_id, found, classes)
            counted += [(run, context, found)] if run.is_valid else []
    if counted:
        _write_cell_figures(writer, cell_id, counted)
    writer.update_cell(replace(record, status=CellStatus.DONE if counted else CellStatus.PARTIAL))


def _write_cell_figures(writer: SessionWriter, cell_id: int, counted: Sequence[tuple[ImportedRun, RunContext, Figures]]) -> None:
    """The cell's figures: from the raw rows where every run has them, else from the runs' figures."""
    of_runs = [found for _, _, found in counted]
    data = [(run.data, context, found) for run, context, found in counted if run.data is not None]
    classes = {}
    if len(data) == len(counted):
        missing = {name for name in (metric.name for metric in METRICS) if all(found[name] is None for found in of_runs)}
        found = {name: None if name in missing else value for name, value in cell_figures(data).items()}
        if any(len(context.specification.load.classes) > 1 for _, context, _ in data):
            classes = cell_class_figures([(raw, context) for raw, context, _ in data])
    else:
        found = {**single_medians(of_runs), **{name: _pooled(of_runs, name) for name in LATENCIES}}
    writer.set_cell_figures(cell_id, found, cell_intervals(of_runs), classes)


def _pooled(figures_of_runs: Sequence[Figures], name: str) -> Any:
    """A latency over runs of which only figures are told: of single values their distribution, else what the only run says.

    Percentiles of several runs cannot be joined without the values under them: None.
    """
    told = [value for found in figures_of_runs if isinstance(value := found[name], dict) and value.get("n")]
    if len(told) == 1:
        return told[0]
    singles = [value["mean"] for value in told if value.get("n") == 1 and value.get("mean") is not None]
    return distribution(np.array(singles)) if told and len(singles) == len(told) else None


def _figures(run: ImportedRun, context: RunContext) -> tuple[Figures, tuple[str, ...]]:
    """The run's figures, without those that need what it does not have, and what it lacks beside its file's kind."""
    if run.data is None:
        return run.figures or {}, ()
    found = run_figures(run.data, context)
    absent = {*_OF_STEPS} if not len(run.data.steps) else set()
    lacks: tuple[str, ...] = ()
    if not _has_every_token(run.data):
        absent |= {*_OF_TOKENS}
        lacks = (_NOT_EVERY_TOKEN,)
    told: Figures = {name: None if name in absent else value for name, value in found.items()}
    # Of an instant that no request has nothing is missing: it was not told.
    return {name: None if _is_untold(value) else value for name, value in told.items()}, lacks


def _is_untold(value: object) -> bool:
    return isinstance(value, dict) and not value.get("n")


def _has_every_token(data: RunData) -> bool:
    """Whether each output token of the completed requests has a stamp: a chunk of a stream may carry several."""
    completed = data.requests[data.requests["status"] == RequestStatus.COMPLETED]
    stamped = np.count_nonzero(np.isin(data.tokens["request"], completed["request"]))
    return bool(stamped == int(completed["output_tokens"].sum(dtype=np.int64)))


def _specification(values: Configuration, run: ImportedRun, path: str) -> RunSpecification:
    """As the configuration tells it; with classes of requests of its own where the run names them."""
    plan = specification(values, path)
    if not run.classes:
        return plan
    assert run.data is not None
    classes = []
    for number, name in enumerate(run.classes):
        users = run.data.requests["user"][run.data.requests["class"] == number]
        is_closed = bool((users >= 0).any())
        arrival = RequestClass(name, "closed" if is_closed else "trace", users=len(np.unique(users)) if is_closed else 0)
        classes.append(replace(arrival, prompt_tokens="0", output_tokens="0"))
    return replace(plan, load=replace(plan.load, classes=tuple(classes)))
