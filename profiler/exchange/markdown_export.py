"""Export as Markdown, to paste in an issue: the machine, the models, and the cells with intervals and flags as tables.

Names and sentences come from files: what Markdown, HTML or an issue tracker would act on is escaped, and of a path only the
file's name is told.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import profiler
from profiler.exchange.energy_words import ENERGY_COLUMNS, energy_sentences, energy_text
from profiler.exchange.session_document import session_document
from profiler.exchange.target import new_file
from profiler.plan.cells import varying_axes
from profiler.records import metric
from profiler.records.axis import Axis
from profiler.session.reader import SessionReader
from profiler.session.schema import SINGLE
from profiler.units import bytes_text, count_text, significant

_SHOWN = (
    ("ttft_ms", "p50"),
    ("ttft_ms", "p95"),
    ("itl_ms", "p50"),
    ("itl_ms", "p95"),
    ("tpot_ms", "p95"),
    ("e2e_ms", "p95"),
    ("output_tok_s", SINGLE),
    ("user_tok_s", SINGLE),
    ("prompt_tok_s", SINGLE),
)
_IF_KNOWN = (
    "attainment",
    "goodput_s",
    "cache_hit_rate",
    "bandwidth_gb_s",
    "rss_peak_bytes",
    "vram_peak_bytes",
    "tokens_per_joule",
)
_NOTHING = "–"

_ESCAPED = re.compile(r"[*_{}\[\]#~$]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "\\": "&#92;", "`": "&#96;", "|": "&#124;"}
"""As entities what a backslash does not help against everywhere: the bar within code, the @ that calls a person."""


def export_markdown(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the tables to `target`.

    Raises:
        UnusableArguments: the target exists and `force` is not set.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    text = markdown(session_document(reader))
    with new_file(target, force=force) as stream:
        stream.write(text)


def markdown(document: Mapping[str, Any]) -> str:
    """A session document (`exchange.session_document`) as Markdown."""
    cells = document["cells"]
    axes = varying_axes([cell["config"] for cell in cells]) if cells else []
    title = document["title"] or _file_name(document["session"])
    parts = [f"### {escaped(title)}", *_machine(document["machine"]), *_models(document["models"])]
    parts += [
        *_cells(cells, axes),
        *_energy(cells, axes),
        *_remarks(cells, axes),
        *_search(document["search"]),
        _legend(document, cells),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text in one line that Markdown shows as it is; control characters become �."""
    shown = "".join(character if character.isprintable() else " " if character.isspace() else "\ufffd" for character in text)
    marked = "".join(_ENTITIES.get(character) or _ESCAPED.sub(r"\\\g<0>", character) for character in shown)
    # No address becomes a link of itself, and no number that of an issue.
    return re.sub(r"(?i)\b(www)\.", r"\1&#46;", marked.replace("://", ":&#47;&#47;").replace(r"\#", "&#35;"))


def _machine(machine: Mapping[str, Any]) -> list[str]:
    def at(*keys: str) -> Any:
        value: Any = machine
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    cores = at("cpu", "physical_cores")
    bandwidth = at("ceilings", "bandwidth_gb_s")
    devices = [each for each in at("devices") or [] if isinstance(each, dict) and each.get("kind") != "cpu"]
    facts = [
        ("Processor", f"{at('cpu', 'name')}" + (f", {cores} cores" if cores else "") if at("cpu", "name") else None),
        ("Memory", bytes_text(at("memory", "total_bytes")) if at("memory", "total_bytes") else None),
        ("Read bandwidth", f"{significant(bandwidth)} GB/s measured" if bandwidth else None),
        *(("Device", _device(each)) for each in devices),
        ("System", " ".join(str(at(name)) for name in ("operating_system", "kernel") if at(name)) or None),
        ("llama.cpp", _engine(at("engine"))),
        ("Inferometer", at("app_version")),
    ]
    rows = [[name, escaped(str(value))] for name, value in facts if value]
    return [_table([("Machine", False), ("", False)], rows)] if rows else []


def _device(device: Mapping[str, Any]) -> str:
    memory, driver = device.get("vram_total_bytes"), device.get("driver")
    told = [device.get("name"), device.get("backend"), bytes_text(memory) if memory else None]
    return ", ".join(str(part) for part in (*told, f"driver {driver}" if driver else None) if part)


def _engine(engine: Any) -> str | None:
    if not isinstance(engine, dict) or not engine.get("llama_cpp_python"):
        return None
    backends = ", ".join(str(name) for name in engine.get("backends") or [])
    return f"llama-cpp-python {engine['llama_cpp_python']}" + (f" ({backends})" if backends else "")


def _models(models: Sequence[Mapping[str, Any]]) -> list[str]:
    if not models:
        return []
    columns = [("Model", False), ("file", False), ("type", False)]
    columns += [(name, True) for name in ("parameters", "size", "bits/weight", "perplexity")]
    rows = []
    for model in models:
        quality = model["quality"]
        perplexity = _NOTHING
        if quality is not None:
            perplexity = f"{significant(quality['perplexity'], 4)} ± {significant(quality['perplexity_stderr'], 2)}"
        named = [model["name"], _file_name(model["path"]), model["quantization"]]
        sizes = [count_text(model["parameters"]), bytes_text(model["file_bytes"]), significant(model["bits_per_weight"])]
        rows.append([*map(escaped, named), *sizes, perplexity])
    return [_table(columns, rows)]


def _cells(cells: Sequence[Mapping[str, Any]], axes: Sequence[Axis]) -> list[str]:
    if not cells:
        return ["Nothing was measured."]
    singles = [(name, SINGLE) for name in _IF_KNOWN if any(cell["metrics"][name] is not None for cell in cells)]
    shown = [*_SHOWN, *singles]
    columns = [(axis.name, axis.kind != "text") for axis in axes] + [("status", False), ("runs", True)]
    columns += [(_title(name, statistic), True) for name, statistic in shown] + [("flags", False)]
    rows = []
    for cell in cells:
        row = [_NOTHING if (value := cell["config"][axis.name]) is None else escaped(str(value)) for axis in axes]
        row += [cell["status"], str(cell["runs"]), *(figure_text(cell, name, statistic) for name, statistic in shown)]
        rows.append([*row, escaped(", ".join(flag.partition(":")[0] for flag in cell["flags"]))])
    return [_table(columns, rows)]


def _energy(cells: Sequence[Mapping[str, Any]], axes: Sequence[Axis]) -> list[str]:
    """What the meters counted, of the cells in which they were read."""
    metered = [cell for cell in cells if cell["energy"]["meters"]]
    if not metered:
        return []
    shown = [column for column in ENERGY_COLUMNS if any(column.interval(cell["energy"]) for cell in metered)]
    columns = [(axis.name, axis.kind != "text") for axis in axes] + [(escaped(column.title), True) for column in shown]
    rows = [
        [
            *(_NOTHING if (value := cell["config"][axis.name]) is None else escaped(str(value)) for axis in axes),
            *(energy_text(column.interval(cell["energy"])) for column in shown),
        ]
        for cell in metered
    ]
    return [_table(columns, rows), "\n".join(f"- {escaped(sentence)}" for sentence in energy_sentences(metered))]


def figure_text(cell: Mapping[str, Any], name: str, statistic: str) -> str:
    """A cell's figure with three digits and its interval; in brackets a percentile that too few values stand behind."""
    figure = cell["metrics"][name]
    value = figure if statistic == SINGLE else (figure or {}).get(statistic)
    if value is None:
        return _NOTHING
    told = bytes_text if metric.BY_NAME[name].unit == "bytes" else significant
    text = told(value)
    if not cell["stated"].get(name, {}).get(statistic, True):
        text = f"({text})"
    ends = cell["intervals"].get(name if statistic == SINGLE else f"{name}.{statistic}")
    return f"{text} [{told(ends[0])}, {told(ends[1])}]" if ends else text


def _title(name: str, statistic: str) -> str:
    """A figure's column: its name, the statistic, and the unit that the name does not say."""
    unit = metric.BY_NAME[name].unit
    words = unit.lower().replace("/", "_")
    told = name if statistic == SINGLE else f"{name} {statistic}"
    return escaped(told if not unit or f"_{words}_" in f"_{name}_" else f"{told} ({unit})")


def _remarks(cells: Sequence[Mapping[str, Any]], axes: Sequence[Axis]) -> list[str]:
    lines = []
    for cell in cells:
        named = ", ".join(f"{axis.name} {cell['config'][axis.name]}" for axis in axes) or "the only cell"
        told = [*([cell["reason"]] if cell["reason"] else []), *cell["flags"]]
        lines += [f"- {escaped(named)}: {escaped(sentence)}" for sentence in told]
    return ["\n".join(lines)] if lines else []


def _search(search: Mapping[str, Any] | None) -> list[str]:
    sentences = [] if search is None else [*search["boundaries"], *([search["answer"]] if search["answer"] else [])]
    return ["\n".join(f"- {escaped(sentence)}" for sentence in sentences)] if sentences else []


def _legend(document: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    told = ["Latencies count from when a request was due"]
    if any(cell["intervals"] for cell in cells):
        told.append("square brackets hold 95 % intervals over repetitions")
    if any(not all(statistics.values()) for cell in cells for statistics in cell["stated"].values()):
        told.append("a percentile in round brackets has too few values behind it")
    told.append(f"{_NOTHING} was not measured")
    made = f"Measured {document['created'][:10]}, written by Inferometer {profiler.__version__}." if document["created"] else ""
    return escaped(f"{'; '.join(told)}. {made}".strip())


def _table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> str:
    """A table; each column is (title, is a figure); figures stand at the right."""
    lines = ["| " + " | ".join(title for title, _ in columns) + " |"]
    lines.append("|" + "|".join("---:" if is_figure else "---" for _, is_figure in columns) + "|")
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _file_name(path: str) -> str:
    """The last part of a path of either system."""
    return PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name
