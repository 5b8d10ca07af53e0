"""Use cases: what a need and its load look like for the kinds of use that people name, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from profiler.plan.plan import Load, Plan

READING_MS = 1000 / 7
"""A fast reader takes about 7 tokens a second (300 words a minute): slower than that, the text keeps one waiting."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """A kind of use and the fields of a plan that it sets.

    Attributes:
        name: on the command line.
        label: words a user would say.
        reason: who waits for what, and where the limits come from.
        slo: its limits, empty when nobody waits.
        users: to be served at once; None names no number.
        load: fields of `plan.Load`; those that it does not name stay as they are.
    """

    name: str
    label: str
    reason: str
    slo: str = ""
    users: int | None = None
    load: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, plan: Plan) -> bool:
        """Whether a plan has the fields of this use case; a number of users may be any."""
        wanted = Load.model_validate(dict(self.load))
        return (
            plan.need.slo == self.slo
            and (plan.need.users is None) == (self.users is None)
            and all(getattr(plan.load, name) == getattr(wanted, name) for name in self.load)
        )

    def document(self) -> dict[str, dict[str, Any]]:
        """The sections and fields that it sets."""
        need: dict[str, Any] = {"slo": self.slo}
        if self.users is not None:
            need["users"] = self.users
        return {"need": need, "load": dict(self.load)}


_READING = f"tpot_ms.p95<={READING_MS:.3f}"

CHAT = UseCase(
    "chat",
    "Chat",
    "People wait for the first word and read along: a first token within a second feels prompt, and 7 tokens a second for each "
    "keep ahead of a fast reader.",
    f"ttft_ms.p95<=1000,{_READING}",
    users=4,
    load={"arrival": ["closed"]},
)
VOICE = UseCase(
    "voice",
    "Voice",
    "Speech must follow speech: a pause over half a second is noticed, and a voice speaks about 4 tokens a second.",
    "ttft_ms.p95<=500,tpot_ms.p95<=250",
    users=1,
    load={"arrival": ["closed"], "prompt_tokens": [96], "output_tokens": [48]},
)
CODE = UseCase(
    "code",
    "Code completion",
    "A suggestion counts only while the cursor rests: the whole short answer within a second and a half.",
    "e2e_ms.p95<=1500",
    users=1,
    load={"arrival": ["closed"], "prompt_tokens": [256], "output_tokens": [24]},
)
RAG = UseCase(
    "rag",
    "Retrieval",
    "Documents go in, a few sentences come out: the long prompt is the wait, so the first token has 5 seconds.",
    f"ttft_ms.p95<=5000,{_READING}",
    users=2,
    load={"arrival": ["closed"], "prompt_tokens": [1024], "output_tokens": [48]},
)
AGENT = UseCase(
    "agent",
    "Agent",
    "A program calls many times with the same instructions and a growing history: each whole turn within 10 seconds; a cache "
    "of the shared beginning pays most here.",
    "e2e_ms.p95<=10000",
    users=2,
    load={
        "arrival": ["closed"],
        "prompt_tokens": [192],
        "output_tokens": [32],
        "shared_prefix": [0.5],
        "turns": [4],
        "prefix_cache": ["on"],
    },
)
BATCH = UseCase(
    "batch",
    "Overnight batch",
    "Nobody waits: everything is there at the start and only the total speed counts.",
    load={"arrival": ["offline"]},
)
READING = UseCase(
    "reading",
    "Reading speed",
    "Only that nobody has to wait for the next word: 7 tokens a second for 95 of 100 answers.",
    _READING,
    users=1,
    load={"arrival": ["closed"]},
)
MLPERF_SERVER = UseCase(
    "mlperf-server",
    "MLPerf server",
    "MLPerf Inference's limits for an 8-billion model in the Server scenario: 99 of 100 within 2 s to the first token and "
    "100 ms a token. MLPerf takes hundreds of thousands of requests to state them; see what the figures say of theirs.",
    "ttft_ms.p99<=2000,tpot_ms.p99<=100",
)
MLPERF_INTERACTIVE = UseCase(
    "mlperf-interactive",
    "MLPerf interactive",
    "MLPerf Inference's interactive limits for an 8-billion model: 99 of 100 within 500 ms to the first token and 30 ms a token.",
    "ttft_ms.p99<=500,tpot_ms.p99<=30",
)
OWN = UseCase("own", "My own", "Any limits, also such as the others do not ask for.")

USE_CASES = (CHAT, VOICE, CODE, RAG, AGENT, BATCH, READING, MLPERF_SERVER, MLPERF_INTERACTIVE, OWN)
BY_NAME = {case.name: case for case in USE_CASES if case is not OWN}


def use_case_of(plan: Plan) -> UseCase:
    """The use case whose fields the plan has; the person's own when it is none of them."""
    return next((case for case in BY_NAME.values() if case.fits(plan)), OWN)
