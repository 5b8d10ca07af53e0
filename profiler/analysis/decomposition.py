"""Where each request's latency went: the queue, its own prompt, the prompts of others, decoding, and nothing at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.request_slices import prefill_chunks
from profiler.records.timing import reached

QUEUE, OWN_PREFILL, OTHERS_PREFILL, DECODE, STALL = range(5)
PART_NAMES = ("queue", "own prefill", "others' prefill", "decode", "stall")
"""In the order of the numbers above."""

PART_TERMS = (
    "due, and its prompt not begun",
    "steps that read its own prompt; where a step read several, its share by their tokens",
    "steps that read prompts of others, also those that gave it a token beside",
    "steps that only decoded",
    "no step ran: the loop's own work between steps, other programs, waiting",
)

Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PrefillReads:
    """The steps that read prompts, one entry for each request that a step read from.

    Attributes:
        row: of the request in the run's array.
        step: number of the step.
        tokens: of the request's prompt that the step read.
        unexplained: rows of requests whose prefill the steps do not explain; they have no entries.
    """

    row: NDArray[np.int64]
    step: NDArray[np.int64]
    tokens: NDArray[np.int64]
    unexplained: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The latency of the requests that ended, however they did.

    Attributes:
        rows: of these requests in the run's array.
        parts_ns: a line for each of `PART_NAMES`, a column for each request; a column's sum is its end - due, exactly.
        is_split: False where the steps do not tell own prefill from that of others: then all of it counts as its own.
    """

    rows: NDArray[np.int64]
    parts_ns: NDArray[np.int64]
    is_split: NDArray[np.bool_]

    @property
    def e2e_ns(self) -> NDArray[np.int64]:
        """End - due of each."""
        return np.asarray(self.parts_ns.sum(axis=0))

    def of(self, rows: NDArray[np.bool_]) -> "Decomposition":
        """The same for some only: `rows` holds a truth value for each row of the run's array."""
        kept = rows[self.rows]
        return Decomposition(self.rows[kept], self.parts_ns[:, kept], self.is_split[kept])


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Where the time of many requests went.

    Attributes:
        requests: how many.
        total_ns: of each of `PART_NAMES`, summed over them.
        unsplit: those of them whose own prefill could not be told from that of others.
    """

    requests: int
    total_ns: tuple[int, ...]
    unsplit: int

    @property
    def mean_ms(self) -> tuple[float, ...] | None:
        """Of each part, a request; None without requests."""
        return tuple(each / self.requests / 1e6 for each in self.total_ns) if self.requests else None


def decomposition(requests: NDArray[Any], steps: NDArray[Any], reads: PrefillReads | None = None) -> Decomposition | None:
    """Divide end - due of each request that ended; None where no steps were recorded, since nothing tells the parts then.

    The queue is prefill start - due (measurement.md §1), or all of it where the prompt was never begun. What follows is divided
    by what the engine did: a step counts as the request's own prefill, as others' prefill or as decode, time without a step as
    stall. A step that gave the request a token beside reading somebody's prompt is others' prefill as a whole: without that
    prompt it would have been a decode, and how long that would have taken was not measured.

    Args:
        requests: of a run.
        steps: of the same run, all of them, in the order of time.
        reads: of these, where they are known already.
    """
    if not len(steps):
        return None
    reads = prefill_reads(requests, steps) if reads is None else reads
    clock = StepClock(steps)
    rows = np.flatnonzero(reached(requests["end_ns"]))
    ended = requests[rows]
    due, end = ended["due_ns"], np.maximum(ended["end_ns"], ended["due_ns"])
    begun = np.clip(np.where(reached(ended["prefill_start_ns"]), ended["prefill_start_ns"], end), due, end)
    first = np.clip(np.where(reached(ended["first_token_ns"]), ended["first_token_ns"], end), begun, end)
    reading_ns = clock.reading_ns(end) - clock.reading_ns(begun)
    before_first_ns = clock.reading_ns(first) - clock.reading_ns(begun)
    own_ns = np.minimum(_own_ns(reads, clock, len(requests))[rows], before_first_ns)
    is_split = ~np.isin(rows, reads.unexplained)
    own_ns = np.where(is_split, own_ns, before_first_ns)
    decode_ns = clock.decoding_ns(end) - clock.decoding_ns(begun)
    stall_ns = end - begun - reading_ns - decode_ns
    return Decomposition(rows, np.stack((begun - due, own_ns, reading_ns - own_ns, decode_ns, stall_ns)), is_split)


def time_split(parts: Decomposition) -> TimeSplit:
    """Summed over all requests."""
    total = tuple(int(each) for each in parts.parts_ns.sum(axis=1))
    return TimeSplit(len(parts.rows), total, int(np.count_nonzero(~parts.is_split)))


def added(splits: Sequence[TimeSplit]) -> TimeSplit:
    """The requests of several runs taken together."""
    total = tuple(sum(each.total_ns[part] for each in splits) for part in range(len(PART_NAMES)))
    return TimeSplit(sum(each.requests for each in splits), total, sum(each.unsplit for each in splits))


def prefill_reads(requests: NDArray[Any], steps: NDArray[Any]) -> PrefillReads:
    """Which step read how much of whose prompt, as `request_slices.prefill_chunks` finds it.

    A request with a first token is explained when the last of its steps ends with that token and they make up its prompt.
    """
    numbers = np.flatnonzero(steps["prefill_tokens"] > 0)
    chunks = prefill_chunks(requests, steps[numbers], numbers)
    row_of = dict(zip(requests["request"].tolist(), range(len(requests)), strict=True))
    flat = [(row_of[request], each.step, each.tokens) for request, of_request in chunks.items() for each in of_request]
    row, step, tokens = np.array(flat, np.int64).reshape(-1, 3).T
    has_first = reached(requests["first_token_ns"])
    needed = requests["prompt_tokens"].astype(np.int64) - requests["cached_tokens"]
    read = np.zeros(len(requests), np.int64)
    np.add.at(read, row, tokens)
    last_ns = np.full(len(requests), np.iinfo(np.int64).min)
    np.maximum.at(last_ns, row, steps["end_ns"][step])
    is_explained = np.where(has_first, (read == needed) & (last_ns == requests["first_token_ns"]), True)
    is_late = ~has_first & reached(requests["end_ns"]) & (last_ns > requests["end_ns"])
    is_explained &= ~is_late
    kept = is_explained[row]
    return PrefillReads(row[kept], step[kept], tokens[kept], np.flatnonzero(~is_explained))


class StepClock:
    """How long steps of each kind have run until an instant, part of a step included."""

    def __init__(self, steps: NDArray[Any]) -> None:
        # Steps of a sound run follow each other; of a file that claims otherwise none counts twice.
        ends = np.maximum.accumulate(steps["end_ns"])
        before = np.concatenate(([np.iinfo(np.int64).min], ends[:-1]))
        self.end_ns: Instants = ends
        self.start_ns: Instants = np.minimum(np.maximum(steps["start_ns"], before), ends)
        self.prefill_tokens: NDArray[np.int64] = steps["prefill_tokens"].astype(np.int64)
        self._reads: NDArray[np.bool_] = np.asarray(self.prefill_tokens > 0)
        lasted = self.end_ns - self.start_ns
        self._read_ns = np.concatenate(([0], np.cumsum(np.where(self._reads, lasted, 0))))
        self._decoded_ns = np.concatenate(([0], np.cumsum(np.where(self._reads, 0, lasted))))

    @property
    def lasted_ns(self) -> NDArray[np.int64]:
        """Of each step."""
        return np.asarray(self.end_ns - self.start_ns)

    def reading_ns(self, instants: Instants) -> NDArray[np.int64]:
        """In steps with prompt tokens, until each of these instants."""
        return self._until(instants, self._read_ns, of_readers=True)

    def decoding_ns(self, instants: Instants) -> NDArray[np.int64]:
        """In steps without."""
        return self._until(instants, self._decoded_ns, of_readers=False)

    def _until(self, instants: Instants, ended_ns: NDArray[np.int64], *, of_readers: bool) -> NDArray[np.int64]:
        number = np.searchsorted(self.end_ns, instants, side="right")
        under_way = np.minimum(number, len(self.end_ns) - 1)
        within = np.maximum(instants - self.start_ns[under_way], 0)
        counts = (number < len(self.end_ns)) & (self._reads[under_way] == of_readers)
        return np.asarray(ended_ns[number] + np.where(counts, within, 0))


def _own_ns(reads: PrefillReads, clock: StepClock, count: int) -> NDArray[np.int64]:
    """Of each request: its share of the steps that read its prompt, by tokens, rounded down."""
    own = np.zeros(count, np.int64)
    if len(reads.step):
        share = reads.tokens / clock.prefill_tokens[reads.step]
        np.add.at(own, reads.row, (clock.lasted_ns[reads.step] * share).astype(np.int64))
    return own
