"""A run laid out in time, in arrays that are looked up by bisection: lanes of requests, their tokens, and the steps beneath.

Every look-up costs by the places asked for, not by the length of the run, so that a view of ten million tokens is as quick as
one of a hundred. Nothing is drawn here.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.decomposition import Decomposition, PrefillReads, decomposition, prefill_reads
from profiler.analysis.request_slices import lanes
from profiler.records.timing import RunData, reached

NOTHING, QUEUED, OWN_PREFILL, PREFILL_WAITS, DECODING = range(5)
"""What is on a lane: no request, or what the request there does."""

NO_STEP = -1

Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lane:
    """Requests one after another, no two at a time.

    Attributes:
        rows: of its requests in the run's array, in the order of time.
        due_ns, end_ns: of each of them; a request that never ended lasts as long as the run.
        edges_ns: instants at which what happens on the lane changes, rising; of equal ones the last holds.
        states: what happens from each edge on.
        token_ns: the stamps of its requests' tokens, rising.
        token: of each of them, its number in the run's array.
    """

    rows: NDArray[np.int64]
    due_ns: Instants
    end_ns: Instants
    edges_ns: Instants
    states: NDArray[np.uint8]
    token_ns: Instants
    token: NDArray[np.int64]
    _spent_ns: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lasted = np.diff(self.edges_ns)
        spent = np.zeros((DECODING, len(self.edges_ns)), np.int64)
        for state in range(QUEUED, DECODING + 1):
            np.cumsum(np.where(self.states[:-1] == state, lasted, 0), out=spent[state - 1, 1:])
        object.__setattr__(self, "_spent_ns", spent)

    def shares(self, edges_ns: Instants) -> NDArray[np.float64]:
        """Of the time between each of these edges and the next: the share of each state from `QUEUED` on, a line for each."""
        place = np.maximum(np.searchsorted(self.edges_ns, edges_ns, side="right") - 1, 0)
        within = np.maximum(edges_ns - self.edges_ns[place], 0)
        spent = self._spent_ns[:, place] + np.where(np.arange(QUEUED, DECODING + 1)[:, None] == self.states[place], within, 0)
        return np.asarray(np.diff(spent, axis=1) / np.maximum(np.diff(edges_ns), 1))

    def states_at(self, instants: Instants) -> NDArray[np.uint8]:
        """What happens at each of these instants."""
        place = np.searchsorted(self.edges_ns, instants, side="right")
        return np.where(place > 0, self.states[np.maximum(place - 1, 0)], np.uint8(NOTHING))

    def tokens_within(self, edges_ns: Instants) -> NDArray[np.int64]:
        """How many tokens were stamped after each of these edges and up to the next."""
        return np.diff(np.searchsorted(self.token_ns, edges_ns, side="right"))

    def request_at(self, instant_ns: int) -> int | None:
        """The row of the request that is on the lane then."""
        place = int(np.searchsorted(self.due_ns, instant_ns, side="right")) - 1
        return int(self.rows[place]) if place >= 0 and instant_ns <= self.end_ns[place] else None

    def token_near(self, instant_ns: int, reach_ns: float) -> int | None:
        """Number of the token whose stamp is nearest to an instant, None where none is within reach."""
        place = int(np.searchsorted(self.token_ns, instant_ns))
        near = [each for each in (place - 1, place) if 0 <= each < len(self.token_ns)]
        best = min(near, key=lambda each: abs(int(self.token_ns[each]) - instant_ns), default=None)
        return int(self.token[best]) if best is not None and abs(int(self.token_ns[best]) - instant_ns) <= reach_ns else None


@dataclass(frozen=True, slots=True)
class RunTimeline:
    """A run.

    Attributes:
        data: its rows.
        lanes: of its requests, as `request_slices.lanes` gives them.
        lane_of: of each row of the run's requests.
        start_ns, end_ns: the first and last instant at which anything happened.
        parts: where each request's latency went; None without steps.
    """

    data: RunData
    lanes: tuple[Lane, ...]
    lane_of: NDArray[np.int64]
    start_ns: int
    end_ns: int
    parts: Decomposition | None

    def tokens_of(self, row: int) -> NDArray[np.int64]:
        """Numbers of a request's tokens, in the order of their time."""
        lane = self.lanes[self.lane_of[row]]
        place = int(np.flatnonzero(lane.rows == row)[0])
        first = int(np.searchsorted(lane.token_ns, lane.due_ns[place], side="left"))
        stop = int(np.searchsorted(lane.token_ns, lane.end_ns[place], side="right"))
        own = lane.token[first:stop]
        is_its = self.data.tokens["request"][own] == self.data.requests["request"][row]
        return np.asarray(own[is_its])


def run_timeline(data: RunData) -> RunTimeline:
    """Lay a run out; an empty run has no lanes."""
    requests, tokens, steps = data.requests, data.tokens, data.steps
    if not len(requests):
        return RunTimeline(data, (), np.zeros(0, np.int64), 0, 0, None)
    last_ns = max(int(each.max()) for each in (requests["end_ns"], steps["end_ns"], tokens["time_ns"]) if len(each))
    end_ns = max(last_ns, int(requests["due_ns"].max()))
    ends = np.maximum(np.where(reached(requests["end_ns"]), requests["end_ns"], end_ns), requests["due_ns"])
    order = np.lexsort((requests["request"], requests["due_ns"]))
    spans = list(zip(requests["due_ns"][order].tolist(), ends[order].tolist(), strict=True))
    lane_of = np.empty(len(requests), np.int64)
    lane_of[order] = lanes(spans)
    reads = prefill_reads(requests, steps)
    parts = decomposition(requests, steps, reads)
    place = np.empty(len(requests), np.int64)
    place[order] = np.arange(len(requests))
    made = _lanes(data, lane_of, place, ends, reads)
    return RunTimeline(data, made, lane_of, int(requests["due_ns"].min()), end_ns, parts)


def _lanes(
    data: RunData, lane_of: NDArray[np.int64], place: NDArray[np.int64], ends: Instants, reads: PrefillReads
) -> tuple[Lane, ...]:
    requests = data.requests
    count = int(lane_of.max()) + 1
    edges_ns, states, edge_stops = _edges(requests, lane_of, place, ends, reads, data.steps)
    token, token_stops = _tokens(data, lane_of, count)
    token_ns = data.tokens["time_ns"][token]
    by_lane = np.lexsort((place, lane_of))
    row_stops = np.cumsum(np.bincount(lane_of, minlength=count))
    made = []
    for number in range(count):
        of_edges, of_tokens, of_rows = (
            slice(int(stops[number - 1]) if number else 0, int(stops[number])) for stops in (edge_stops, token_stops, row_stops)
        )
        rows = by_lane[of_rows]
        made.append(
            Lane(
                rows,
                requests["due_ns"][rows],
                ends[rows],
                edges_ns[of_edges],
                states[of_edges],
                token_ns[of_tokens],
                token[of_tokens],
            )
        )
    return tuple(made)


def _edges(
    requests: NDArray[Any],
    lane_of: NDArray[np.int64],
    place: NDArray[np.int64],
    ends: Instants,
    reads: PrefillReads,
    steps: NDArray[Any],
) -> tuple[Instants, NDArray[np.uint8], NDArray[np.int64]]:
    """Where states change, lane by lane, and where each lane's stop."""
    every = np.arange(len(requests))
    begun = np.flatnonzero(reached(requests["prefill_start_ns"]))
    answered = np.flatnonzero(reached(requests["first_token_ns"]))
    unsplit = np.intersect1d(reads.unexplained, begun)  # its prefill is one piece, as nothing tells more
    if not len(steps):
        unsplit = begun
    groups = (
        (every, requests["due_ns"], QUEUED),
        (begun, requests["prefill_start_ns"][begun], PREFILL_WAITS),
        (unsplit, requests["prefill_start_ns"][unsplit], OWN_PREFILL),
        (reads.row, steps["end_ns"][reads.step], PREFILL_WAITS),
        (reads.row, steps["start_ns"][reads.step], OWN_PREFILL),
        (answered, requests["first_token_ns"][answered], DECODING),
        (every, ends, NOTHING),
    )
    rows = np.concatenate([rows for rows, _, _ in groups])
    times_ns = np.concatenate([times_ns for _, times_ns, _ in groups])
    states = np.concatenate([np.full(len(rows), state, np.uint8) for rows, _, state in groups])
    # Of changes at one instant the one that is named later above holds, and of two requests the later one's.
    rank = np.concatenate([np.full(len(rows), number, np.uint8) for number, (rows, _, _) in enumerate(groups)])
    order = np.lexsort((rank, place[rows], times_ns, lane_of[rows]))
    return times_ns[order], states[order], np.cumsum(np.bincount(lane_of[rows], minlength=int(lane_of.max()) + 1))


def _tokens(data: RunData, lane_of: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the tokens, lane by lane in the order of time, and where each lane's stop; strangers' tokens are left out."""
    numbers = data.requests["request"]
    by_number = np.argsort(numbers, kind="stable")
    found = np.searchsorted(numbers[by_number], data.tokens["request"])
    rows = by_number[np.minimum(found, len(numbers) - 1)]
    is_known = numbers[rows] == data.tokens["request"]
    lane = np.where(is_known, lane_of[rows], count)
    # Narrow keys sort by radix, which keeps the order of time, the file's own.
    order = np.argsort(lane.astype(np.uint16) if count < 1 << 16 else lane, kind="stable")
    stops = np.cumsum(np.bincount(lane, minlength=count + 1))
    return order[: int(stops[count - 1])], stops[:count]
