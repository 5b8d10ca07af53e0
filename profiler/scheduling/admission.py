"""Who of the waiting gets a slot, and when: what tells continuous, static and sequential batching apart."""

from dataclasses import dataclass
from typing import Protocol

from profiler.records.specification import LoadSettings


class Admission(Protocol):
    """What the batcher asks of a batching policy. Policies hold no state: all they need is passed in."""

    @property
    def reads_prompts_first(self) -> bool:
        """Whether every admitted prompt is read before any decode, whatever the priority."""

    def room(self, now_ns: int, waiting: int, first_due_ns: int, taken: int, free: int) -> int:
        """How many of the waiting get a slot now, oldest first: 0 … the smaller of `waiting` and `free`.

        Args:
            now_ns: the present.
            waiting: requests that have no slot, at least 1.
            first_due_ns: when the oldest of them was due.
            taken: slots that hold a request.
            free: slots that hold none.
        """

    def wake_ns(self, waiting: int, first_due_ns: int, taken: int) -> int | None:
        """When `room` grows by the mere passing of time, None when it does not; arguments as there."""


@dataclass(frozen=True, slots=True)
class Continuous:
    """A request joins as soon as a slot is free."""

    @property
    def reads_prompts_first(self) -> bool:
        """See Admission."""
        return False

    def room(self, now_ns: int, waiting: int, first_due_ns: int, taken: int, free: int) -> int:
        """See Admission."""
        return min(waiting, free)

    def wake_ns(self, waiting: int, first_due_ns: int, taken: int) -> int | None:
        """See Admission."""
        return None


@dataclass(frozen=True, slots=True)
class Sequential:
    """One request at a time, however many slots there are."""

    @property
    def reads_prompts_first(self) -> bool:
        """See Admission."""
        return False

    def room(self, now_ns: int, waiting: int, first_due_ns: int, taken: int, free: int) -> int:
        """See Admission."""
        return 0 if taken else min(1, waiting, free)

    def wake_ns(self, waiting: int, first_due_ns: int, taken: int) -> int | None:
        """See Admission."""
        return None


@dataclass(frozen=True, slots=True)
class Static:
    """A batch is collected, begins together, and is run until its last member ends; nobody joins it.

    Attributes:
        batch_size: it begins when so many wait; never more than there are slots, for then the slots are the batch.
        wait_ns: it also begins when its oldest member has waited so long since it was due.
    """

    batch_size: int
    wait_ns: int

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.wait_ns < 0:
            raise ValueError(f"a static batch of {self.batch_size} that waits {self.wait_ns} ns never makes sense")

    @property
    def reads_prompts_first(self) -> bool:
        """See Admission."""
        return True

    def room(self, now_ns: int, waiting: int, first_due_ns: int, taken: int, free: int) -> int:
        """See Admission."""
        if taken:
            return 0
        size = min(self.batch_size, free)
        is_due = waiting >= size or now_ns >= first_due_ns + self.wait_ns
        return min(size, waiting) if is_due else 0

    def wake_ns(self, waiting: int, first_due_ns: int, taken: int) -> int | None:
        """See Admission."""
        return None if taken else first_due_ns + self.wait_ns


def admission_of(load: LoadSettings, slots: int) -> Admission:
    """The policy that a load asks for, on so many slots."""
    match load.batching:
        case "continuous":
            return Continuous()
        case "sequential":
            return Sequential()
        case "static":
            return Static(min(load.static_batch_size, slots), round(load.static_wait_s * 1e9))
