"""A look inside the steps of a model: what it found, what casts doubt on it, and the event that keeps it in a session's file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from profiler.analysis.breakdown import Breakdown, breakdowns
from profiler.analysis.validity import MOST_FOREIGN_CPU_PERCENT
from profiler.records.axis import AxisValue
from profiler.records.run_record import SessionEvent
from profiler.units import significant

EVENT_KIND = "operations measured"
"""Of the event that keeps a breakdown; FORMAT.md tells what its data holds."""

LOAD_AXES = ("concurrency", "rate", "slots")
"""How much load there is, or room for it: cells that differ in nothing else share their breakdown."""

_LEAST_LOOKING_RATIO = 0.95  # the two are medians of a few steps each
_TIME_DIGITS = 10  # decimals of a kept time in seconds: the clock counts nanoseconds


@dataclass(frozen=True, slots=True)
class StepBreakdown:
    """What a look found.

    Attributes:
        look: what was looked into, as `Look.to_json` tells it.
        library_version: of llama-cpp-python.
        measured_utc: ISO 8601.
        passes: of the job, a decode for each concurrency and then the prefill.
        result: the job's own, node by node; `passes` are computed from it.
        doubts: sentences: what disturbed it.
        cell_id: of the session's cell that it was made for; None outside of a session.
    """

    look: Mapping[str, Any]
    library_version: str
    measured_utc: str
    passes: tuple[Breakdown, ...]
    result: Mapping[str, Any]
    doubts: tuple[str, ...] = ()
    cell_id: int | None = None

    def of_kind(self, kind: str) -> tuple[Breakdown, ...]:
        """The passes of "decode", fewest sequences first, or of "prefill"."""
        return tuple(sorted((each for each in self.passes if each.kind == kind), key=lambda each: each.sequences))


def is_beside(one: Mapping[str, AxisValue], other: Mapping[str, AxisValue]) -> bool:
    """Whether two cells' configurations differ in the amount of load at most."""
    names = (one.keys() | other.keys()).difference(LOAD_AXES)
    return all(one.get(name) == other.get(name) for name in names)


def doubts(passes: Iterable[Breakdown], taken_percent: float) -> Iterator[str]:
    """What speaks against a look: NaN is a foreign load that nobody could read.

    A step's parts wait for each other, so a thread that another program holds up is charged to whichever part it was in.
    """
    if taken_percent > MOST_FOREIGN_CPU_PERCENT:
        yield (
            f"Other programs took {significant(taken_percent, 2)} % of the machine's processors meanwhile, which falls on parts "
            "by chance; close them and look again."
        )
    quicker = [each for each in passes if each.looking_ratio < _LEAST_LOOKING_RATIO]
    if quicker:
        yield "A step took less time looked at than otherwise, so something disturbed one of the two; look again."


def event_of(found: StepBreakdown, cell_id: int) -> SessionEvent:
    """The event that keeps a breakdown in a session's file, for one of its cells."""
    counts = ", ".join(str(each.sequences) for each in found.of_kind("decode"))
    return SessionEvent(
        utc=found.measured_utc,
        kind=EVENT_KIND,
        sentence=f"The operations of a step were timed one by one, with {counts} sequences decoded together.",
        cell_id=cell_id,
        data={
            "look": dict(found.look),
            "llama_cpp_python": found.library_version,
            "doubts": list(found.doubts),
            "passes": [_compact(document) for document in found.result["passes"]],
        },
    )


def kept_breakdowns(events: Iterable[SessionEvent]) -> tuple[StepBreakdown, ...]:
    """The breakdowns that a session's events keep, oldest first.

    One that cannot be read is left out: a file may hold anything.
    """
    kept = []
    for event in events:
        if event.kind != EVENT_KIND or event.cell_id is None:
            continue
        try:
            look, version, said = event.data["look"], event.data["llama_cpp_python"], event.data["doubts"]
            passes = breakdowns(event.data)
        except (KeyError, TypeError, ValueError):
            continue
        if passes and isinstance(look, dict) and isinstance(version, str) and isinstance(said, list):
            words = tuple(str(each) for each in said)
            kept.append(StepBreakdown(look, version, event.utc, passes, event.data, words, event.cell_id))
    return tuple(kept)


def _compact(document: Mapping[str, Any]) -> dict[str, Any]:
    """A pass without digits that its clock does not have."""
    nodes = [[name, operation, round(time_s, _TIME_DIGITS)] for name, operation, time_s in document["nodes"]]
    return {**document, "nodes": nodes}
