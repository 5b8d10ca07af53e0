"""The summary of a session: the document of `inferometer run --json` and `show --json` (design.md, "The command line")."""

import dataclasses
from typing import Any

from profiler.records.metric import METRICS, STATISTICS
from profiler.records.run_record import CellRecord, Figures, RunRecord, RunStatus
from profiler.session.reader import SessionReader

NO_FIGURES: Figures = {
    metric.name: dict.fromkeys(STATISTICS) | {"n": 0} if metric.is_distribution else None for metric in METRICS
}
"""The metrics of a cell in which nothing was measured: the usual shape, nothing in it."""


def summary_document(reader: SessionReader) -> dict[str, Any]:
    """Everything but raw data, as plain values; figures are those stored in the file, None where nothing was measured.

    `runs`, `requests` and `tokens` of a cell count its valid runs; `flags` are those of all its runs.

    Raises:
        BadFile, EnvironmentFault: the file cannot be read.
    """
    runs = reader.runs()
    return {
        "session": str(reader.path),
        "title": reader.title(),
        "created": reader.created_utc(),
        "machine": reader.machine(),
        "plan": reader.plan(),
        "models": [dataclasses.asdict(model) for model in reader.models()],
        "cells": [_cell_document(reader, cell, [run for run in runs if run.cell_id == cell.cell_id]) for cell in reader.cells()],
    }


def _cell_document(reader: SessionReader, cell: CellRecord, runs: list[RunRecord]) -> dict[str, Any]:
    figures, intervals = reader.cell_figures(cell.cell_id)
    return {
        "cell_id": cell.cell_id,
        "model_id": cell.model_id,
        "config": cell.configuration,
        "status": str(cell.status),
        "reason": cell.reason,
        "runs": sum(run.status is RunStatus.DONE and run.is_valid for run in runs),
        "requests": dataclasses.asdict(reader.request_counts(cell.cell_id)),
        "tokens": dataclasses.asdict(reader.token_counts(cell.cell_id)),
        "metrics": figures or NO_FIGURES,
        "intervals": {name: list(ends) for name, ends in intervals.items()},
        "flags": list(dict.fromkeys(flag for run in runs for flag in run.flags)),
    }
