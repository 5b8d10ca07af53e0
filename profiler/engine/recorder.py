"""Raw rows of a run: kept as they come while a step is under way, made into arrays and shipped about twenty times a second."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.engine.outbox import Outbox
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus
from profiler.scheduling.arrivals import Arrival
from profiler.scheduling.batcher import Slots

SHIP_PERIOD_NS = 50_000_000
_MOST_STEPS_KEPT = 4096

Tokens = NDArray[np.integer[Any]]


class Recorder:
    """Keeps the open requests and the rows not yet shipped. All times are since the run's origin.

    Attributes:
        steps: number of steps so far.
        output_tokens: number of tokens stamped so far, counted apart from the rows.
    """

    def __init__(self, outbox: Outbox | None) -> None:
        """Without an outbox (while warming up) rows are dropped instead of shipped."""
        self._outbox = outbox
        self._steps: list[tuple[int, ...]] = []
        self._emissions: list[tuple[int, int, Slots, Tokens]] = []
        self._open: dict[int, np.void] = {}
        self._ended: list[np.void] = []
        self._last_ship_ns = 0
        self.steps = 0
        self.output_tokens = 0

    @property
    def in_system(self) -> int:
        """Requests due and not ended."""
        return len(self._open)

    def begin_request(self, arrival: Arrival, sent_ns: int, prompt_tokens: int) -> None:
        """A request has become due and is now queued."""
        row = np.zeros(1, REQUEST_DTYPE)[0]
        row["request"], row["user"] = arrival.request, arrival.user
        row["class"], row["turn"] = arrival.class_number, arrival.turn + 1
        row["due_ns"], row["sent_ns"] = arrival.due_ns, sent_ns
        row["prefill_start_ns"] = row["first_token_ns"] = row["end_ns"] = ABSENT_NS
        row["prompt_tokens"] = prompt_tokens
        self._open[arrival.request] = row

    def start_prefill(self, request: int, time_ns: int, cached_tokens: int) -> None:
        """The first slice of its prompt is about to be evaluated; so many tokens before it were in the cache."""
        row = self._open[request]
        row["prefill_start_ns"], row["cached_tokens"] = time_ns, cached_tokens

    def first_token(self, request: int, time_ns: int) -> None:
        """Its first output token became visible."""
        self._open[request]["first_token_ns"] = time_ns

    def end_request(self, request: int, time_ns: int, output_tokens: int, status: RequestStatus) -> None:
        """All its tokens are there, or it was given up."""
        row = self._open.pop(request)
        row["end_ns"] = time_ns
        row["output_tokens"] = output_tokens
        row["status"] = status
        self._ended.append(row)

    def tokens(self, requests: Slots, time_ns: int, tokens: Tokens) -> None:
        """One token of each request, all stamped alike, in the step that `step` records next.

        Both arrays are kept until they are shipped and must not change.
        """
        self._emissions.append((self.steps, time_ns, requests, tokens))
        self.output_tokens += len(requests)

    def step(self, row: tuple[int, ...]) -> None:
        """A step, its fields in STEP_DTYPE's order."""
        self._steps.append(row)
        self.steps += 1

    def ship_if_due(self, time_ns: int) -> None:
        """Hand over what has gathered, twenty times a second."""
        if time_ns - self._last_ship_ns >= SHIP_PERIOD_NS or len(self._steps) >= _MOST_STEPS_KEPT:
            self.ship(time_ns)

    def ship(self, time_ns: int) -> None:
        """Hand over what has gathered."""
        self._last_ship_ns = time_ns
        if self._outbox is not None and (self._steps or self._ended):
            self._outbox.send_rows(
                {
                    "request": np.array(self._ended, REQUEST_DTYPE),
                    "token": self._token_rows(),
                    "step": np.array(self._steps, STEP_DTYPE),
                }
            )
        self._steps.clear()
        self._emissions.clear()
        self._ended.clear()

    def _token_rows(self) -> NDArray[Any]:
        if not self._emissions:
            return np.empty(0, TOKEN_DTYPE)
        steps, times_ns, requests, tokens = zip(*self._emissions, strict=True)
        counts = [len(part) for part in requests]
        rows = np.empty(sum(counts), TOKEN_DTYPE)
        rows["request"] = np.concatenate(requests)
        rows["step"] = np.repeat(steps, counts)
        rows["time_ns"] = np.repeat(times_ns, counts)
        rows["token"] = np.concatenate(tokens)
        return rows

    def abandon_open(self, tokens_so_far: dict[int, int]) -> None:
        """The run ends early: requests still under way are recorded as unfinished, with the tokens they got."""
        for request, row in sorted(self._open.items()):
            row["output_tokens"] = tokens_so_far.get(request, 0)
            row["status"] = RequestStatus.UNFINISHED
            self._ended.append(row)
        self._open.clear()
