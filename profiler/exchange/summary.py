"""The summary of a session: the document of `inferometer run --json` and `show --json` (design.md, "The command line")."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from profiler.analysis.model_ranking import rank_models
from profiler.analysis.savings import Saving, cache_savings
from profiler.analysis.stated import stated
from profiler.exchange.findings.search_view import standing
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.run_record import CellRecord, Figures, RunRecord, RunStatus, SessionEvent
from profiler.session.reader import SessionReader

NO_FIGURES: Figures = {
    metric.name: dict.fromkeys(STATISTICS) | {"n": 0} if metric.is_distribution else None for metric in METRICS
}
"""The metrics of a cell in which nothing was measured: the usual shape, nothing in it."""


def summary_document(reader: SessionReader) -> dict[str, Any]:
    """Everything but raw data, as plain values; figures are those stored in the file, None where nothing was measured.

    `runs`, `requests` and `tokens` of a cell count its valid runs; `flags` are those of all its runs. `stated` names the
    percentiles of each latency that its values suffice to state. `classes` holds the metrics of each class of requests, where a
    load has several. `cache` tells what the prefix cache saved, against the cell without it that differs in nothing else; None
    where that is missing. `search` tells what a search did and found.

    Raises:
        BadFile, EnvironmentFault: the file cannot be read.
    """
    runs, cells = reader.runs(), reader.cells()
    documents = [_cell_document(reader, cell, [run for run in runs if run.cell_id == cell.cell_id]) for cell in cells]
    savings = cache_savings([(cell.configuration, document["metrics"]) for cell, document in zip(cells, documents, strict=True)])
    for place, document in enumerate(documents):
        saving = savings.get(place)
        document["cache"] = None if saving is None else _saving_document(saving, cells[saving.without].cell_id)
    ranking = rank_models(reader.models(), cells, {document["cell_id"]: document["metrics"] for document in documents})
    return {
        "session": str(reader.path),
        "title": reader.title(),
        "created": reader.created_utc(),
        "machine": reader.machine(),
        "plan": reader.plan(),
        "models": [dataclasses.asdict(model) for model in reader.models()],
        "cells": documents,
        "model_ranking": [dataclasses.asdict(row) for row in ranking],
        "search": _search_document(standing(reader.events())),
    }


def _search_document(events: Sequence[SessionEvent]) -> dict[str, Any] | None:
    """What a search did and found, as it told it; None for a sweep over a grid. The answer is None while it has not ended."""
    steps = [event for event in events if event.kind in ("search step", "search out")]
    answer = next((event for event in events if event.kind == "search answer"), None)
    if not steps and answer is None:
        return None
    return {
        "answer": None if answer is None else answer.sentence,
        "winner_cell_id": None if answer is None else answer.data.get("winner_cell_id"),
        "confirmed_cell_ids": [] if answer is None else answer.data.get("confirmed_cell_ids", []),
        "boundaries": [event.sentence for event in events if event.kind == "search boundary"],
        "steps": [event.sentence for event in steps],
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
        "classes": reader.cell_class_figures(cell.cell_id),
        "stated": stated(figures, cell.configuration) if figures else {},
        "intervals": {name: list(ends) for name, ends in intervals.items()},
        "flags": list(dict.fromkeys(flag for run in runs for flag in run.flags)),
    }


def _saving_document(saving: Saving, without: int) -> dict[str, Any]:
    """`without_cell_id` is the cell that it is measured against."""
    return {
        "without_cell_id": without,
        "ttft_p50_saved_ms": saving.ttft_p50_ms,
        "ttft_mean_saved_ms": saving.ttft_mean_ms,
        "prefill_saved_percent": saving.prefill_percent,
    }
