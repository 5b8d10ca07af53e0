"""How a piece of work in the engine child ended, as a value with a sentence for the user."""

from dataclasses import dataclass, field
from enum import StrEnum

TOLD_LOG_LINES = 12
"""Of a log that explains an end, that many last lines are kept with it."""


class OutcomeKind(StrEnum):
    """The ways a job ends."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # llama.cpp said no: load failure, context failure, KV full
    START_FAILED = "start failed"  # the child did not come up
    CRASHED = "crashed"  # it ended by itself, by a signal or a status
    HUNG = "hung"  # no sign of life; it was killed
    GARBLED = "garbled"  # it wrote what is no message
    OUT_OF_MEMORY = "out of memory"  # the kernel killed it for want of memory, or it was kept from taking too much
    FAULT = "fault"  # a bug of ours in the child


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a job.

    Attributes:
        kind: what happened.
        sentence: what, where and what to do, for the user; empty when all went well.
        log_tail: the last lines that llama.cpp or the child wrote.
    """

    kind: OutcomeKind
    sentence: str = ""
    log_tail: tuple[str, ...] = field(default=())

    @property
    def is_done(self) -> bool:
        """Whether the job did all its work."""
        return self.kind is OutcomeKind.DONE

    @property
    def may_be_chance(self) -> bool:
        """Whether the same job may well end otherwise the next time."""
        return self.kind in (OutcomeKind.START_FAILED, OutcomeKind.CRASHED, OutcomeKind.HUNG, OutcomeKind.GARBLED)

    @property
    def child_survives(self) -> bool:
        """Whether the same child can take another job."""
        return self.kind in (OutcomeKind.DONE, OutcomeKind.CANCELLED, OutcomeKind.REFUSED)
