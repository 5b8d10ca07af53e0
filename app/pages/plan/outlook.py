"""What a plan amounts to before it runs: its cells, what they take, and what should be known. Computed on a worker thread."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.descriptions import description_of
from app.pages.plan.arrivals_ahead import draw_ahead
from app.plots.arrivals_plot import ArrivalsDrawing
from app.widgets.sentence import Tone
from profiler.analysis.distribution import is_stated
from profiler.errors import InferometerError
from profiler.hardware import ceilings, main_memory
from profiler.hardware.cpu import default_threads
from profiler.modelfile.description import ModelDescription
from profiler.models.quantization import quantizations_folder
from profiler.plan.cells import DEFAULT_CONCURRENCY, DEFAULT_OPEN_SLOTS, expand, model_labels
from profiler.plan.plan import Plan
from profiler.plan.resolution import requests_of_run, specification
from profiler.plan.slo import parse_slo
from profiler.records.axis import Configuration
from profiler.records.specification import OPEN_LOOP
from profiler.scheduling.trace import detect_format
from profiler.sweep.estimate import Estimate, estimate
from profiler.sweep.preparation import resolve_model_path
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
        labels: of the plan's models, in their order.
        descriptions, unreadable: by the plan's path; why a model cannot be read.
        cells: all of them, empty when the plan is refused.
        estimate: None when the plan is refused.
        refusal: why it cannot be swept, empty when it can.
        memory_free_bytes, disk_free_bytes: to hold the estimate against; None when unknown.
        notes: worst first.
        arrivals: how requests will come by a clock, None where none does.
        arrivals_words: the same in words, and the arrivals that are not by a clock.
        needs_trace_columns: the trace is in no format that is known.
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


def look_ahead(plan: Plan) -> Outlook:
    """The outlook of a valid plan on this machine."""
    descriptions: dict[str, ModelDescription] = {}
    unreadable: dict[str, str] = {}
    files = []
    for name in plan.models.paths:
        try:
            path = resolve_model_path(name)
            files.append(str(path))
            descriptions[name] = description_of(path)
        except InferometerError as error:
            files = [*files[: len(descriptions) + len(unreadable)], name]
            unreadable[name] = error.sentence
    labels = tuple(model_labels(files))
    memory_free_bytes = main_memory.available_bytes()
    measured = ceilings.cached()
    try:
        cells = tuple(expand(plan, labels, default_threads()))
    except InferometerError as error:
        return Outlook(
            plan,
            labels,
            descriptions,
            unreadable,
            refusal=error.sentence,
            memory_free_bytes=memory_free_bytes,
            needs_trace_columns=_needs_trace_columns(plan),
        )
    by_label = {label: descriptions[name] for label, name in zip(labels, plan.models.paths, strict=True) if name in descriptions}
    taken = estimate(plan, cells, by_label, measured, memory_free_bytes)
    disk_free_bytes = _disk_free_bytes()
    notes = [
        *_memory_notes(cells, taken, memory_free_bytes),
        *_disk_notes(taken, disk_free_bytes),
        *_need_notes(plan),
        *_serving_notes(plan),
        *_trust_notes(plan, cells, taken),
    ]
    if measured is None:
        notes.append(Note("The memory bandwidth of this machine is measured first, which takes about 3 s.", "muted"))
    refusal = next(iter(unreadable.values()), "")
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
        disk_free_bytes,
        tuple(notes),
        arrivals,
        arrivals_words,
    )


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


def _disk_notes(taken: Estimate, free_bytes: int | None) -> list[Note]:
    if free_bytes is None or taken.disk_bytes <= free_bytes:
        return []
    return [
        Note(f"The quantizations need {bytes_text(taken.disk_bytes)}, and {bytes_text(free_bytes)} of disk are free.", "caution")
    ]


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
    if load.classes is not None:
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
    if plan.trust.repetitions == 1:
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
        counts.append(requests * plan.trust.repetitions)
    return max(counts, default=None)
