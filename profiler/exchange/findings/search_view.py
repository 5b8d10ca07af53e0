"""What a search did and found, as its file tells it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from profiler.records.run_record import RunPurpose, RunRecord, RunStatus, SessionEvent
from profiler.session.sweep_log import RESUMED

StepKind = Literal["step", "out", "boundary", "answer"]

_KINDS: dict[str, StepKind] = {
    "search step": "step",
    "search out": "out",
    "search boundary": "boundary",
    "search answer": "answer",
}


class Evidence(Enum):
    """What stands behind a cell's figures."""

    MEASURED = ""
    CONFIRMED = "★ confirmed"
    FRESH = "fresh runs"
    LOOKED = "looks"
    SHORT = "short looks"


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: `step` is a block of runs with its reason, `out` a candidate that is looked at no further, and why."""

    kind: StepKind
    sentence: str


def step_of(event: SessionEvent) -> Step | None:
    """What a session's event says of a search; None for events of another kind."""
    kind = _KINDS.get(event.kind)
    return None if kind is None else Step(kind, event.sentence)


@dataclass(frozen=True, slots=True)
class SearchView:
    """A search.

    Attributes:
        answer: its sentence, None while it has not ended, or when it was stopped before.
        winner_id: cell that it recommends; None when nothing meets the limits.
        confirmed_ids: cells that ran afresh, the winner first.
        boundaries: for each candidate that was looked at, up to which load it meets the limits.
        steps: what was done and why, and who was left out, in order.
    """

    answer: str | None
    winner_id: int | None
    confirmed_ids: tuple[int, ...]
    boundaries: tuple[str, ...]
    steps: tuple[Step, ...]


def standing(events: Sequence[SessionEvent]) -> list[SessionEvent]:
    """A session's events without the conclusions of a search that went on later: it was broken off and resumed."""
    joins = [place for place, event in enumerate(events) if event.kind == RESUMED]
    last = joins[-1] if joins else 0
    concluded = ("search boundary", "search answer")
    return [event for place, event in enumerate(events) if place >= last or event.kind not in concluded]


def search_view(events: Sequence[SessionEvent]) -> SearchView | None:
    """The search of a session; None where a grid was swept."""
    steps = [(event, step) for event in standing(events) if (step := step_of(event)) is not None]
    if not steps:
        return None
    answer = next((event for event, step in steps if step.kind == "answer"), None)
    data = answer.data if answer is not None else {}
    winner, confirmed = data.get("winner_cell_id"), data.get("confirmed_cell_ids")
    return SearchView(
        answer=None if answer is None else answer.sentence,
        winner_id=winner if isinstance(winner, int) else None,
        confirmed_ids=tuple(each for each in confirmed if isinstance(each, int)) if isinstance(confirmed, list) else (),
        boundaries=tuple(step.sentence for _, step in steps if step.kind == "boundary"),
        steps=tuple(step for _, step in steps if step.kind in ("step", "out")),
    )


def evidence(runs: Sequence[RunRecord], confirmed_ids: Collection[int]) -> Evidence:
    """What the runs of one cell are worth: fresh ones took no part in a choice, looks did, short ones count for nothing else."""
    ended = [run for run in runs if run.status is RunStatus.DONE]
    counted = {run.purpose for run in ended if run.is_valid}
    if RunPurpose.CONFIRM in counted:
        return Evidence.CONFIRMED if ended[0].cell_id in confirmed_ids else Evidence.FRESH
    if RunPurpose.LOOK in counted:
        return Evidence.LOOKED
    if ended and all(run.purpose is RunPurpose.SHORT_LOOK for run in ended):
        return Evidence.SHORT
    return Evidence.MEASURED
