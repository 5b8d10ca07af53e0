"""The tables of an export, once for CSV and Parquet: their columns with definitions, and their rows a batch at a time.

Instants are nanoseconds since their run's origin. A name that does not say its unit has it behind, "think_time (s)".
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profiler.exchange.energy_words import ENERGY_COLUMNS, EnergyColumn
from profiler.exchange.session_document import session_document
from profiler.exchange.summary import NO_FIGURES
from profiler.exchange.table_words import CELL_WORDS, RAW_WORDS, REQUEST_COUNT_WORDS, RUN_WORDS, TOKEN_COUNT_WORDS
from profiler.records import axis, metric
from profiler.records.run_record import Figures, RunRecord
from profiler.records.timing import COLUMN_DTYPES
from profiler.session.reader import SessionReader
from profiler.session.rows import class_names, plain_columns
from profiler.session.schema import SINGLE, metric_columns

NAMES = ("cells", "classes", "runs", "requests", "tokens", "steps", "samples")
"""All tables that an export may hold; `classes` is not there where no load has several."""

Kind = Literal["text", "integer", "real", "boolean"]
Batch = Sequence[Sequence[Any]]
"""Some rows of a table, as the values of each column; None where nothing was measured."""

_KINDS_OF_AXES: dict[str, Kind] = {"length": "text", "text": "text", "integer": "integer", "real": "real"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: with its unit.
        kind: of its values; None may stand among them.
        unit: empty where it has none.
        definition: what the values mean, in words.
    """

    name: str
    kind: Kind
    unit: str
    definition: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a session.

    Attributes:
        name: of NAMES.
        definition: what a row is.
        batches: reads the rows anew each time, so that memory does not bound their number.
    """

    name: str
    definition: str
    columns: tuple[Column, ...]
    batches: Callable[[], Iterator[Batch]]


def session_tables(reader: SessionReader) -> list[Table]:
    """The tables of a session, in the order of NAMES.

    Raises:
        BadFile, EnvironmentFault: it cannot be read, now or when the batches are.
    """
    cells = session_document(reader)["cells"]
    tables = [_cells(cells), _classes(cells), _runs(reader)]
    tables.append(_raw(reader, "requests", "request", lambda run_id: [reader.requests(run_id)]))
    tables.append(_raw(reader, "tokens", "token", lambda run_id: reader.row_chunks(run_id, "token")))
    tables.append(_raw(reader, "steps", "step", lambda run_id: reader.row_chunks(run_id, "step")))
    tables.append(_samples(reader))
    return [table for table in tables if table is not None]


def _cells(cells: Sequence[dict[str, Any]]) -> Table:
    """One row a cell: configuration, counts, each figure with the ends of its interval where one is known, then its energy.

    What no cell's energy has is left out.
    """
    metered = [each for each in ENERGY_COLUMNS if any(each.interval(cell["energy"]) for cell in cells)]
    known_intervals = {name for cell in cells for name in cell["intervals"]}
    columns = [_column(name, "cells") for name in ("cell_id", "status", "reason")]
    columns += [
        Column(_with_unit(item.name, item.unit), _KINDS_OF_AXES[item.kind], item.unit, _axis_words(item)) for item in axis.AXES
    ]
    columns.append(_column("runs", "cells"))
    columns += [Column(f"requests_{name}", "integer", "", words) for name, words in REQUEST_COUNT_WORDS.items()]
    columns += [Column(f"tokens_{name}", "integer", "tokens", words) for name, words in TOKEN_COUNT_WORDS.items()]
    columns += _figure_columns(known_intervals)
    columns += _energy_columns(metered)
    columns.append(_column("flags", "cells"))
    return Table(
        "cells",
        CELL_WORDS[""][1],
        tuple(columns),
        lambda: _batch([_cell_record(cell, known_intervals, metered) for cell in cells]),
    )


def _energy_columns(metered: Sequence[EnergyColumn]) -> list[Column]:
    columns = [_column("energy_meters", "cells")] if metered else []
    for each in metered:
        columns.append(Column(each.name, "real", each.unit, f"{each.definition}; median over the runs"))
        columns += [
            Column(f"{each.name}_{end}", "real", each.unit, f"{said} end of the 95 % sampling interval of {each.name}")
            for end, said in (("ci_low", "lower"), ("ci_high", "upper"))
        ]
    return columns


def _energy(cell: Mapping[str, Any], metered: Sequence[EnergyColumn]) -> list[Any]:
    told: list[Any] = [", ".join(cell["energy"]["meters"]) or None] if metered else []
    for each in metered:
        found = each.interval(cell["energy"]) or {}
        told += [found.get(name) for name in ("value", "low", "high")]
    return told


def _cell_record(cell: dict[str, Any], known_intervals: set[str], metered: Sequence[EnergyColumn]) -> list[Any]:
    record = [cell["cell_id"], cell["status"], cell["reason"], *(_axis_value(cell["config"], item) for item in axis.AXES)]
    record += [cell["runs"], *(cell["requests"][name] for name in REQUEST_COUNT_WORDS)]
    record += [cell["tokens"][name] for name in TOKEN_COUNT_WORDS]
    for _, metric_name, statistic in metric_columns():
        record.append(_figure(cell["metrics"], metric_name, statistic))
        name = _figure_name(metric_name, statistic)
        if name in known_intervals:
            record += cell["intervals"].get(name, [None, None])
    return [*record, *_energy(cell, metered), _several(cell["flags"])]


def _classes(cells: Sequence[dict[str, Any]]) -> Table | None:
    """One row for each class of requests of a cell, with its figures; None where there are none."""
    classes = [(cell["cell_id"], name, figures) for cell in cells for name, figures in cell["classes"].items()]
    if not classes:
        return None
    columns = [_column("cell_id", "cells"), Column("class", "text", "", RAW_WORDS["request"]["class"]), *_figure_columns(set())]
    records = [[cell_id, name, *_figures(figures)] for cell_id, name, figures in classes]
    return Table("classes", "One class of requests of a cell, over its valid runs.", tuple(columns), lambda: _batch(records))


def _runs(reader: SessionReader) -> Table:
    """One row a repetition, which tells of the raw rows whether they count; then its figures."""
    columns = [_column(name, "runs") for name in RUN_WORDS if name]
    columns += _figure_columns(set())

    def record(run: RunRecord) -> list[Any]:
        told = [run.cell_id, run.run_id, run.repetition, run.block, str(run.status), run.is_valid, str(run.purpose)]
        told += [run.anchor.utc if run.anchor else None, run.reason, _several(run.flags)]
        return [*told, *_figures(reader.run_figures(run.run_id) or NO_FIGURES)]

    return Table("runs", RUN_WORDS[""][1], tuple(columns), lambda: _batch([record(run) for run in reader.runs()]))


def _raw(reader: SessionReader, name: str, kind: str, parts: Callable[[int], Iterable[NDArray[Any]]]) -> Table:
    """All rows of one kind, `parts` giving those of a run."""
    words = RAW_WORDS[kind]
    dtype = COLUMN_DTYPES[kind]
    columns = [_column("cell_id", "runs"), _column("run_id", "runs")]
    columns += [
        Column(each, "text" if each in ("status", "class") else "integer", unit_of(each), words[each])
        for each in dtype.names or ()
    ]

    def batches() -> Iterator[Batch]:
        for run in reader.runs():
            names = class_names(run.specification)
            for part in parts(run.run_id):
                yield [[run.cell_id] * len(part), [run.run_id] * len(part), *plain_columns(part, names).values()]

    return Table(name, words[""], tuple(columns), batches)


def _samples(reader: SessionReader) -> Table:
    """All telemetry, a column for each channel that any run has; a first pass over the small chunks finds these."""
    runs = reader.runs()
    channels = list(dict.fromkeys(name for run in runs for part in reader.sample_chunks(run.run_id) for name in part.channels))
    columns = [
        _column("cell_id", "runs"),
        _column("run_id", "runs"),
        Column("time_ns", "integer", "ns", RAW_WORDS["samples"]["time_ns"]),
    ]
    columns += [Column(name, "real", unit_of(name), RAW_WORDS["samples"]["channel"]) for name in channels]

    def batches() -> Iterator[Batch]:
        for run in runs:
            for part in reader.sample_chunks(run.run_id):
                count = len(part.times_ns)
                read = [_readings(part.channels[name]) if name in part.channels else [None] * count for name in channels]
                yield [[run.cell_id] * count, [run.run_id] * count, part.times_ns.tolist(), *read]

    return Table("samples", RAW_WORDS["samples"][""], tuple(columns), batches)


def _readings(channel: NDArray[np.float64]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in channel.tolist()]


def _batch(records: Sequence[Sequence[Any]]) -> Iterator[Batch]:
    """One batch of all records; none where there are no records."""
    if records:
        yield list(zip(*records, strict=True))


def _column(name: str, table: Literal["cells", "runs"]) -> Column:
    kind, definition = (CELL_WORDS if table == "cells" else RUN_WORDS)[name]
    return Column(name, kind, "", definition)


def _figure_columns(known_intervals: set[str]) -> list[Column]:
    columns = []
    for name, metric_name, statistic in metric_columns():
        definition = metric.BY_NAME[metric_name].term
        if statistic == "n":
            columns.append(Column(name, "integer", "", f"{definition}: number of values"))
            continue
        unit = metric.BY_NAME[metric_name].unit
        words = definition if statistic == SINGLE else f"{definition}: {_STATISTIC_WORDS.get(statistic, statistic)}"
        columns.append(Column(_with_unit(name, unit), "real", unit, words))
        if _figure_name(metric_name, statistic) in known_intervals:
            for end, said in (("ci_low", "lower"), ("ci_high", "upper")):
                columns.append(
                    Column(_with_unit(f"{name}_{end}", unit), "real", unit, f"{said} end of the 95 % interval of {name}")
                )
    return columns


_STATISTIC_WORDS = {f"p{q}": f"{q}th percentile by nearest rank over raw values" for q in (50, 90, 95, 99)} | {"max": "maximum"}


def _figures(figures: Figures) -> list[float | int | None]:
    return [_figure(figures, metric_name, statistic) for _, metric_name, statistic in metric_columns()]


def _figure(figures: Figures, metric_name: str, statistic: str) -> float | int | None:
    figure = figures[metric_name]
    return figure[statistic] if isinstance(figure, dict) else figure


def _axis_value(configuration: Mapping[str, Any], item: axis.Axis) -> Any:
    value = configuration.get(item.name)
    return str(value) if item.kind == "length" and value is not None else value


def _axis_words(item: axis.Axis) -> str:
    told = f"{item.label}, option {item.option}"
    return f"{told}; a whole number, or a distribution in words" if item.kind == "length" else told


def _several(sentences: Iterable[str]) -> str:
    return " | ".join(sentences)


def _with_unit(name: str, unit: str) -> str:
    """A column's name, with its unit behind it unless the name says it already: "kv_occupancy (%)", "itl_ms_p50"."""
    words = unit.lower().replace("/", "_")
    return f"{name} ({unit})" if unit and f"_{words}_" not in f"_{name}_" else name


def _figure_name(metric_name: str, statistic: str) -> str:
    """A figure's name among the intervals."""
    return metric_name if statistic == SINGLE else f"{metric_name}.{statistic}"


def unit_of(name: str) -> str:
    """The unit that a raw column's name says."""
    return next((unit for unit in _UNITS if unit in name.split("_")), "")


_UNITS = ("ns", "tokens", "bytes", "percent", "mhz", "celsius", "watts", "joules", "ms", "s")
