"""The session's records as rows of its tables, and back."""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.records.axis import AXES, Configuration
from profiler.records.metric import METRICS, STATISTICS
from profiler.records.quality import QualityRecord
from profiler.records.run_record import CellRecord, ClassFigures, Figures, ModelRecord, RunRecord, SessionEvent, StepCosts
from profiler.records.specification import RunSpecification
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, RequestStatus, to_columns
from profiler.session.schema import SINGLE
from profiler.session.typed_values import from_json, typed

Row = dict[str, Any]
Intervals = dict[str, tuple[float, float]]
"""A figure's name ("output_tok_s", "ttft_ms.p95") → the ends of its 95 % interval."""

QUALITY_FIELDS = tuple(field.name for field in dataclasses.fields(QualityRecord))
COST_COLUMNS = tuple(field.name for field in dataclasses.fields(StepCosts))
REQUEST_COLUMNS = tuple(REQUEST_DTYPE.names or ())
_INSTANTS = frozenset(name for name in REQUEST_COLUMNS if name.endswith("_ns"))
_STATUS_NUMBERS: dict[object, int] = {status.name.lower(): int(status) for status in RequestStatus}
_STATUS_WORDS = {number: word for word, number in _STATUS_NUMBERS.items()}

INTERRUPTED = "The program that wrote this session ended before the run did."
"""The reason of a run that was under way when its writer died."""

_LOW, _HIGH = "ci_low", "ci_high"


def model_row(model: ModelRecord) -> Row:
    """A row of table model: each figure of its quality has a column."""
    row = dataclasses.asdict(model)
    quality = row.pop("quality") or dict.fromkeys(QUALITY_FIELDS)
    return {
        **row,
        "type_mix": json.dumps(model.type_mix),
        **{f"quality_{name}": quality[name] for name in QUALITY_FIELDS},
    }


def model_record(row: Mapping[str, object]) -> ModelRecord:
    """The inverse of `model_row`; raises ValueError on anything else."""
    quality = {name: row[f"quality_{name}"] for name in QUALITY_FIELDS}
    was_measured = any(value is not None for value in quality.values())
    type_mix = from_json(typed(str, row["type_mix"]))
    return typed(ModelRecord, {**row, "type_mix": type_mix, "quality": quality if was_measured else None})


def cell_row(cell: CellRecord) -> Row:
    """A row of table cell: its configuration as JSON and as a column for each axis."""
    costs = dataclasses.asdict(cell.costs) if cell.costs else dict.fromkeys(COST_COLUMNS)
    return {
        "cell_id": cell.cell_id,
        "model_id": cell.model_id,
        "status": str(cell.status),
        "reason": cell.reason,
        "configuration": json.dumps(cell.configuration, allow_nan=False),
        **{axis.name: cell.configuration.get(axis.name) for axis in AXES},
        **costs,
    }


def cell_record(row: Mapping[str, object]) -> CellRecord:
    """The inverse of `cell_row`; raises ValueError on anything else."""
    costs = {name: row[name] for name in COST_COLUMNS}
    has_costs = any(value is not None for value in costs.values())
    configuration: Configuration = from_json(typed(str, row["configuration"]))
    return typed(CellRecord, {**row, "configuration": configuration, "costs": costs if has_costs else None})


def run_row(run: RunRecord) -> Row:
    """A row of table run, but for `end_utc`, which the writer knows."""
    return {
        "run_id": run.run_id,
        "cell_id": run.cell_id,
        "repetition": run.repetition,
        "block": run.block,
        "status": str(run.status),
        "reason": run.reason,
        "is_valid": int(run.is_valid),
        "purpose": str(run.purpose),
        "flags": json.dumps(run.flags),
        "start_monotonic_ns": run.anchor.monotonic_ns if run.anchor else None,
        "start_utc": run.anchor.utc if run.anchor else None,
        "specification": json.dumps(run.specification.to_json(), allow_nan=False),
        "facts": json.dumps(run.facts.to_json(), allow_nan=False) if run.facts else None,
        "log_tail": json.dumps(run.log_tail),
    }


def run_record(row: Mapping[str, object]) -> RunRecord:
    """The inverse of `run_row`; raises ValueError on anything else."""
    facts = row["facts"]
    anchor = None
    if row["start_monotonic_ns"] is not None:
        anchor = {"monotonic_ns": row["start_monotonic_ns"], "utc": row["start_utc"]}
    document = {
        **row,
        "is_valid": row["is_valid"] == 1,
        "flags": from_json(typed(str, row["flags"])),
        "specification": from_json(typed(str, row["specification"])),
        "facts": None if facts is None else from_json(typed(str, facts)),
        "log_tail": from_json(typed(str, row["log_tail"])),
        "anchor": anchor,
    }
    run = typed(RunRecord, document)
    class_names(run.specification)
    return run


def event_row(event: SessionEvent) -> Row:
    """A row of table event."""
    return {**dataclasses.asdict(event), "data": json.dumps(event.data)}


def event_record(row: Mapping[str, object]) -> SessionEvent:
    """The inverse of `event_row`; raises ValueError on anything else."""
    return typed(SessionEvent, {**row, "data": from_json(typed(str, row["data"]))})


def class_names(specification: RunSpecification) -> tuple[str, ...]:
    """The names of a run's classes of requests, "" for its only one; raises ValueError when two share a name."""
    names = tuple(each.name for each in specification.load.classes)
    if len(set(names)) != len(names):
        raise ValueError("two classes of requests have the same name")
    return names


def plain_columns(rows: NDArray[Any], names: Sequence[str] = ("",)) -> dict[str, list[Any]]:
    """Raw rows as columns of plain values: an instant that was never reached is None, a status and a class are words.

    Args:
        rows: requests, tokens or steps.
        names: of the run's classes (`class_names`), for requests.

    Raises:
        ValueError: a request is of a class that has no name.
    """
    columns: dict[str, list[Any]] = {}
    for name, column in to_columns(rows).items():
        values: list[Any] = column.tolist()
        if name in _INSTANTS:
            values = [None if value == ABSENT_NS else value for value in values]
        elif name == "status":
            values = [_STATUS_WORDS[value] for value in values]
        elif name == "class":
            if len(values) and max(values) >= len(names):
                raise ValueError(f"a request is of class {max(values)}, the run has {len(names)}")
            values = [names[value] for value in values]
        columns[name] = values
    return columns


def request_rows(requests: NDArray[Any], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of table request, their values in the order of REQUEST_COLUMNS; `names` are those of the run's classes."""
    return zip(*plain_columns(requests, names).values(), strict=True)


def request_array(rows: Sequence[tuple[object, ...]], names: Sequence[str]) -> NDArray[Any]:
    """The inverse of `request_rows`; raises ValueError on anything else."""
    requests = np.empty(len(rows), REQUEST_DTYPE)
    words: dict[str, dict[object, int]] = {
        "status": _STATUS_NUMBERS,
        "class": {name: number for number, name in enumerate(names)},
    }
    for column, values in zip(REQUEST_COLUMNS, zip(*rows, strict=True), strict=bool(rows)):
        numbers = [_request_number(column, value, words.get(column)) for value in values]
        try:
            requests[column] = numbers
        except OverflowError as error:
            raise ValueError(f"a request's {column} is out of range") from error
    return requests


def _request_number(column: str, value: object, words: Mapping[object, int] | None) -> int:
    """The number that stands in the array for a value of the file; `words` are those that the column has instead of numbers."""
    if words is not None:
        if isinstance(value, str) and value in words:
            return words[value]
    elif type(value) is int:
        return value
    elif value is None and column in _INSTANTS:
        return ABSENT_NS
    raise ValueError(f"a request's {column} is {str(value)[:40]!r}")


def figure_rows(figures: Figures, intervals: Intervals) -> Iterator[tuple[str, str, float | int]]:
    """(metric, statistic, value) of every figure and interval that was measured.

    A single figure has the statistic "value"; an interval's ends have "p95_ci_low", or "ci_low" for a single figure's.
    """
    for metric, figure in figures.items():
        statistics = figure if isinstance(figure, dict) else {SINGLE: figure}
        for statistic, value in statistics.items():
            if value is not None:
                yield metric, statistic, _finite(value, f"{metric}.{statistic}")
    for name, ends in intervals.items():
        metric, _, statistic = name.partition(".")
        prefix = f"{statistic}_" if statistic else ""
        for end, value in zip((_LOW, _HIGH), ends, strict=True):
            yield metric, prefix + end, _finite(value, name)


def _finite(value: float | int, name: str) -> float | int:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; what was not measured is None")
    return value


def figures_and_intervals(rows: Iterable[tuple[object, object, object]]) -> tuple[Figures | None, Intervals]:
    """The inverse of `figure_rows`: every metric by name, None where there is no row; (None, {}) when there are no rows at all.

    Raises:
        ValueError: a value is no finite number.
    """
    stored: dict[tuple[object, object], float | int] = {}
    for metric, statistic, value in rows:
        stored[metric, statistic] = typed(int, value) if isinstance(value, int) else typed(float, value)
    if not stored:
        return None, {}
    figures: Figures = {}
    intervals: Intervals = {}
    for definition in METRICS:
        metric = definition.name
        statistics = {statistic: stored.get((metric, statistic)) for statistic in STATISTICS}
        if not definition.is_distribution:
            figures[metric] = stored.get((metric, SINGLE))
        else:
            figures[metric] = statistics if any(value is not None for value in statistics.values()) else None
        for statistic in STATISTICS if definition.is_distribution else (SINGLE,):
            prefix, name = (f"{statistic}_", f"{metric}.{statistic}") if definition.is_distribution else ("", metric)
            low, high = stored.get((metric, prefix + _LOW)), stored.get((metric, prefix + _HIGH))
            if low is not None and high is not None:
                intervals[name] = (low, high)
    return figures, intervals


def class_figures(rows: Iterable[tuple[object, object, object, object]]) -> ClassFigures:
    """(class, metric, statistic, value) as the figures of each class, in the order of the rows; raises ValueError as above."""
    rows_of_classes: dict[str, list[tuple[object, object, object]]] = {}
    for name, metric, statistic, value in rows:
        rows_of_classes.setdefault(typed(str, name), []).append((metric, statistic, value))
    found = {name: figures_and_intervals(rows_of_class)[0] for name, rows_of_class in rows_of_classes.items()}
    return {name: figures for name, figures in found.items() if figures is not None}
