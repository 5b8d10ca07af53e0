"""The report's sections as HTML, answer first. Every text of a session goes through `markup`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from profiler.errors import UnusableArguments
from profiler.exchange.charts.figures import SessionFigures
from profiler.exchange.findings.answer import Answer, answer
from profiler.exchange.findings.answer_reasons import limit_reasons
from profiler.exchange.findings.session_view import SessionView
from profiler.exchange.findings.tone import MARKS
from profiler.exchange.markup import escaped, sentence
from profiler.exchange.report_energy import energy
from profiler.exchange.report_figures import figures
from profiler.exchange.report_sections import section
from profiler.exchange.report_tables import (
    UNKNOWN,
    Column,
    Row,
    all_figures,
    cells_table,
    definitions,
    table,
    toned,
    verdict,
)
from profiler.plan.cells import model_labels
from profiler.plan.plan import Plan
from profiler.plan.words import in_words
from profiler.records.run_record import ModelRecord, SessionEvent
from profiler.units import bytes_text, count_text, rate_text, significant

_MOST_EVENTS = 500
_UNREADABLE_PLAN = "The plan is of a newer version than this program's; the data at the end of this file hold it as it is."


@dataclass(frozen=True, slots=True)
class ReportSource:
    """What a report is made of.

    Attributes:
        cells: of its document (`session_document`), which have the energy.
        machine: the fingerprint's document, which may hold anything.
        notes: the user's.
        percentile_method: as the file names it.
    """

    view: SessionView
    figures: SessionFigures
    cells: Sequence[Mapping[str, Any]]
    events: Sequence[SessionEvent]
    machine: Mapping[str, Any]
    notes: str
    percentile_method: str


def page_content(source: ReportSource) -> str:
    """All sections."""
    parts = [
        _answer(source),
        _measured(source),
        _cells(source.view),
        *figures(source.view, source.figures),
        *energy(source.view, source.cells),
        *_search(source.view),
        *_details(source.view),
        *_doubts(source.view),
        *_events(source.events),
        _method(source),
    ]
    return "\n".join(part for part in parts if part)


def _answer(source: ReportSource) -> str:
    told = answer(source.view)
    remarks = "".join(
        f'<li><span class="{remark.tone}">{MARKS[remark.tone]}</span><span>{escaped(remark.sentence)}</span>'
        f"{_more(remark.more)}</li>"
        for remark in told.remarks
    )
    mark = f'<span class="{told.tone}">{MARKS[told.tone]}</span> ' if MARKS[told.tone] else ""
    detail = f'<p class="muted">{sentence(told.detail)}</p>' if told.detail else ""
    return (
        f'<section id="answer" class="card answer tone-{told.tone}" aria-labelledby="answer-title">'
        f'<h2 id="answer-title">The answer</h2><div><p class="statement">{mark}{sentence(told.statement)}</p>{detail}'
        f"{_reasons(source, told)}</div>"
        f'<ul aria-label="What stands behind it">{remarks}</ul></section>'
    )


def _reasons(source: ReportSource, told: Answer) -> str:
    """Why the answer is what it is, and what limits the cell that it names."""
    work = None if told.winner_id is None else source.figures.roofline.cells.get(told.winner_id)
    rows = [
        f"<dt>{escaped(reason.about)}</dt><dd>{sentence(reason.sentence)}</dd>"
        for reason in (*told.reasons, *limit_reasons(work))
    ]
    return f'<dl class="facts reasons" aria-label="Why">{"".join(rows)}</dl>' if rows else ""


def _more(words: str) -> str:
    lines = words.split("\n") if words else []
    shown = [*lines[:3], *([f"and {len(lines) - 3} more"] if len(lines) > 3 else [])]
    return f'<span class="more">{"<br>".join(escaped(line) for line in shown)}</span>' if shown else ""


def _measured(source: ReportSource) -> str:
    rows = [f"<dt>{escaped(name)}</dt><dd>{words}</dd>" for name, words in _machine_facts(source.machine)]
    machine = f'<dl class="facts">{"".join(rows)}</dl>' if rows else '<p class="muted">The file does not tell.</p>'
    notes = f"<h3>Notes</h3><p><bdi>{escaped(source.notes)}</bdi></p>" if source.notes else ""
    plan = f"<p>{_plan_sentence(source.view.plan)}</p>{_models(source.view.model_records)}{notes}"
    cards = section("plan", "What was measured", plan), section("machine", "On which machine", machine)
    return f'<div class="two measured">{"".join(cards)}</div>'


def _plan_sentence(document: dict[str, Any]) -> str:
    try:
        plan = Plan.from_document(document)
        return sentence(in_words(plan, model_labels(plan.models.paths)))
    except (ValidationError, UnusableArguments, ValueError, TypeError, KeyError):
        return escaped(_UNREADABLE_PLAN)


def _models(models: Sequence[ModelRecord]) -> str:
    has_quality = any(model.quality is not None for model in models)
    columns = [Column("Model"), Column("Type"), Column("File", is_figure=True), Column("Parameters", is_figure=True)]
    columns += [Column("Bits a weight", is_figure=True)]
    columns += [Column("Perplexity", is_figure=True), Column("KL divergence, nat", is_figure=True)] if has_quality else []
    rows = []
    for model in models:
        row = [f"<bdi>{escaped(model.name)}</bdi>", escaped(model.quantization), bytes_text(model.file_bytes)]
        row += [count_text(model.parameters), significant(model.bits_per_weight)]
        if has_quality:
            quality = model.quality
            row += [UNKNOWN if quality is None else significant(quality.perplexity)]
            row += [UNKNOWN if quality is None or quality.kld_mean is None else significant(quality.kld_mean)]
        rows.append(Row(row))
    return table("", columns, rows) if rows else ""


def _machine_facts(machine: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What a fingerprint's document tells; what it lacks is left out."""
    cpu, memory, engine, ceilings = (_object(machine.get(name)) for name in ("cpu", "memory", "engine", "ceilings"))
    devices = machine.get("devices")
    cores = [f"{cpu[name]} {word}" for name, word in (("physical_cores", "cores"), ("logical_cores", "threads")) if cpu.get(name)]
    found: list[tuple[str, object]] = [("Processor", cpu.get("name")), ("Cores", ", ".join(cores))]
    found.append(("Last-level cache", _number_words(cpu.get("last_level_cache_bytes"), bytes_text)))
    found.append(("Memory", _number_words(memory.get("total_bytes"), bytes_text)))
    for device in devices if isinstance(devices, list | tuple) else ():
        if isinstance(device, dict) and device.get("kind") != "cpu":
            found.append(("Device", " · ".join(str(device[name]) for name in ("name", "kind", "backend") if device.get(name))))
    found.append(("Memory bandwidth", _number_words(ceilings.get("bandwidth_gb_s"), lambda value: rate_text(value, "GB/s"))))
    found.append(("Compute", _number_words(ceilings.get("compute_gflop_s"), lambda value: rate_text(value, "GFLOP/s"))))
    found.append(("System", " · ".join(str(machine[name]) for name in ("operating_system", "kernel") if machine.get(name))))
    found.append(("Runs inside", machine.get("virtualisation")))
    version = engine.get("llama_cpp_python")
    found.append(("llama.cpp", f"llama-cpp-python {version}" if version else ""))
    backends = engine.get("backends")
    found.append(("Backends", ", ".join(map(str, backends)) if isinstance(backends, list | tuple) else ""))
    found.append(("Inferometer", machine.get("app_version")))
    return ((name, escaped(words)) for name, words in found if words)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number_words(value: object, words: Any) -> str:
    return str(words(value)) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _cells(view: SessionView) -> str:
    if not view.cells:
        return ""
    hint = '<p class="muted">A cell that is chosen, here or in a figure, is chosen everywhere.</p>'
    return section("cells", "Cells", f"{hint}{cells_table(view)}", is_long=True)


def _search(view: SessionView) -> Iterable[str]:
    if view.search is None:
        return
    found = "".join(f"<li>{escaped(words)}</li>" for words in view.search.boundaries)
    steps = "".join(f"<li>{escaped(step.sentence)}</li>" for step in view.search.steps)
    content = f'<ul class="list">{found}</ul>' if found else ""
    content += f'<details><summary>What was done, and why</summary><ol class="list">{steps}</ol></details>' if steps else ""
    yield section("search", "The search", content)


def _details(view: SessionView) -> Iterable[str]:
    """Everything of each measured cell, folded."""
    if not view.measured:
        return
    each = "".join(
        f'<details data-cell="{cell.cell_id}"><summary><bdi>{escaped(cell.title)}</bdi> '
        f"{verdict(cell) if cell.checks else ''}</summary>{all_figures(cell)}</details>"
        for cell in view.measured
    )
    yield section("all-figures", "All figures of each cell", f'<div class="cells">{each}</div>', is_long=True)


def _doubts(view: SessionView) -> Iterable[str]:
    """Every flag of every cell, those of one name together."""
    told = [
        (name, cell, words)
        for cell in view.cells
        for name, _, words in (flag.partition(": ") for flag in (*cell.flags, *cell.asides))
    ]
    told.sort(key=lambda flag: flag[0])
    failed = [("failed", cell, cell.reason) for cell in view.cells if cell.reason]
    rows = [
        Row([toned("broken" if name == "failed" else "caution", name), escaped(cell.title), escaped(words)], cell.cell_id)
        for name, cell, words in (*failed, *told)
    ]
    if rows:
        columns = [Column("Flag"), Column("Cell"), Column("What it says", has_words=True)]
        yield section("flags", "Flags: what casts doubt", table("", columns, rows), is_long=True)


def _events(events: Sequence[SessionEvent]) -> Iterable[str]:
    told = [event for event in events if not event.kind.startswith("search ")]
    if not told:
        return
    columns = [Column("When (UTC)"), Column("What"), Column("", has_words=True)]
    rows = [
        Row([escaped(event.utc[:19].replace("T", " ")), escaped(event.kind), escaped(event.sentence)], event.cell_id)
        for event in told[:_MOST_EVENTS]
    ]
    left = len(told) - _MOST_EVENTS
    rest = f'<p class="muted">{left} more are in the data at the end of this file.</p>' if left > 0 else ""
    folded = f"<details><summary>{len(told)} events</summary>{table('', columns, rows)}{rest}</details>"
    yield section("events", "What happened", folded, is_long=True)


def _method(source: ReportSource) -> str:
    percentiles = f"Percentiles: {source.percentile_method}. " if source.percentile_method else "Percentiles: "
    told = [
        "Figures are those that the session file holds, computed once when a run ended; nothing is computed here. Digits are "
        "rounded to three; the data in this file have all of them.",
        "A cell's latencies pool the raw values of its valid runs; its other figures are the median over these runs.",
        f"{percentiles}A percentile q of n independent values is stated when q^n ≤ 0.01 (p50 from 7 values, p90 from 44, "
        "p95 from 90, p99 from 459); others are shown weak.",
        "Latencies count from when a request was due, not from when it was sent: waiting is part of them.",
        "Intervals are of 95 % over the runs of a cell, in this session: another session may differ by more than they tell.",
        "A cell on the frontier (filled) is one that no other cell beats on both figures of a plane.",
    ]
    method = "".join(f"<li>{escaped(words)}</li>" for words in told)
    folded = f"<details><summary>What each figure means</summary>{definitions()}</details>"
    return section("method", "Method", f'<ul class="list">{method}</ul>{folded}', is_long=True)
