"""Export as one JSON document: the summary's keys, then `events`, then `runs` with their figures and all raw data as columns.

`classes` holds the figures of single classes of requests, of a run as of a cell; it is empty for a load of one class.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from profiler.exchange.session_document import session_document
from profiler.exchange.target import new_file
from profiler.records.run_record import RunRecord
from profiler.records.timing import Samples
from profiler.session.reader import SessionReader
from profiler.session.rows import class_names, plain_columns


def export_json(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the whole session to `target`, a run at a time, so that memory holds one run only.

    Raises:
        UnusableArguments: the target exists and `force` is not set.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    head = {**session_document(reader), "events": [dataclasses.asdict(event) for event in reader.events()]}
    with new_file(target, force=force) as stream:
        stream.write(_text(head).removesuffix("}") + ', "runs": [')
        for number, run in enumerate(reader.runs()):
            stream.write((",\n" if number else "\n") + _text(run_document(reader, run)))
        stream.write("\n]}\n")


def run_document(reader: SessionReader, run: RunRecord) -> dict[str, Any]:
    """A run's record, figures and raw data; each table is an object of columns, None where an instant or reading is absent."""
    data = reader.run_data(run.run_id)
    return {
        **dataclasses.asdict(run),
        "figures": reader.run_figures(run.run_id),
        "classes": reader.run_class_figures(run.run_id),
        "requests": plain_columns(data.requests, class_names(run.specification)),
        "tokens": plain_columns(data.tokens),
        "steps": plain_columns(data.steps),
        "samples": _sample_columns(data.samples),
    }


def _sample_columns(samples: Samples) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"times_ns": samples.times_ns.tolist()}
    for name, column in samples.channels.items():
        columns[name] = [value if math.isfinite(value) else None for value in column.tolist()]
    return columns


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, allow_nan=False)
