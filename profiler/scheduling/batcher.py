"""Batching over fixed slots: who holds a slot, who waits, who has waited too long, and what each step takes.

Which of the waiting get a slot is `scheduling.admission`'s part; the clock is passed in.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.records.specification import Priority
from profiler.scheduling.admission import Admission

Slots = NDArray[np.int32]

NO_REQUEST = -1
_NO_SLOTS: Slots = np.empty(0, np.int32)
_NEVER_NS = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class PrefillSlice:
    """Part of one prompt that a step evaluates: prompt tokens `start` to `start + count` of the slot's request.

    Attributes:
        start: offset within the prompt; its position in the slot lies the slot's depth behind.
        completes: the slice ends the prompt, so its last row yields the first output token.
        begins: it is the request's first slice; with cached tokens before it, `start` is not 0.
    """

    slot: int
    start: int
    count: int
    completes: bool
    begins: bool


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One decode call: one token for each of `decode` (slots, rising), and the slices of `prefill` (slots rising).

    While the same requests decode and nothing else happens, one step's plan is the same object as the last one's.

    Attributes:
        decode_tokens, prefill_tokens, sequences: its sizes.
        cached_tokens: prompt tokens, not among its prefill tokens, that the requests which begin with it found in their slots.
    """

    decode: Slots
    prefill: tuple[PrefillSlice, ...]
    decode_tokens: int
    prefill_tokens: int
    sequences: int
    cached_tokens: int


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


@dataclass(frozen=True, slots=True)
class Expired:
    """Requests given up for having been in the system too long.

    Attributes:
        waiting: those that had no slot, oldest first; the batcher has forgotten them.
        slots: slots of those that had one, rising; they are the caller's to `release`.
    """

    waiting: tuple[int, ...]
    slots: Slots


_NONE_EXPIRED = Expired((), _NO_SLOTS)


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: int
    prompt_tokens: int
    output_tokens: int
    due_ns: int


class Batcher:
    """Slots, the queue before them, and what each step takes.

    Waiting requests take the lowest free slot in their order, since llama.cpp joins only consecutive sequence ids into one pass
    when each has its own stream (measurement.md §3). With the priority "decode", decodes come first in a step; prompt tokens
    share what is left of the batch, and no more than `prefill_chunk` of them beside a decode, oldest request first. With
    "prefill", decodes wait while a prompt is unfinished, and prompt tokens may fill the batch.

    Most steps only give each running request its next token. Such *steady* steps are merely counted, and written into the arrays
    when something else happens: after a decode call the processor's caches are cold, and every line of Python costs.

    Attributes:
        request: request number in each slot, NO_REQUEST where it is free.
    """

    def __init__(
        self,
        slots: int,
        batch_tokens: int,
        prefill_chunk: int,
        *,
        admission: Admission,
        priority: Priority = "decode",
        depth: int = 0,
        timeout_ns: int | None = None,
        queue_limit: int | None = None,
        on_admit: Callable[[int, int], int] | None = None,
    ) -> None:
        """Raises ValueError for more slots than a batch has tokens.

        Args:
            slots: sequences decoded together.
            batch_tokens: most tokens in a step.
            prefill_chunk: most prompt tokens in a step beside decodes.
            admission: who gets a free slot when.
            priority: what waits for the other, decodes or prompts.
            depth: tokens that each slot holds before its request, also while it is free.
            timeout_ns: a request that was due so long ago is given up by `expire`, None: never.
            queue_limit: a request that finds so many waiting is refused, None: never.
            on_admit: told (slot, request) when a request gets a slot; returns how many of its prompt's first tokens are already
                in the slot, at most all but one.
        """
        if slots > batch_tokens:
            raise ValueError(f"{slots} slots do not fit a batch of {batch_tokens} tokens")
        self.request: Slots = np.full(slots, NO_REQUEST, np.int32)
        self._depth = depth
        self._length: Slots = np.full(slots, depth, np.int32)
        self._output_left: Slots = np.zeros(slots, np.int32)
        self._output_given: Slots = np.zeros(slots, np.int32)
        self._prompt_left: Slots = np.zeros(slots, np.int32)
        self._cached: Slots = np.zeros(slots, np.int32)
        self._due_ns = np.zeros(slots, np.int64)
        self._is_decoding = np.zeros(slots, np.bool_)
        self._batch_tokens = batch_tokens
        self._prefill_chunk = prefill_chunk
        self._admission = admission
        self._prefill_first = priority == "prefill" or admission.reads_prompts_first
        self._timeout_ns = timeout_ns
        self._deadline_ns = _NEVER_NS  # nothing expires before
        self._queue_limit = queue_limit
        self._on_admit = on_admit
        self._free = list(range(slots))
        self._waiting: deque[_Waiting] = deque()
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
        """Tokens of each slot in the KV cache, its depth and what a prefix cache gave it included."""
        self._settle()
        return self._length

    @property
    def output_given(self) -> Slots:
        """Output tokens that each slot's request has had."""
        self._settle()
        return self._output_given

    @property
    def used_cells(self) -> int:
        """Sum of the slots' lengths: the KV cells that they hold, those that a prefix cache lets them share counted for each."""
        return self._settled_cells + self._steady_steps * self._decode_tokens

    @property
    def decoding_cells(self) -> int:
        """KV cells of the sequences that decode."""
        return self._settled_decoding_cells + self._steady_steps * self._decode_tokens

    @property
    def longest_decoding(self) -> int:
        """KV cells of the longest sequence that decodes."""
        return self._settled_longest + self._steady_steps

    def submit(self, request: int, prompt_tokens: int, output_tokens: int, due_ns: int) -> bool:
        """Queue a request; false when the queue is full and it is refused.

        Requests come in the order of being due, both lengths are at least 1. Whom the policy would give a slot at the time of
        `due_ns` does not count as waiting.
        """
        if self._queue_limit is not None:
            first_due_ns = self._waiting[0].due_ns if self._waiting else due_ns
            waiting = len(self._waiting) + 1
            if waiting - self._room(due_ns, waiting, first_due_ns) > self._queue_limit:
                return False
        self._waiting.append(_Waiting(request, prompt_tokens, output_tokens, due_ns))
        if self._timeout_ns is not None:
            self._deadline_ns = min(self._deadline_ns, due_ns + self._timeout_ns)
        return True

    def expire(self, now_ns: int) -> Expired:
        """Give up what was due `timeout_ns` ago or more.

        The caller drops the cells of `slots` and releases them before it plans again.
        """
        if now_ns < self._deadline_ns or self._timeout_ns is None:
            return _NONE_EXPIRED
        overdue_ns = now_ns - self._timeout_ns
        waiting = []
        while self._waiting and self._waiting[0].due_ns <= overdue_ns:
            waiting.append(self._waiting.popleft().request)
        is_taken = self.request != NO_REQUEST
        is_overdue = self._due_ns <= overdue_ns
        earliest_ns = int(self._due_ns[is_taken & ~is_overdue].min(initial=_NEVER_NS - self._timeout_ns))
        if self._waiting:
            earliest_ns = min(earliest_ns, self._waiting[0].due_ns)
        self._deadline_ns = earliest_ns + self._timeout_ns
        return Expired(tuple(waiting), np.flatnonzero(is_taken & is_overdue).astype(np.int32))

    def next_wake_ns(self) -> int | None:
        """When there will be something to plan or to expire though nothing else happens; asked when there is nothing to plan."""
        if not self._waiting:
            return None
        due_ns = self._waiting[0].due_ns
        wake_ns = self._admission.wake_ns(len(self._waiting), due_ns, len(self.request) - len(self._free))
        if self._timeout_ns is None:
            return wake_ns
        return due_ns + self._timeout_ns if wake_ns is None else min(wake_ns, due_ns + self._timeout_ns)

    def plan(self, now_ns: int) -> StepPlan | None:
        """What the next step takes, None when there is nothing to do. Planning twice without `complete` gives the same plan."""
        if self._waiting and self._free:
            self._admit(now_ns)
        if not self._prefilling:
            return self._decode_plan
        self._settle()
        decode = _NO_SLOTS if self._prefill_first else self._decoding
        room = self._batch_tokens - len(decode)
        if len(decode):
            room = min(room, self._prefill_chunk)
        slices = []
        cached_tokens = 0
        for slot in self._prefilling:
            if room == 0:
                break
            left, cached = int(self._prompt_left[slot]), int(self._cached[slot])
            start, count = int(self._length[slot]) - self._depth, min(left, room)
            begins = start == cached
            slices.append(PrefillSlice(slot, start, count, count == left, begins))
            cached_tokens += cached if begins else 0
            room -= count
        prefill = tuple(sorted(slices, key=lambda part: part.slot))
        prefill_tokens = sum(part.count for part in prefill)
        return StepPlan(decode, prefill, len(decode), prefill_tokens, len(decode) + len(prefill), cached_tokens)

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
        """Free slots whose request has ended, or was given up, and whose cells the caller has dropped."""
        self._settle()
        self.request[finished] = NO_REQUEST
        self._length[finished] = self._depth
        self._is_decoding[finished] = False
        if self._prefilling:
            self._prefilling = [slot for slot in self._prefilling if self.request[slot] != NO_REQUEST]
        self._regroup()
        for slot in finished.tolist():
            heapq.heappush(self._free, slot)

    def _result(self, emitting: Slots, first: Slots) -> StepResult:
        return StepResult(emitting, self.request[emitting], first, emitting[self._output_left[emitting] == 0])

    def _room(self, now_ns: int, waiting: int, first_due_ns: int) -> int:
        free = len(self._free)
        return self._admission.room(now_ns, waiting, first_due_ns, len(self.request) - free, free)

    def _admit(self, now_ns: int) -> None:
        for _ in range(self._room(now_ns, len(self._waiting), self._waiting[0].due_ns)):
            slot = heapq.heappop(self._free)
            waiting = self._waiting.popleft()
            self.request[slot] = waiting.request
            cached = 0 if self._on_admit is None else self._on_admit(slot, waiting.request)
            if not 0 <= cached < waiting.prompt_tokens:
                raise ValueError(
                    f"{cached} of {waiting.prompt_tokens} prompt tokens cannot be cached: the last is always evaluated"
                )
            self._cached[slot] = cached
            self._length[slot] = self._depth + cached
            self._prompt_left[slot] = waiting.prompt_tokens - cached
            self._output_left[slot] = waiting.output_tokens
            self._output_given[slot] = 0
            self._due_ns[slot] = waiting.due_ns
            self._prefilling.append(slot)
            self._settled_cells += cached

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
        self._decode_plan = StepPlan(decode, (), count, 0, count, 0) if count else None
        self._steady_result = StepResult(decode, self.request[decode], _NO_SLOTS, _NO_SLOTS)
        self._steady_steps = 0
        self._steps_to_first_end = int(self._output_left[decode].min(initial=np.iinfo(np.int32).max))
        self._settled_cells = int(self._length.sum())
        self._settled_decoding_cells = int(self._length[decode].sum())
        self._settled_longest = int(self._length[decode].max(initial=0))
