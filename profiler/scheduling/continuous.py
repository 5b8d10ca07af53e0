"""Continuous batching over fixed slots: requests join and leave at any step, prompts are prefilled in chunks beside decodes."""

import heapq
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.int32]

NO_REQUEST = -1
_NO_SLOTS: Slots = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class PrefillSlice:
    """Part of one prompt that a step evaluates: prompt tokens `start` to `start + count` of the slot's request.

    Attributes:
        completes: the slice ends the prompt, so its last row yields the first output token.
    """

    slot: int
    start: int
    count: int
    completes: bool


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One decode call: one token for each of `decode` (slots, rising), and the slices of `prefill` (slots rising).

    While the same requests decode and nothing else happens, one step's plan is the same object as the last one's.

    Attributes:
        decode_tokens, prefill_tokens, sequences: its sizes.
    """

    decode: Slots
    prefill: tuple[PrefillSlice, ...]
    decode_tokens: int
    prefill_tokens: int
    sequences: int


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a completed step brought; slots rising in each.

    Attributes:
        emitting: slots that got an output token.
        requests: the request of each of them.
        first: slots among them whose token is their request's first.
        finished: slots whose request now has all its tokens; they are free again after `release`.
    """

    emitting: Slots
    requests: Slots
    first: Slots
    finished: Slots


class ContinuousBatcher:
    """Slots, the queue before them, and what each step takes.

    Waiting requests take the lowest free slot in their order, since llama.cpp joins only consecutive sequence ids into one pass
    when each has its own stream (measurement.md §3). Decodes come first in a step; prompt tokens share what is left of the
    batch, and no more than `prefill_chunk` of them beside a decode, oldest request first.

    Most steps only give each running request its next token. Such *steady* steps are merely counted, and written into the arrays
    when something else happens: after a decode call the processor's caches are cold, and every line of Python costs.

    Attributes:
        request: request number in each slot, NO_REQUEST where it is free.
    """

    def __init__(self, slots: int, batch_tokens: int, prefill_chunk: int) -> None:
        if slots > batch_tokens:
            raise ValueError(f"{slots} slots do not fit a batch of {batch_tokens} tokens")
        self.request: Slots = np.full(slots, NO_REQUEST, np.int32)
        self._length: Slots = np.zeros(slots, np.int32)
        self._output_left: Slots = np.zeros(slots, np.int32)
        self._output_given: Slots = np.zeros(slots, np.int32)
        self._prompt_left: Slots = np.zeros(slots, np.int32)
        self._is_decoding = np.zeros(slots, np.bool_)
        self._batch_tokens = batch_tokens
        self._prefill_chunk = prefill_chunk
        self._free = list(range(slots))
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._prefilling: list[int] = []
        self._steady_steps = self._steps_to_first_end = 0
        self._settled_cells = self._settled_decoding_cells = self._settled_longest = 0
        self._regroup()

    @property
    def waiting(self) -> int:
        """Requests that have no slot yet."""
        return len(self._waiting)

    @property
    def length(self) -> Slots:
        """Tokens of each slot in the KV cache."""
        self._settle()
        return self._length

    @property
    def output_given(self) -> Slots:
        """Output tokens that each slot's request has had."""
        self._settle()
        return self._output_given

    @property
    def used_cells(self) -> int:
        """KV cells that live sequences hold."""
        return self._settled_cells + self._steady_steps * self._decode_tokens

    @property
    def decoding_cells(self) -> int:
        """KV cells of the sequences that decode."""
        return self._settled_decoding_cells + self._steady_steps * self._decode_tokens

    @property
    def longest_decoding(self) -> int:
        """KV cells of the longest sequence that decodes."""
        return self._settled_longest + self._steady_steps

    def submit(self, request: int, prompt_tokens: int, output_tokens: int) -> None:
        """Queue a request; both lengths are at least 1."""
        self._waiting.append((request, prompt_tokens, output_tokens))

    def plan(self) -> StepPlan | None:
        """What the next step takes, None when there is nothing to do. Planning twice without `complete` gives the same plan."""
        if self._waiting and self._free:
            self._admit()
        if not self._prefilling:
            return self._decode_plan
        self._settle()
        decode = self._decoding
        room = self._batch_tokens - len(decode)
        if len(decode):
            room = min(room, self._prefill_chunk)
        slices = []
        for slot in self._prefilling:
            if room == 0:
                break
            left = int(self._prompt_left[slot])
            count = min(left, room)
            slices.append(PrefillSlice(slot, int(self._length[slot]), count, count == left))
            room -= count
        prefill = tuple(sorted(slices, key=lambda part: part.slot))
        return StepPlan(decode, prefill, len(decode), sum(part.count for part in prefill), len(decode) + len(prefill))

    def complete(self, plan: StepPlan) -> StepResult:
        """Account for a step that was carried out as planned."""
        if plan is self._decode_plan:
            self._steady_steps += 1
            if self._steady_steps < self._steps_to_first_end:
                return self._steady_result
            self._settle()
            return self._result(self._decoding, _NO_SLOTS)
        decode = plan.decode
        self._length[decode] += 1
        for part in plan.prefill:
            self._length[part.slot] += part.count
            self._prompt_left[part.slot] -= part.count
        first = np.array([part.slot for part in plan.prefill if part.completes], np.int32)
        emitting = np.sort(np.concatenate((decode, first)))
        self._output_left[emitting] -= 1
        self._output_given[emitting] += 1
        self._is_decoding[first] = True
        self._prefilling = [slot for slot in self._prefilling if not self._is_decoding[slot]]
        self._regroup()
        return self._result(emitting, first)

    def release(self, finished: Slots) -> None:
        """Free slots whose request has ended and whose cells the caller has dropped."""
        self._settle()
        self.request[finished] = NO_REQUEST
        self._length[finished] = 0
        self._is_decoding[finished] = False
        self._regroup()
        for slot in finished.tolist():
            heapq.heappush(self._free, slot)

    def _result(self, emitting: Slots, first: Slots) -> StepResult:
        return StepResult(emitting, self.request[emitting], first, emitting[self._output_left[emitting] == 0])

    def _admit(self) -> None:
        self._settle()
        while self._free and self._waiting:
            slot = heapq.heappop(self._free)
            request, prompt_tokens, output_tokens = self._waiting.popleft()
            self.request[slot] = request
            self._length[slot] = 0
            self._prompt_left[slot] = prompt_tokens
            self._output_left[slot] = output_tokens
            self._output_given[slot] = 0
            self._prefilling.append(slot)

    def _settle(self) -> None:
        """Write the steady steps so far into the arrays."""
        steps = self._steady_steps
        if not steps:
            return
        decode = self._decoding
        self._length[decode] += steps
        self._output_left[decode] -= steps
        self._output_given[decode] += steps
        self._settled_cells += steps * self._decode_tokens
        self._settled_decoding_cells += steps * self._decode_tokens
        self._settled_longest += steps
        self._steps_to_first_end -= steps
        self._steady_steps = 0

    def _regroup(self) -> None:
        """The set of decoding slots has changed: what its steady steps have in common."""
        decode = self._decoding = np.flatnonzero(self._is_decoding).astype(np.int32)
        count = self._decode_tokens = len(decode)
        self._decode_plan = StepPlan(decode, (), count, 0, count) if count else None
        self._steady_result = StepResult(decode, self.request[decode], _NO_SLOTS, _NO_SLOTS)
        self._steady_steps = 0
        self._steps_to_first_end = int(self._output_left[decode].min(initial=np.iinfo(np.int32).max))
        self._settled_cells = int(self._length.sum())
        self._settled_decoding_cells = int(self._length[decode].sum())
        self._settled_longest = int(self._length[decode].max(initial=0))
