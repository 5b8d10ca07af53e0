"""What a request did from being due to its end, cut into slices without gap or overlap, and the lanes that requests lie on.

Which prompt a step read from is not recorded, but follows from what is: prompts are read in the order in which they were begun,
each taking all that it still needs of the step's prompt tokens (`scheduling.batcher`).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import ABSENT_NS

SliceName = Literal["queued", "prefill", "prefill waits", "decode"]


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a request's life.

    Attributes:
        name: "queued": due, its prompt not begun; "prefill": a step read from its prompt; "prefill waits": its prompt was begun
            and the engine did something else; "decode": from the first output token to the end.
        tokens: of its prompt, that the step read; None for the other names, and where the steps do not tell.
        step: number of that step.
    """

    name: SliceName
    start_ns: int
    end_ns: int
    tokens: int | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class _Chunk:
    step: int
    start_ns: int
    end_ns: int
    tokens: int


@dataclass(slots=True)
class _Reading:
    request: int
    left: int
    gone_ns: int


def prefill_chunks(requests: NDArray[Any], steps: NDArray[Any], numbers: NDArray[np.int64]) -> dict[int, list[_Chunk]]:
    """The steps that read each request's prompt, by the request's number.

    Args:
        requests: of a run.
        steps: those of them with prompt tokens, in the order of time.
        numbers: of the steps within the run.
    """
    begun = requests[requests["prefill_start_ns"] != ABSENT_NS]
    begun = begun[np.lexsort((begun["request"], begun["prefill_start_ns"]))]
    never = np.iinfo(np.int64).max
    columns = ("request", "prefill_start_ns", "prompt_tokens", "cached_tokens", "end_ns", "first_token_ns")
    waiting = deque(zip(*(begun[name].tolist() for name in columns), strict=True))
    reading: deque[_Reading] = deque()
    chunks: dict[int, list[_Chunk]] = {}
    rows = zip(numbers.tolist(), *(steps[name].tolist() for name in ("start_ns", "end_ns", "prefill_tokens")), strict=True)
    for number, start_ns, end_ns, tokens in rows:
        while waiting and waiting[0][1] <= start_ns:
            request, _, prompt, cached, request_end_ns, first_ns = waiting.popleft()
            # One that was given up takes no more; one that has its first token took all of its prompt.
            gone_ns = request_end_ns if first_ns == ABSENT_NS and request_end_ns != ABSENT_NS else never
            reading.append(_Reading(request, prompt - cached, gone_ns))
        left = tokens
        while reading and left:
            prompt_of = reading.popleft()
            if prompt_of.gone_ns <= start_ns:
                continue
            taken = min(prompt_of.left, left)
            chunks.setdefault(prompt_of.request, []).append(_Chunk(number, start_ns, end_ns, taken))
            left -= taken
            prompt_of.left -= taken
            if prompt_of.left:  # then the step had no more to give
                reading.appendleft(prompt_of)
    return chunks


def request_slices(request: Any, chunks: Sequence[_Chunk], run_end_ns: int) -> list[Slice]:
    """A request's slices, from due to its end; to the run's where it has none.

    Where the chunks do not end with the request's first token, or do not make up its prompt, the steps are of an engine that
    reads prompts otherwise, and the prefill is one slice.

    Args:
        request: its row.
        chunks: the steps that read its prompt, in the order of time.
        run_end_ns: the last instant of the run.
    """
    due_ns, prefill_ns, first_ns = (int(request[name]) for name in ("due_ns", "prefill_start_ns", "first_token_ns"))
    end_ns = int(request["end_ns"])
    end_ns = max(run_end_ns, due_ns) if end_ns == ABSENT_NS else end_ns
    if prefill_ns == ABSENT_NS:
        return _made([Slice("queued", due_ns, end_ns)])
    read_until_ns = end_ns if first_ns == ABSENT_NS else first_ns
    slices = [Slice("queued", due_ns, prefill_ns)]
    if _explain(chunks, request, read_until_ns):
        slices += _prefill(chunks, prefill_ns, read_until_ns)
    else:
        slices.append(Slice("prefill", prefill_ns, read_until_ns))
    return _made([*slices, Slice("decode", read_until_ns, end_ns)])


def _explain(chunks: Sequence[_Chunk], request: Any, read_until_ns: int) -> bool:
    """Whether the chunks agree with what is known of the request."""
    if not chunks:
        return False
    if int(request["first_token_ns"]) == ABSENT_NS:
        return chunks[-1].end_ns <= read_until_ns
    needed = int(request["prompt_tokens"]) - int(request["cached_tokens"])
    return chunks[-1].end_ns == read_until_ns and sum(chunk.tokens for chunk in chunks) == needed


def _prefill(chunks: Sequence[_Chunk], prefill_ns: int, read_until_ns: int) -> Iterator[Slice]:
    """The chunks with the pauses between them; the first begins when its step was being laid out."""
    at_ns = prefill_ns
    for place, chunk in enumerate(chunks):
        start_ns = prefill_ns if place == 0 else chunk.start_ns
        yield Slice("prefill waits", at_ns, start_ns)
        yield Slice("prefill", start_ns, chunk.end_ns, chunk.tokens, chunk.step)
        at_ns = chunk.end_ns
    yield Slice("prefill waits", at_ns, read_until_ns)


def _made(slices: Sequence[Slice]) -> list[Slice]:
    """Those that last."""
    return [each for each in slices if each.end_ns > each.start_ns]


def lanes(spans_ns: Sequence[tuple[int, int]]) -> list[int]:
    """A lane for each span, from 0: the lowest that is free from the span's start on. Spans of no length keep a lane too.

    Args:
        spans_ns: start and end, in the order of their starts.
    """
    free: list[int] = []
    taken: list[tuple[int, int]] = []
    chosen = []
    lanes_made = 0
    for start_ns, end_ns in spans_ns:
        while taken and taken[0][0] <= start_ns:
            heappush(free, heappop(taken)[1])
        if free:
            lane = heappop(free)
        else:
            lane, lanes_made = lanes_made, lanes_made + 1
        chosen.append(lane)
        heappush(taken, (end_ns, lane))
    return chosen
