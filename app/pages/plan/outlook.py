"""What a plan amounts to before it runs: its cells, what they take, and what should be known. Computed on a worker thread."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.pages.plan.arrivals_ahead import draw_ahead
from app.pages.plan.plan_models import PlanModel, read_models
from app.pages.plan.quality_ahead import quality_seconds
from app.pages.plan.search_ahead import SearchAhead, search_ahead
from app.plots.arrivals_plot import ArrivalsDrawing
from app.widgets.sentence import Tone
from profiler.analysis.distribution import is_stated
from profiler.errors import InferometerError, UnusableArguments
from profiler.hardware import ceilings, main_memory
from profiler.hardware.cpu import default_threads
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.footprint import predict_context
from profiler.modelfile.imatrix import read_imatrix
from profiler.models.quality_text import read_text
from profiler.models.quantization import quantizations_folder
from profiler.plan.cells import DEFAULT_CONCURRENCY, DEFAULT_OPEN_SLOTS, expand
from profiler.plan.plan import AS_IS, Plan
from profiler.plan.resolution import requests_of_run, specification
from profiler.plan.slo import parse_slo
from profiler.records.axis import Configuration
from profiler.records.specification import OPEN_LOOP
from profiler.scheduling.trace import detect_format
from profiler.sweep import known_speeds
from profiler.sweep.estimate import SPREAD, Estimate, estimate
from profiler.units import bytes_text, duration_text


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know before starting."""

    sentence: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan amounts to.

    Attributes:
        labels: of the plan's models, in their order, as a sweep calls them.
        descriptions, unreadable: by the plan's path; why a model cannot be read.
        cells: all of them, of a search its candidates at both ends; empty when the plan is refused.
        estimate: None when the plan is refused.
        refusal: why it cannot be swept, empty when it can.
        memory_free_bytes, disk_free_bytes: to hold the estimate against; None when unknown.
        notes: worst first.
        arrivals: how requests will come by a clock, None where none does.
        arrivals_words: the same in words, and the arrivals that are not by a clock.
        needs_trace_columns: the trace is in no format that is known.
        search: what a search amounts to; None where none is wanted, and where it is not possible.
        search_refusal: why it is not possible.
        quality_s: seconds of scoring the models' quality, part of the estimate; None where that cannot be told.
        beside_weights_bytes: by a model's label, the most memory that a run takes beside the weights; absent where unknown.
        models: the plan's files, those of one model together.
    """

    plan: Plan
    labels: tuple[str, ...]
    descriptions: Mapping[str, ModelDescription] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[Configuration, ...] = ()
    estimate: Estimate | None = None
    refusal: str = ""
    memory_free_bytes: int = 0
    disk_free_bytes: int | None = None
    notes: tuple[Note, ...] = ()
    arrivals: ArrivalsDrawing | None = None
    arrivals_words: str = ""
    needs_trace_columns: bool = False
    search: SearchAhead | None = None
    search_refusal: str = ""
    quality_s: float | None = None
    beside_weights_bytes: Mapping[str, int] = field(default_factory=dict)
    models: tuple[PlanModel, ...] = ()


def look_ahead(plan: Plan) -> Outlook:
    """The outlook of a valid plan on this machine."""
    files = read_models(plan)
    labels, descriptions, unreadable = files.labels, files.descriptions, files.unreadable
    memory_free_bytes = main_memory.available_bytes()
    measured, speeds = ceilings.cached(), known_speeds.known()
    by_label = files.by_label
    search = None
    try:
        if plan.search.enabled:
            search = search_ahead(plan, files.choices, default_threads(), by_label, measured, memory_free_bytes, speeds)
        cells = tuple(expand(plan, None, default_threads(), choices=files.choices)) if search is None else search.cells
    except InferometerError as error:
        return Outlook(
            plan,
            labels,
            descriptions,
            unreadable,
            refusal=error.sentence,
            memory_free_bytes=memory_free_bytes,
            needs_trace_columns=_needs_trace_columns(plan),
            models=files.models,
            search_refusal=error.sentence if plan.search.enabled else "",
        )
    taken = search.estimate if search else estimate(plan, cells, by_label, measured, memory_free_bytes, speeds)
    quality_s = quality_seconds(plan.models.quality_tokens, by_label, files.choices, measured, _text_bytes(plan), speeds)
    taken = _with_quality(taken, quality_s)
    notes = [
        *_memory_notes(cells, taken, memory_free_bytes),
        *_need_notes(plan),
        *_serving_notes(plan),
        *_trust_notes(plan, cells, taken),
    ]
    if measured is None:
        notes.append(Note("This machine's memory and kernels are measured first, which takes about 10 s.", "muted"))
    refusal = next(iter(unreadable.values()), "") or _unreadable_extra(plan)
    arrivals, arrivals_words = draw_ahead(plan, cells)
    return Outlook(
        plan,
        labels,
        descriptions,
        unreadable,
        cells,
        taken,
        refusal,
        memory_free_bytes,
        _disk_free_bytes(),
        tuple(notes),
        arrivals,
        arrivals_words,
        search=search,
        quality_s=quality_s,
        beside_weights_bytes=_beside_weights(plan, cells, by_label),
        models=files.models,
    )


def disk_notes(outlook: Outlook, disk_bytes: int) -> list[Note]:
    """Whether there is room for the quantizations to be made."""
    free_bytes = outlook.disk_free_bytes
    if free_bytes is None or disk_bytes <= free_bytes:
        return []
    return [Note(f"The quantizations need {bytes_text(disk_bytes)}, and {bytes_text(free_bytes)} of disk are free.", "caution")]


def _unreadable_extra(plan: Plan) -> str:
    """Why a sweep could not begin for want of a file beside the models, empty when it could."""
    models = plan.models
    try:
        if models.imatrix is not None and any(name != AS_IS for name in models.quant):
            read_imatrix(Path(models.imatrix).expanduser(), models.imatrix)
        if models.quality_text is not None:
            read_text(Path(models.quality_text).expanduser())
    except InferometerError as error:
        return error.sentence
    return ""


def _text_bytes(plan: Plan) -> int | None:
    """Bytes of the text that quality would be scored on; None when it cannot be read, or none is scored."""
    if plan.models.quality_tokens is None:
        return None
    path = plan.models.quality_text
    try:
        return len(read_text(None if path is None else Path(path).expanduser()).content.encode())
    except InferometerError:
        return None


def _with_quality(taken: Estimate, quality_s: float | None) -> Estimate:
    if taken.seconds is None or quality_s is None:
        return taken if quality_s == 0 else replace(taken, seconds=None, seconds_low=None, seconds_high=None)
    assert taken.seconds_low is not None
    assert taken.seconds_high is not None
    return replace(
        taken,
        seconds=taken.seconds + quality_s,
        seconds_low=taken.seconds_low + quality_s / SPREAD,
        seconds_high=taken.seconds_high + quality_s * SPREAD,
    )


def _beside_weights(plan: Plan, cells: Sequence[Configuration], by_label: Mapping[str, ModelDescription]) -> dict[str, int]:
    """The most that a run of each model takes beside its weights, in whatever quantization they are."""
    found: dict[str, int] = {}
    unknown: set[str] = set()
    seen = set()
    for cell in cells:
        label = str(cell["model"])
        description = by_label.get(label)
        if description is None:
            continue
        context = specification(plan, cell, description.path, 1).context
        if (label, context) in seen:
            continue
        seen.add((label, context))
        try:
            footprint = predict_context(description, context)
        except UnusableArguments:
            continue  # the engine will refuse such a cell; others may run
        if footprint.total_bytes is None:
            unknown.add(label)
        else:
            found[label] = max(found.get(label, 0), footprint.total_bytes - footprint.weights_bytes)
    return {label: needed for label, needed in found.items() if label not in unknown}


def _disk_free_bytes() -> int | None:
    """Room where quantizations are kept; their folder may not exist yet."""
    folder = quantizations_folder()
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    try:
        return shutil.disk_usage(existing).free if existing else None
    except OSError:
        return None


def _memory_notes(cells: tuple[Configuration, ...], taken: Estimate, free_bytes: int) -> list[Note]:
    count = len(taken.does_not_fit)
    if not count:
        return [] if taken.memory_bytes is None else [Note("Every cell fits into the free memory.", "met")]
    what = "No cell fits" if count == len(cells) else f"{count} of {len(cells)} cells do not fit"
    return [Note(f"{what} into the {bytes_text(free_bytes)} that are free; such a cell is likely to fail.", "caution")]


def _needs_trace_columns(plan: Plan) -> bool:
    load = plan.load
    if load.trace is None or load.trace_columns is not None or "trace" not in load.arrival:
        return False
    try:
        return detect_format(Path(load.trace).expanduser()) is None
    except InferometerError:  # it cannot be read, with or without columns
        return False


def _need_notes(plan: Plan) -> list[Note]:
    """Users to be served are those of a closed loop; a clock knows no users, only a rate."""
    load, users = plan.load, plan.need.users
    if load.classes is not None or plan.search.enabled:
        return []
    counts = load.concurrency or DEFAULT_CONCURRENCY
    if users is not None and "closed" in load.arrival and users not in counts:
        told = ", ".join(str(count) for count in counts)
        return [Note(f"{users} users are to be served, but the load has {told}: add {users} to have it measured.", "caution")]
    return []


def _serving_notes(plan: Plan) -> list[Note]:
    load, notes = plan.load, []
    if "on" in load.prefix_cache and "off" in plan.engine.kv_unified:
        notes.append(Note("The prefix cache needs the unified KV: the engine will refuse the cells without it.", "caution"))
    closed = [each.think_time for each in load.classes or () if each.arrival == "closed"]
    if load.classes is None and "closed" in load.arrival:
        closed = list(load.think_time)
    if load.queue_limit is not None and 0 in closed:
        notes.append(
            Note("A user who is refused asks again at once: with a queue limit, give users a think time or a clock.", "caution")
        )
    if load.classes is None and OPEN_LOOP.intersection(load.arrival):
        slots = " or ".join(str(count) for count in load.slots or load.concurrency or (DEFAULT_OPEN_SLOTS,))
        notes.append(Note(f"Up to {slots} requests are answered at once; those that come meanwhile wait.", "muted"))
    return notes


def _trust_notes(plan: Plan, cells: tuple[Configuration, ...], taken: Estimate) -> list[Note]:
    notes = []
    budget = plan.trust.budget
    if budget is not None and taken.seconds is not None and taken.seconds >= budget:
        notes.append(Note(f"The time budget of {duration_text(budget)} may end the sweep before all runs are done.", "caution"))
    if plan.trust.repetitions == 1 and not plan.search.enabled:
        notes.append(Note("With one run of each cell there are no intervals.", "caution"))
    most = _most_requests(plan, cells)
    for limit in parse_slo(plan.need.slo):
        if most is not None and limit.statistic != "max" and not is_stated(limit.share, most):
            needed = next(count for count in range(1, 1000) if is_stated(limit.share, count))
            notes.append(
                Note(
                    f"{limit.statistic} takes {needed} requests a cell to be certain, and no cell has more than {most}: "
                    "it will be greyed. More repeats or requests a user would settle it.",
                    "muted",
                )
            )
            break
    return notes


def _most_requests(plan: Plan, cells: tuple[Configuration, ...]) -> int | None:
    """Requests of the cell that has most, over all its runs; None when only time ends a run."""
    counts = []
    for cell in cells:
        requests = requests_of_run(specification(plan, cell, quantizations_folder(), 1))
        if requests is None:
            return None
        counts.append(requests * (plan.search.confirm_repetitions if plan.search.enabled else plan.trust.repetitions))
    return max(counts, default=None)
