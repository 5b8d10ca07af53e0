"""What a plan amounts to before it runs: its cells, what they take, and what should be known. Computed on a worker thread."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.descriptions import description_of
from app.widgets.sentence import Tone
from profiler.analysis.distribution import is_stated
from profiler.errors import InferometerError, UnusableArguments
from profiler.hardware import ceilings, main_memory
from profiler.hardware.cpu import default_threads
from profiler.modelfile.description import ModelDescription
from profiler.models.quantization import quantizations_folder
from profiler.plan.cells import expand, model_labels, requests_of_run, specification
from profiler.plan.plan import Plan
from profiler.plan.slo import parse_slo
from profiler.records.axis import Configuration
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
    except UnusableArguments as error:
        return Outlook(plan, labels, descriptions, unreadable, refusal=error.sentence, memory_free_bytes=memory_free_bytes)
    by_label = {label: descriptions[name] for label, name in zip(labels, plan.models.paths, strict=True) if name in descriptions}
    taken = estimate(plan, cells, by_label, measured, memory_free_bytes)
    disk_free_bytes = _disk_free_bytes()
    notes = [
        *_memory_notes(cells, taken, memory_free_bytes),
        *_disk_notes(taken, disk_free_bytes),
        *_need_notes(plan),
        *_trust_notes(plan, cells, taken),
    ]
    if measured is None:
        notes.append(Note("The memory bandwidth of this machine is measured first, which takes about 3 s.", "muted"))
    refusal = next(iter(unreadable.values()), "")
    return Outlook(
        plan, labels, descriptions, unreadable, cells, taken, refusal, memory_free_bytes, disk_free_bytes, tuple(notes)
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


def _need_notes(plan: Plan) -> list[Note]:
    users = plan.need.users
    if users is None or plan.load.arrival == "offline" or users in plan.load.concurrency:
        return []
    counts = ", ".join(str(count) for count in plan.load.concurrency)
    return [Note(f"{users} users are to be served, but the load has {counts}: add {users} to have it measured.", "caution")]


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
