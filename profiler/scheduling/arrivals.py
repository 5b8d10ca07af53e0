"""When requests become due: closed loops, open loops, offline and mixes. Times are nanoseconds since the run's origin."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NO_USER = -1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that has become due.

    Attributes:
        request: number in order of being handed over, which is the order of being due. A source counts its own requests; a
            `Mix` counts over all of its classes.
        user: of a closed loop, NO_USER elsewhere.
        due_ns: its due time.
        class_number: index of its class in the load.
        conversation: number of its conversation within the class, from 0.
        turn: its place in the conversation, from 0.
    """

    request: int
    user: int
    due_ns: int
    class_number: int = 0
    conversation: int = 0
    turn: int = 0


class ArrivalSource(Protocol):
    """What the decode loop asks of a load."""

    def take_due(self, now_ns: int) -> list[Arrival]:
        """Hand over every request due at or before now, in order; each is handed over once."""

    def next_due_ns(self) -> int | None:
        """When the next request known so far is due; None when none is (an answer may still bring one)."""

    def answered(self, arrival: Arrival, now_ns: int, *, completed: bool) -> None:
        """Tell that a request has ended, to be told once for each.

        Args:
            arrival: as it was handed over.
            now_ns: when it ended.
            completed: it has all its tokens; false when it was refused, timed out or failed: then its conversation is over,
                and the later turns are never sent.
        """


@dataclass(frozen=True, slots=True)
class StopRule:
    """When a load sends no more: the first reached ends it; None is no limit.

    Attributes:
        requests: over all users, every turn counted.
        requests_per_user: of one user.
        duration_ns: no request becomes due at or after this time.
    """

    requests: int | None = None
    requests_per_user: int | None = None
    duration_ns: int | None = None


class ClosedLoop:
    """N users: each sends, waits for its answer, thinks, and sends again.

    A user's request is due at the end of its previous one plus the think time, and is handed over when the loop next asks; the
    first ones are due at `starts_ns`. A refused user tries again in the same way: without a think time at once, with each look.

    A user's k-th conversation is number k × users + the user's place, so that it is the same one, with the same lengths, however
    fast the others go.
    """

    def __init__(
        self,
        starts_ns: Sequence[int],
        think_time_ns: int,
        stop: StopRule,
        *,
        turns: int = 1,
        class_number: int = 0,
        first_user: int = 0,
    ) -> None:
        self._think_time_ns = think_time_ns
        self._stop = stop
        self._turns = turns
        self._class_number = class_number
        self._first_user = first_user
        self._due: list[tuple[int, int, int, int]] = []  # due time, user's place, conversation, turn
        self._sent_by_user = [0] * len(starts_ns)
        self._promised = 0  # requests handed over or waiting to become due
        self._taken = 0
        for place, start_ns in enumerate(starts_ns):
            self._promise(place, start_ns, place, 0)

    def _promise(self, place: int, due_ns: int, conversation: int, turn: int) -> None:
        stop = self._stop
        if stop.requests is not None and self._promised >= stop.requests:
            return
        if stop.requests_per_user is not None and self._sent_by_user[place] >= stop.requests_per_user:
            return
        if stop.duration_ns is not None and due_ns >= stop.duration_ns:
            return
        self._promised += 1
        self._sent_by_user[place] += 1
        heapq.heappush(self._due, (due_ns, place, conversation, turn))

    def take_due(self, now_ns: int) -> list[Arrival]:
        """See ArrivalSource."""
        arrivals = []
        while self._due and self._due[0][0] <= now_ns:
            due_ns, place, conversation, turn = heapq.heappop(self._due)
            user = self._first_user + place
            arrivals.append(Arrival(self._taken, user, due_ns, self._class_number, conversation, turn))
            self._taken += 1
        return arrivals

    def next_due_ns(self) -> int | None:
        """See ArrivalSource."""
        return self._due[0][0] if self._due else None

    def answered(self, arrival: Arrival, now_ns: int, *, completed: bool) -> None:
        """See ArrivalSource."""
        conversation, turn = arrival.conversation, arrival.turn + 1
        if not completed or turn == self._turns:
            conversation, turn = conversation + len(self._sent_by_user), 0
        self._promise(arrival.user - self._first_user, now_ns + self._think_time_ns, conversation, turn)


class OpenLoop:
    """Conversations that begin by a clock; each later turn is due at the end of the one before plus the think time.

    Args:
        due_ns: first turns, rising (equal times allowed); their places are the conversations' numbers.
        turns: requests of a conversation.
        think_time_ns: between the end of a turn and the next turn.
        class_number: index of the class in the load.
        stop: `requests` counts all turns as they are handed over, so conversations may be cut short; there are no users for
            `requests_per_user`.

    Raises:
        ValueError: `due_ns` falls somewhere.
    """

    def __init__(
        self,
        due_ns: NDArray[np.int64],
        *,
        turns: int = 1,
        think_time_ns: int = 0,
        class_number: int = 0,
        stop: StopRule | None = None,
    ) -> None:
        if np.any(due_ns[1:] < due_ns[:-1]):
            raise ValueError("due times must rise")
        stop = stop or StopRule()
        self._left = len(due_ns) * turns if stop.requests is None else stop.requests
        self._duration_ns = stop.duration_ns
        self._first_due_ns = due_ns if stop.duration_ns is None else due_ns[: np.searchsorted(due_ns, stop.duration_ns)]
        self._turns = turns
        self._think_time_ns = think_time_ns
        self._class_number = class_number
        self._later: list[tuple[int, int, int]] = []  # due time, conversation, turn
        self._begun = 0  # conversations
        self._taken = 0

    def take_due(self, now_ns: int) -> list[Arrival]:
        """See ArrivalSource; costs as much as it hands over, however many are still to come."""
        arrivals = []
        while (head := self._head()) is not None and head[0] <= now_ns:
            due_ns, conversation, turn = head
            if turn:
                heapq.heappop(self._later)
            else:
                self._begun += 1
            arrivals.append(Arrival(self._taken, NO_USER, due_ns, self._class_number, conversation, turn))
            self._taken += 1
            self._left -= 1
        return arrivals

    def _head(self) -> tuple[int, int, int] | None:
        """The next request in order: due time, conversation, turn."""
        if self._left <= 0:
            return None
        later = self._later[0] if self._later else None
        if self._begun == len(self._first_due_ns):
            return later
        first = (int(self._first_due_ns[self._begun]), self._begun, 0)
        return first if later is None else min(first, later)

    def next_due_ns(self) -> int | None:
        """See ArrivalSource."""
        head = self._head()
        return None if head is None else head[0]

    def answered(self, arrival: Arrival, now_ns: int, *, completed: bool) -> None:
        """See ArrivalSource; only the conversation's next turn waits for it."""
        turn, due_ns = arrival.turn + 1, now_ns + self._think_time_ns
        if not completed or turn == self._turns or (self._duration_ns is not None and due_ns >= self._duration_ns):
            return
        heapq.heappush(self._later, (due_ns, arrival.conversation, turn))


class Offline(OpenLoop):
    """Everything is there at the start: `requests` requests, all due at `start_ns`; of conversations, all first turns are."""

    def __init__(
        self,
        requests: int,
        *,
        turns: int = 1,
        think_time_ns: int = 0,
        class_number: int = 0,
        start_ns: int = 0,
    ) -> None:
        super().__init__(
            np.full(-(-requests // turns), start_ns, np.int64),
            turns=turns,
            think_time_ns=think_time_ns,
            class_number=class_number,
            stop=StopRule(requests=requests),
        )


class Mix:
    """The sources of several classes as one: in order of being due, at the same time in order of the classes.

    This is the one place where the requests of a run are numbered. An end must be told before the next look at the clock, else
    what follows from it could be due before requests that already have their numbers.

    Args:
        sources: source n is that of class n and says so in its arrivals.
    """

    def __init__(self, sources: Sequence[ArrivalSource]) -> None:
        self._sources = tuple(sources)
        self._taken = 0

    def take_due(self, now_ns: int) -> list[Arrival]:
        """See ArrivalSource."""
        taken = [arrival for source in self._sources for arrival in source.take_due(now_ns)]
        if not taken:
            return taken
        taken.sort(key=lambda arrival: (arrival.due_ns, arrival.class_number))  # stable: order within a class is kept
        first = self._taken
        self._taken += len(taken)
        return [
            Arrival(request, each.user, each.due_ns, each.class_number, each.conversation, each.turn)
            for request, each in enumerate(taken, first)
        ]

    def next_due_ns(self) -> int | None:
        """See ArrivalSource."""
        return min((due_ns for source in self._sources if (due_ns := source.next_due_ns()) is not None), default=None)

    def answered(self, arrival: Arrival, now_ns: int, *, completed: bool) -> None:
        """See ArrivalSource."""
        self._sources[arrival.class_number].answered(arrival, now_ns, completed=completed)


def ns_of(seconds: float) -> int:
    """A specification's seconds as whole nanoseconds."""
    return round(seconds * 1e9)


def staggered_starts_ns(users: int, request_time_ns: int, seed: int) -> list[int]:
    """First due times of a closed loop: spread over one request time, so that the users do not march in step.

    Each user gets one of `users` equal parts of the request time, in a seeded order, and a seeded place within its part; the
    earliest is moved to 0.
    """
    generator = np.random.default_rng(seed)
    places = (generator.permutation(users) + generator.random(users)) / users
    places -= places.min()
    return [int(place * request_time_ns) for place in places]
