"""The command `show`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from profiler.analysis.flag_words import told_once
from profiler.analysis.model_ranking import LOWER_IS_BETTER, RankedModel, rank_models
from profiler.cli.energy_output import calibration_of, energy_sentences, energy_table, price_of
from profiler.cli.output import Json, print_json, printable, standard_output, table
from profiler.exchange.findings.answer import answer
from profiler.exchange.findings.session_view import read_session
from profiler.exchange.findings.tone import MARKS
from profiler.exchange.markup import plain
from profiler.exchange.session_energy import add_energy, read_energy
from profiler.exchange.summary import summary_document
from profiler.plan.cells import varying_axes
from profiler.records import axis, metric
from profiler.session.reader import SessionReader
from profiler.units import bytes_text, half_width_text, significant

_SHOWN = (("ttft_ms", "p50"), ("ttft_ms", "p95"), ("itl_ms", "p50"), ("tpot_ms", "p95"))
_IF_KNOWN = ("attainment", "queue_growth_s", "cache_hit_rate")
_CLASS_SINGLES = ("user_tok_s", "low1_tok_s", "attainment")
_SINGLES = ("output_tok_s", "user_tok_s", "prompt_tok_s", "batch_occupancy", "bandwidth_gb_s", "rss_peak_bytes")


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A session file.")],
    price: Annotated[float | None, typer.Option(metavar="N", help="What a kilowatt-hour costs: adds the cost of tokens.")] = None,
    currency: Annotated[str, typer.Option(metavar="NAME", help="Of the price, as it is to be shown.")] = "",
    wall_watts: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="What a meter at the wall showed on average while this session's only cell was measured. Kept for its machine: "
            "energy is then told as drawn at the wall, too.",
        ),
    ] = None,
    wall_idle_watts: Annotated[float | None, typer.Option(metavar="N", help="What it showed at rest, before.")] = None,
    json: Json = False,
) -> None:
    """Show what a session file holds, as figures for each cell."""
    energy_price = price_of(price, currency)
    with SessionReader.open(file) as reader:
        document = summary_document(reader)
        found = read_energy(reader)
        calibration = calibration_of(reader.machine(), found, wall_watts=wall_watts, wall_idle_watts=wall_idle_watts)
        add_energy(document, found, energy_price, calibration)
        figures = {cell["cell_id"]: cell["metrics"] for cell in document["cells"]}
        ranking = rank_models(reader.models(), reader.cells(), figures)
    if json:
        print_json(document)
        return
    console = standard_output()
    console.print(printable(f"{document['title'] or file.name} · {document['created']}"))
    for model in document["models"]:
        named = f"{Path(model['path']).name} · {model['name']} · {model['quantization']} · {bytes_text(model['file_bytes'])}"
        console.print(printable(named))
    console.print(summary_table(document))
    if any(cell["classes"] for cell in document["cells"]):
        console.print(class_table(document))
    for sentence in search_sentences(document) or answer_sentences(file):
        console.print(printable(sentence))
    print_energy(console, document)
    if len(ranking) > 1:
        console.print(ranking_table(ranking))
    axes = varying_axes([cell["config"] for cell in document["cells"]])
    for cell in document["cells"]:
        for remark in ([cell["reason"]] if cell["reason"] else []) + list(told_once(cell["flags"])):
            console.print(printable(f"▲ {_name(cell['config'], axes)}: {remark}"))


def print_energy(console: Console, document: Mapping[str, Any]) -> None:
    """What was spent, or why that is not known."""
    measured = energy_table(document)
    if measured is not None:
        console.print(measured)
    for sentence in energy_sentences(document):
        console.print(printable(sentence))


def search_sentences(document: Mapping[str, Any]) -> list[str]:
    """What a search found: each boundary, then the answer."""
    search = document["search"]
    return [] if search is None else [*search["boundaries"], *([search["answer"]] if search["answer"] else [])]


def answer_sentences(file: Path) -> list[str]:
    """What the session says of its stated need, and why; nothing where no need is stated."""
    view = read_session(file)
    if not view.has_limits:
        return []
    told = answer(view)
    mark = f"{MARKS[told.tone]} " if MARKS[told.tone] else ""
    return [
        f"{mark}{plain(told.statement)} {told.detail}".rstrip(),
        *(f"{each.about}: {plain(each.sentence)}" for each in told.reasons),
    ]


def summary_table(document: Mapping[str, Any]) -> Table:
    """The cells of a summary document: the axes that vary, then the figures that matter most."""
    cells = document["cells"]
    axes = varying_axes([cell["config"] for cell in cells]) if cells else []
    columns = [(varying.name, varying.kind != "text") for varying in axes]
    columns += [("status", False), ("runs", True)]
    columns += [(f"{name} {statistic}", True) for name, statistic in _SHOWN]
    singles = [*_SINGLES, *(name for name in _IF_KNOWN if any(cell["metrics"][name] is not None for cell in cells))]
    columns += [(_title(name), True) for name in singles]
    rows = []
    for cell in cells:
        row = [str(cell["config"][varying.name]) for varying in axes]
        row += [cell["status"], str(cell["runs"])]
        row += [_number((cell["metrics"][name] or {}).get(statistic)) for name, statistic in _SHOWN]
        row += [_single(cell, name) for name in singles]
        rows.append(row)
    return table(columns, rows)


def class_table(document: Mapping[str, Any]) -> Table:
    """The figures of each class of requests, cell by cell."""
    axes = varying_axes([cell["config"] for cell in document["cells"]])
    columns = [(varying.name, varying.kind != "text") for varying in axes] + [("class", False)]
    columns += [(f"{name} {statistic}", True) for name, statistic in _SHOWN] + [("itl_ms max", True)]
    columns += [(name, True) for name in _CLASS_SINGLES]
    rows = []
    for cell in document["cells"]:
        for name, metrics in cell["classes"].items():
            row = [str(cell["config"][varying.name]) for varying in axes] + [printable(name)]
            row += [_number((metrics[metric] or {}).get(statistic)) for metric, statistic in (*_SHOWN, ("itl_ms", "max"))]
            rows.append(row + [_number(metrics[metric]) for metric in _CLASS_SINGLES])
    return table(columns, rows)


def ranking_table(ranking: Sequence[RankedModel]) -> Table:
    """The models beside each other: a figure with its place among them, the marked ones beaten by no other."""
    titles = {
        "file_bytes": "file",
        "output_tok_s": "best output_tok_s",
        "user_tok_s": "user_tok_s alone",
        "rss_peak_bytes": "memory alone",
        "bits_per_byte": "bits_per_byte",
    }
    columns = [("model", False), ("quant", False), *((titles[name], True) for name in LOWER_IS_BETTER), ("unbeaten", False)]
    rows = []
    for model in ranking:
        row = [printable(model.name), model.quantization]
        for name in LOWER_IS_BETTER:
            value, rank = model.value(name), model.ranks.get(name)
            told = "–" if value is None else bytes_text(value) if name.endswith("_bytes") else significant(value)
            row.append(told if rank is None else f"{told} #{rank}")
        rows.append([*row, {True: "✓", False: "", None: "–"}[model.is_unbeaten]])
    return table(columns, rows)


def _title(name: str) -> str:
    return "memory" if name == "rss_peak_bytes" else name


def _single(cell: Mapping[str, Any], name: str) -> str:
    value = cell["metrics"][name]
    if metric.BY_NAME[name].unit == "bytes":
        return bytes_text(value) if value is not None else "–"
    interval = cell["intervals"].get(name)
    text = _number(value)
    if not interval or value is None:
        return text
    half = half_width_text(value, (interval[0], interval[1]))
    return f"{text} {half.replace('± over 100 %', '±>100%')}"


def _number(value: float | None) -> str:
    return "–" if value is None else significant(value)


def _name(configuration: Mapping[str, Any], axes: Sequence[axis.Axis]) -> str:
    """What tells a cell apart."""
    return " · ".join(f"{varying.name} {configuration[varying.name]}" for varying in axes) or "the only cell"
