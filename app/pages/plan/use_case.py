"""Use cases: what a need and its load look like for the kinds of use that the form offers. Pure: no widget is touched."""

from dataclasses import dataclass

from app.pages.plan.limits import Limits
from profiler.plan.plan import Plan
from profiler.records.specification import Arrival

NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class UseCase:
    """A kind of use and the fields that it sets.

    Attributes:
        users: to be served at once; None names no number.
        arrival: None leaves the load as it is.
    """

    label: str
    tip: str
    users: int | None = None
    limits: Limits = NO_LIMITS
    arrival: Arrival | None = None


CHAT = UseCase(
    "Chat",
    "People wait for the first word and read along: 4 users, a first token within a second, 7 tokens a second for each.",
    users=4,
    limits=Limits(first_token_ms=1000.0, reading_tok_s=7.0),
    arrival="closed",
)
BATCH = UseCase(
    "Overnight batch", "Nobody waits: everything is there at the start and only the total speed counts.", arrival="offline"
)
OWN = UseCase("My own", "Any limits, also such as the others do not ask for.")

USE_CASES = (CHAT, BATCH, OWN)


def use_case_of(plan: Plan) -> UseCase:
    """The use case whose fields the plan has; a number of users may be any."""
    for case in (CHAT, BATCH):
        if (
            plan.need.slo == case.limits.to_text()
            and plan.load.arrival == case.arrival
            and (plan.need.users is None) == (case.users is None)
        ):
            return case
    return OWN


def title_of(plan: Plan) -> str:
    """A session's name where the person gave none: "4 users chatting"."""
    case, users = use_case_of(plan), plan.need.users
    if case is CHAT:
        return "1 user chatting" if users == 1 else f"{users} users chatting"
    if case is BATCH:
        return "Overnight batch"
    return "My own need" if plan.need.slo or users else "Speed test"
