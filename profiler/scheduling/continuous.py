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
    """One decode call: one token for each of `decode` (slots, rising), and the slices of `prefill` (slots rising)."""

    decode: Slots
    prefill: tuple[PrefillSlice, ...]

    @property
    def prefill_tokens(self) -> int:
        """Prompt tokens in the step."""
        return sum(part.count for part in self.prefill)

    @property
    def sequences(self) -> int:
        """Sequences in the step."""
        return len(self.decode) + len(self.prefill)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a completed step brought; slots rising in each.

    Attributes:
        emitting: slots that got an output token.
        first: slots among them whose token is their request's first.
        finished: slots whose request now has all its tokens; they are free again after `release`.
    """

    emitting: Slots
    first: Slots
    finished: Slots


class ContinuousBatcher:
    """Slots, the queue before them, and what each step takes.

    Waiting requests take the lowest free slot in their order, since llama.cpp joins only consecutive sequence ids into one pass
    when each has its own stream (measurement.md §3). Decodes come first in a step; prompt tokens share what is left of the
    batch, and no more than `prefill_chunk` of them beside a decode, oldest request first.

    Attributes:
        request: request number in each slot, NO_REQUEST where it is free.
        length: tokens of each slot in the KV cache.
    """

    def __init__(self, slots: int, batch_tokens: int, prefill_chunk: int) -> None:
        if slots > batch_tokens:
            raise ValueError(f"{slots} slots do not fit a batch of {batch_tokens} tokens")
        self.request: Slots = np.full(slots, NO_REQUEST, np.int32)
        self.length: Slots = np.zeros(slots, np.int32)
        self._output_left: Slots = np.zeros(slots, np.int32)
        self._prompt_left: Slots = np.zeros(slots, np.int32)
        self._is_decoding = np.zeros(slots, np.bool_)
        self._decoding: Slots = _NO_SLOTS
        self._batch_tokens = batch_tokens
        self._prefill_chunk = prefill_chunk
        self._free = list(range(slots))
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._prefilling: list[int] = []

    @property
    def waiting(self) -> int:
        """Requests that have no slot yet."""
        return len(self._waiting)

    @property
    def used_cells(self) -> int:
        """KV cells that live sequences hold."""
        return int(self.length.sum())

    def submit(self, request: int, prompt_tokens: int, output_tokens: int) -> None:
        """Queue a request; both lengths are at least 1."""
        self._waiting.append((request, prompt_tokens, output_tokens))

    def plan(self) -> StepPlan | None:
        """What the next step takes, None when there is nothing to do. Planning twice without `complete` gives the same plan."""
        self._admit()
        decode = self._decoding
        if not self._prefilling:
            return StepPlan(decode, ()) if len(decode) else None
        room = self._batch_tokens - len(decode)
        if len(decode):
            room = min(room, self._prefill_chunk)
        slices = []
        for slot in self._prefilling:
            if room == 0:
                break
            left = int(self._prompt_left[slot])
            count = min(left, room)
            slices.append(PrefillSlice(slot, int(self.length[slot]), count, count == left))
            room -= count
        return StepPlan(decode, tuple(sorted(slices, key=lambda part: part.slot)))

    def complete(self, plan: StepPlan) -> StepResult:
        """Account for a step that was carried out as planned."""
        decode = plan.decode
        if len(decode):
            self.length[decode] += 1
            self._output_left[decode] -= 1
        if not plan.prefill:
            finished = decode[self._output_left[decode] == 0]
            return StepResult(decode, _NO_SLOTS, finished)
        for part in plan.prefill:
            self.length[part.slot] += part.count
            self._prompt_left[part.slot] -= part.count
        first = np.array([part.slot for part in plan.prefill if part.completes], np.int32)
        emitting = decode
        if len(first):
            self._output_left[first] -= 1
            self._is_decoding[first] = True
            self._decoding = np.flatnonzero(self._is_decoding).astype(np.int32)
            self._prefilling = [slot for slot in self._prefilling if not self._is_decoding[slot]]
            emitting = np.sort(np.concatenate((decode, first)))
        finished = emitting[self._output_left[emitting] == 0]
        return StepResult(emitting, first, finished)

    def release(self, finished: Slots) -> None:
        """Free slots whose request has ended and whose cells the caller has dropped."""
        if not len(finished):
            return
        self.request[finished] = NO_REQUEST
        self.length[finished] = 0
        self._is_decoding[finished] = False
        self._decoding = np.flatnonzero(self._is_decoding).astype(np.int32)
        for slot in finished.tolist():
            heapq.heappush(self._free, slot)

    def _admit(self) -> None:
        while self._free and self._waiting:
            slot = heapq.heappop(self._free)
            request, prompt_tokens, output_tokens = self._waiting.popleft()
            self.request[slot] = request
            self.length[slot] = 0
            self._prompt_left[slot] = prompt_tokens
            self._output_left[slot] = output_tokens
            self._prefilling.append(slot)
