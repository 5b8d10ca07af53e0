"""Raw rows of a run: packed as they come, and shipped about ten times a second.

A row is packed into bytes at once: to join them is all that is left to do when they are shipped, which happens between two steps.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.engine.outbox import Outbox
from profiler.records.timing import ABSENT_NS, REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus
from profiler.scheduling.arrivals import Arrival
from profiler.scheduling.step import Slots

SHIP_PERIOD_NS = 100_000_000
_MOST_STEPS_KEPT = 4096

Tokens = NDArray[np.integer[Any]]

_STRUCT_CODES = {"<i8": "q", "<u8": "Q", "<i4": "i", "<u4": "I", "<u2": "H", "|u1": "B"}


def _struct_of(dtype: np.dtype[Any]) -> Struct:
    """Packs a tuple of a structured type's fields as numpy lays them out."""
    assert dtype.names is not None
    packer = Struct("<" + "".join(_STRUCT_CODES[dtype[name].str] for name in dtype.names))
    assert packer.size == dtype.itemsize
    return packer


_REQUEST_ROW, _STEP_ROW = _struct_of(REQUEST_DTYPE), _struct_of(STEP_DTYPE)


@dataclass(slots=True)
class _Open:
    """A request in the system; the instants are those of REQUEST_DTYPE."""

    arrival: Arrival
    sent_ns: int
    prompt_tokens: int
    prefill_start_ns: int = ABSENT_NS
    first_token_ns: int = ABSENT_NS
    cached_tokens: int = 0

    def row(self, end_ns: int, output_tokens: int, status: RequestStatus) -> bytes:
        """Its row of REQUEST_DTYPE."""
        arrival = self.arrival
        return _REQUEST_ROW.pack(
            arrival.request,
            arrival.class_number,
            arrival.user,
            arrival.turn + 1,
            arrival.due_ns,
            self.sent_ns,
            self.prefill_start_ns,
            self.first_token_ns,
            end_ns,
            self.prompt_tokens,
            self.cached_tokens,
            output_tokens,
            status,
        )


class Recorder:
    """Keeps the open requests and the rows not yet shipped. All times are since the run's origin.

    Attributes:
        steps: number of steps so far.
        output_tokens: number of tokens stamped so far, counted apart from the rows.
    """

    def __init__(self, outbox: Outbox | None) -> None:
        """Without an outbox (while warming up) rows are dropped instead of shipped."""
        self._outbox = outbox
        self._steps: list[bytes] = []
        self._emissions: list[bytes] = []
        self._open: dict[int, _Open] = {}
        self._ended: list[bytes] = []
        self._members: Slots | None = None  # whose tokens were stamped last
        self._emission = np.empty(0, TOKEN_DTYPE)
        self._emission_step, self._emission_time_ns, self._emission_token = _views(self._emission)
        self._last_ship_ns = 0
        self.steps = 0
        self.output_tokens = 0

    @property
    def in_system(self) -> int:
        """Requests due and not ended."""
        return len(self._open)

    def begin_request(self, arrival: Arrival, sent_ns: int, prompt_tokens: int) -> None:
        """A request has become due and is now queued."""
        self._open[arrival.request] = _Open(arrival, sent_ns, prompt_tokens)

    def start_prefill(self, request: int, time_ns: int, cached_tokens: int) -> None:
        """The first slice of its prompt is about to be evaluated; so many tokens before it were in the cache."""
        row = self._open[request]
        row.prefill_start_ns, row.cached_tokens = time_ns, cached_tokens

    def first_token(self, request: int, time_ns: int) -> None:
        """Its first output token became visible."""
        self._open[request].first_token_ns = time_ns

    def end_request(self, request: int, time_ns: int, output_tokens: int, status: RequestStatus) -> None:
        """All its tokens are there, or it was given up."""
        self._ended.append(self._open.pop(request).row(time_ns, output_tokens, status))

    def tokens(self, requests: Slots, time_ns: int, tokens: Tokens) -> None:
        """One token of each request, all stamped alike, in the step that `step` records next.

        The array of requests must not change: when it is given again, only the rest of the rows is written anew.
        """
        if requests is not self._members:
            self._members = requests
            self._emission = np.empty(len(requests), TOKEN_DTYPE)
            self._emission["request"] = requests
            self._emission_step, self._emission_time_ns, self._emission_token = _views(self._emission)
        self._emission_step.fill(self.steps)
        self._emission_time_ns.fill(time_ns)
        self._emission_token[:] = tokens
        self._emissions.append(self._emission.tobytes())
        self.output_tokens += len(requests)

    def step(self, row: tuple[int, ...]) -> None:
        """A step, its fields in STEP_DTYPE's order."""
        self._steps.append(_STEP_ROW.pack(*row))
        self.steps += 1

    @property
    def ship_due_ns(self) -> int:
        """When what has gathered is to be handed over."""
        return self._last_ship_ns + SHIP_PERIOD_NS

    def ship_if_due(self, time_ns: int) -> None:
        """Hand over what has gathered, ten times a second (each time takes the engine about half a thousandth of a second).

        Best right before llama.cpp is called: the thread that writes wakes at once, and then finds the interpreter's lock free.
        """
        if time_ns >= self._last_ship_ns + SHIP_PERIOD_NS or len(self._steps) >= _MOST_STEPS_KEPT:
            self.ship(time_ns)

    def ship(self, time_ns: int) -> None:
        """Hand over what has gathered."""
        self._last_ship_ns = time_ns
        if self._outbox is not None and (self._steps or self._ended):
            self._outbox.send_rows(
                {
                    "request": np.frombuffer(b"".join(self._ended), REQUEST_DTYPE),
                    "token": np.frombuffer(b"".join(self._emissions), TOKEN_DTYPE),
                    "step": np.frombuffer(b"".join(self._steps), STEP_DTYPE),
                }
            )
        self._steps.clear()
        self._emissions.clear()
        self._ended.clear()

    def abandon_open(self, tokens_so_far: dict[int, int]) -> None:
        """The run ends early: requests still under way are recorded as unfinished, with the tokens they got."""
        for request, row in sorted(self._open.items()):
            self._ended.append(row.row(ABSENT_NS, tokens_so_far.get(request, 0), RequestStatus.UNFINISHED))
        self._open.clear()


def _views(emission: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The columns that change from step to step."""
    return emission["step"], emission["time_ns"], emission["token"]
