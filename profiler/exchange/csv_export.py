"""Export as a folder of CSV files: cells.csv with the figures, classes.csv with those of single classes of requests where a load
has several, and the raw rows of every run in four more.
"""

import csv
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from profiler.exchange.summary import summary_document
from profiler.exchange.target import new_folder
from profiler.records import axis, metric
from profiler.records.run_record import Figures
from profiler.records.timing import COLUMN_DTYPES
from profiler.session.reader import RequestCounts, SessionReader, TokenCounts
from profiler.session.rows import class_names, plain_columns
from profiler.session.schema import SINGLE, metric_columns

FILES = ("cells.csv", "classes.csv", "requests.csv", "tokens.csv", "steps.csv", "samples.csv")

_RUN_COLUMNS = ("cell_id", "run_id")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_csv(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the folder `target` with FILES, a chunk of a run at a time, so that memory does not bound a session's size.

    classes.csv is not there where no load has several classes. Absent values are empty. A name that does not say its unit has it
    behind, "think_time (s)". Text that a spreadsheet would take for a formula gets an apostrophe in front.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or it holds other files.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    with new_folder(target, force=force, own_files=FILES) as folder:
        cells = summary_document(reader)["cells"]
        _write_cells(folder / "cells.csv", cells)
        _write_classes(folder / "classes.csv", cells)
        _write_raw(folder / "requests.csv", reader, "request", lambda run_id: [reader.requests(run_id)])
        _write_raw(folder / "tokens.csv", reader, "token", lambda run_id: reader.row_chunks(run_id, "token"))
        _write_raw(folder / "steps.csv", reader, "step", lambda run_id: reader.row_chunks(run_id, "step"))
        _write_samples(folder / "samples.csv", reader)


def _write_cells(path: Path, cells: Sequence[dict[str, Any]]) -> None:
    """One row a cell: configuration, counts, then each figure with the ends of its interval where one is known."""
    known_intervals = {name for cell in cells for name in cell["intervals"]}
    header = ["cell_id", "status", "reason", *(_with_unit(item.name, item.unit) for item in axis.AXES)]
    header += ["runs", *(f"requests_{field.name}" for field in dataclasses.fields(RequestCounts))]
    header += [f"tokens_{field.name}" for field in dataclasses.fields(TokenCounts)]
    for column, metric_name, statistic in metric_columns():
        unit = _unit(metric_name, statistic)
        header.append(_with_unit(column, unit))
        if _figure_name(metric_name, statistic) in known_intervals:
            header += [_with_unit(f"{column}_ci_low", unit), _with_unit(f"{column}_ci_high", unit)]
    _write(path, header, (_cell_record(cell, known_intervals) for cell in cells))


def _cell_record(cell: dict[str, Any], known_intervals: set[str]) -> list[Any]:
    record = [cell["cell_id"], cell["status"], cell["reason"], *(cell["config"].get(item.name) for item in axis.AXES)]
    record += [cell["runs"], *cell["requests"].values(), *cell["tokens"].values()]
    for _, metric_name, statistic in metric_columns():
        record.append(_figure(cell["metrics"], metric_name, statistic))
        name = _figure_name(metric_name, statistic)
        if name in known_intervals:
            record += cell["intervals"].get(name, [None, None])
    return record


def _write_classes(path: Path, cells: Sequence[dict[str, Any]]) -> None:
    """One row for each class of requests of a cell, with its figures; no file where there are none."""
    classes = [(cell["cell_id"], name, figures) for cell in cells for name, figures in cell["classes"].items()]
    if not classes:
        return
    columns = metric_columns()
    header = ["cell_id", "class"]
    header += [_with_unit(column, _unit(metric_name, statistic)) for column, metric_name, statistic in columns]
    records = (
        [cell_id, name, *(_figure(figures, metric_name, statistic) for _, metric_name, statistic in columns)]
        for cell_id, name, figures in classes
    )
    _write(path, header, records)


def _figure(figures: Figures, metric_name: str, statistic: str) -> float | int | None:
    figure = figures[metric_name]
    return figure[statistic] if isinstance(figure, dict) else figure


def _write_raw(path: Path, reader: SessionReader, kind: str, parts: Callable[[int], Iterable[NDArray[Any]]]) -> None:
    """All rows of one kind, `parts` giving those of a run."""

    def records() -> Iterator[Sequence[Any]]:
        for run in reader.runs():
            names = class_names(run.specification)
            for part in parts(run.run_id):
                for record in zip(*plain_columns(part, names).values(), strict=True):
                    yield run.cell_id, run.run_id, *record

    _write(path, [*_RUN_COLUMNS, *(COLUMN_DTYPES[kind].names or ())], records())


def _write_samples(path: Path, reader: SessionReader) -> None:
    """All telemetry, a column for each channel that any run has; a first pass over the small chunks finds these."""
    runs = reader.runs()
    channels = list(dict.fromkeys(name for run in runs for part in reader.sample_chunks(run.run_id) for name in part.channels))

    def records() -> Iterator[Sequence[Any]]:
        for run in runs:
            for part in reader.sample_chunks(run.run_id):
                absent = [math.nan] * len(part.times_ns)
                columns = [part.channels[name].tolist() if name in part.channels else absent for name in channels]
                for time_ns, *readings in zip(part.times_ns.tolist(), *columns, strict=True):
                    yield run.cell_id, run.run_id, time_ns, *(value if math.isfinite(value) else None for value in readings)

    _write(path, [*_RUN_COLUMNS, "time_ns", *channels], records())


def _write(path: Path, header: Sequence[str], records: Iterable[Sequence[Any]]) -> None:
    with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([_inert(name) for name in header])
        writer.writerows([_inert(value) for value in record] for record in records)


def _inert(value: Any) -> Any:
    """`value`, with an apostrophe in front of text that a spreadsheet would run as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _with_unit(name: str, unit: str) -> str:
    """A column's name, with its unit behind it unless the name says it already: "kv_occupancy (%)", "itl_ms_p50"."""
    words = unit.lower().replace("/", "_")
    return f"{name} ({unit})" if unit and f"_{words}_" not in f"_{name}_" else name


def _unit(metric_name: str, statistic: str) -> str:
    return "" if statistic == "n" else metric.BY_NAME[metric_name].unit


def _figure_name(metric_name: str, statistic: str) -> str:
    """A figure's name among the intervals."""
    return metric_name if statistic == SINGLE else f"{metric_name}.{statistic}"
