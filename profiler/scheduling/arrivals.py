"""When requests become due: the closed loop of N users, and offline. Times are nanoseconds since the run's origin."""

import heapq
from dataclasses import dataclass
from typing import Protocol

import numpy as np

NO_USER = -1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that has become due: its number (in order of being due), its user and its due time."""

    request: int
    user: int
    due_ns: int


class ArrivalSource(Protocol):
    """What the decode loop asks of a load."""

    def take_due(self, now_ns: int) -> list[Arrival]:
        """Hand over every request due at or before now, in order; each is handed over once."""

    def next_due_ns(self) -> int | None:
        """When the next request known so far is due; None when none is (an answer may still bring one)."""

    def answered(self, user: int, now_ns: int) -> None:
        """Tell that a user's request has ended."""


@dataclass(frozen=True, slots=True)
class StopRule:
    """When a load sends no more: the first reached ends it; None is no limit.

    Attributes:
        requests: over all users.
        requests_per_user: of one user.
        duration_ns: no request becomes due at or after this time.
    """

    requests: int | None = None
    requests_per_user: int | None = None
    duration_ns: int | None = None


class ClosedLoop:
    """N users: each sends, waits for its answer, thinks, and sends again.

    A user's request is due at the end of its previous answer plus the think time, and is handed over when the loop next asks;
    the first ones are due at `starts_ns`.
    """

    def __init__(self, starts_ns: list[int], think_time_ns: int, stop: StopRule) -> None:
        self._think_time_ns = think_time_ns
        self._stop = stop
        self._due: list[tuple[int, int]] = []
        self._sent_by_user = [0] * len(starts_ns)
        self._promised = 0  # requests handed over or waiting to become due
        self._next_request = 0
        for user, start_ns in enumerate(starts_ns):
            self._promise(user, start_ns)

    def _promise(self, user: int, due_ns: int) -> None:
        stop = self._stop
        if stop.requests is not None and self._promised >= stop.requests:
            return
        if stop.requests_per_user is not None and self._sent_by_user[user] >= stop.requests_per_user:
            return
        if stop.duration_ns is not None and due_ns >= stop.duration_ns:
            return
        self._promised += 1
        self._sent_by_user[user] += 1
        heapq.heappush(self._due, (due_ns, user))

    def take_due(self, now_ns: int) -> list[Arrival]:
        """See ArrivalSource."""
        arrivals = []
        while self._due and self._due[0][0] <= now_ns:
            due_ns, user = heapq.heappop(self._due)
            arrivals.append(Arrival(self._next_request, user, due_ns))
            self._next_request += 1
        return arrivals

    def next_due_ns(self) -> int | None:
        """See ArrivalSource."""
        return self._due[0][0] if self._due else None

    def answered(self, user: int, now_ns: int) -> None:
        """See ArrivalSource."""
        self._promise(user, now_ns + self._think_time_ns)


class Offline:
    """Everything is there at the start: `requests` requests, all due at 0."""

    def __init__(self, requests: int) -> None:
        self._left = requests
        self._requests = requests

    def take_due(self, now_ns: int) -> list[Arrival]:
        """See ArrivalSource."""
        if not self._left or now_ns < 0:
            return []
        self._left = 0
        return [Arrival(request, NO_USER, 0) for request in range(self._requests)]

    def next_due_ns(self) -> int | None:
        """See ArrivalSource."""
        return 0 if self._left else None

    def answered(self, user: int, now_ns: int) -> None:
        """See ArrivalSource; nobody waits for an answer to ask again."""


def staggered_starts_ns(users: int, request_time_ns: int, seed: int) -> list[int]:
    """First due times of a closed loop: spread over one request time, so that the users do not march in step.

    Each user gets one of `users` equal parts of the request time, in a seeded order, and a seeded place within its part; the
    earliest is moved to 0.
    """
    generator = np.random.default_rng(seed)
    places = (generator.permutation(users) + generator.random(users)) / users
    places -= places.min()
    return [int(place * request_time_ns) for place in places]
