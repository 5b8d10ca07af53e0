"""The command `show`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from profiler.cli.output import Json, print_json, printable, standard_output, table
from profiler.exchange.summary import summary_document
from profiler.plan.cells import varying_axes
from profiler.records import axis, metric
from profiler.session.reader import SessionReader
from profiler.units import bytes_text, significant

_SHOWN = (("ttft_ms", "p50"), ("ttft_ms", "p95"), ("itl_ms", "p50"), ("tpot_ms", "p95"))
_SINGLES = ("output_tok_s", "user_tok_s", "prompt_tok_s", "batch_occupancy", "bandwidth_gb_s", "rss_peak_bytes")


def command(file: Annotated[Path, typer.Argument(metavar="FILE", help="A session file.")], json: Json = False) -> None:
    """Show what a session file holds, as figures for each cell."""
    with SessionReader.open(file) as reader:
        document = summary_document(reader)
    if json:
        print_json(document)
        return
    console = standard_output()
    console.print(printable(f"{document['title'] or file.name} · {document['created']}"))
    for model in document["models"]:
        named = f"{Path(model['path']).name} · {model['name']} · {model['quantization']} · {bytes_text(model['file_bytes'])}"
        console.print(printable(named))
    console.print(summary_table(document))
    for cell in document["cells"]:
        for remark in ([cell["reason"]] if cell["reason"] else []) + list(cell["flags"]):
            console.print(printable(f"▲ {_name(cell['config'])}: {remark}"))


def summary_table(document: Mapping[str, Any]) -> Table:
    """The cells of a summary document: the axes that vary, then the figures that matter most."""
    cells = document["cells"]
    axes = varying_axes([cell["config"] for cell in cells]) if cells else []
    columns = [(varying.name, varying.kind != "text") for varying in axes]
    columns += [("status", False), ("runs", True)]
    columns += [(f"{name} {statistic}", True) for name, statistic in _SHOWN]
    columns += [(_title(name), True) for name in _SINGLES]
    rows = []
    for cell in cells:
        row = [str(cell["config"][varying.name]) for varying in axes]
        row += [cell["status"], str(cell["runs"])]
        row += [_number(cell["metrics"][name][statistic]) for name, statistic in _SHOWN]
        row += [_single(cell, name) for name in _SINGLES]
        rows.append(row)
    return table(columns, rows)


def _title(name: str) -> str:
    return "memory" if name == "rss_peak_bytes" else name


def _single(cell: Mapping[str, Any], name: str) -> str:
    value = cell["metrics"][name]
    if metric.BY_NAME[name].unit == "bytes":
        return bytes_text(value) if value is not None else "–"
    interval = cell["intervals"].get(name)
    text = _number(value)
    return f"{text} ± {significant((interval[1] - interval[0]) / 2, 2)}" if interval and value is not None else text


def _number(value: float | None) -> str:
    return "–" if value is None else significant(value)


def _name(configuration: Mapping[str, Any]) -> str:
    return " · ".join(f"{name} {configuration[name]}" for name in ("quant", "concurrency") if name in axis.BY_NAME)
