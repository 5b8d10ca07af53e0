"""Batching over fixed slots: who holds a slot, who waits, who has waited too long, and what each step takes.

Which of the waiting get a slot is `scheduling.admission`'s part; the clock is passed in.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from profiler.records.specification import Priority
from profiler.scheduling.admission import Admission
from profiler.scheduling.step import PrefillSlice, Slots, StepPlan, StepResult

NO_REQUEST = -1
_NO_SLOTS: Slots = np.empty(0, np.int32)
_NEVER_NS = _NEVER = int(np.iinfo(np.int64).max)


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
_NOTHING = StepResult(_NO_SLOTS, _NO_SLOTS, _NO_SLOTS, _NO_SLOTS)


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: int
    prompt_tokens: int
    output_tokens: int
    due_ns: int


@dataclass(slots=True)
class _Prompt:
    """A prompt that is being read: `done` of its tokens are in the slot, the first `cached` of them were there before."""

    slot: int
    cached: int
    done: int
    left: int


_BY_A_DECODE = (1, 1, -1)  # what a decode does to a slot's length, the output tokens given, and those left


class Batcher:
    """Slots, the queue before them, and what each step takes.

    Waiting requests take the lowest free slot in their order, since llama.cpp joins only consecutive sequence ids into one pass
    when each has its own stream (measurement.md §3). With the priority "decode", decodes come first in a step; prompt tokens
    share what is left of the batch, and no more than `prefill_chunk` of them beside a decode, oldest request first. With
    "prefill", decodes wait while a prompt is unfinished, and prompt tokens may fill the batch.

    Most steps only give each running request its next token. Such *steady* steps are merely counted, and written into the arrays
    when a request joins the decodes or leaves them: after a decode call the caches are cold, and every line of Python costs.

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
        self._counts: NDArray[np.int32] = np.zeros((3, slots), np.int32)
        columns: tuple[Slots, Slots, Slots] = tuple(self._counts)
        self._length, self._given, self._left = columns
        self._length[:] = depth
        self._by_a_step = np.zeros((3, slots), np.int32)  # what a step does to the counts: `_BY_A_DECODE` where a slot decodes
        self._due_ns = np.zeros(slots, np.int64)
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
        self._reading: list[_Prompt] = []
        self._steady_steps = self._steps_to_first_end = self._decode_tokens = 0
        self._settled_cells = slots * depth
        self._settled_decoding_cells = self._settled_longest = 0
        self._is_regrouped = False
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
        return self._given

    @property
    def used_cells(self) -> int:
        """Sum of the slots' lengths: the KV cells that they hold, those that a prefix cache lets them share counted for each."""
        return self._settled_cells + self._steady_steps * self._decode_tokens

    @property
    def decoding_cells(self) -> int:
        """KV cells of the sequences that decode."""
        self._regroup()
        return self._settled_decoding_cells + self._steady_steps * self._decode_tokens

    @property
    def longest_decoding(self) -> int:
        """KV cells of the longest sequence that decodes."""
        self._regroup()
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

    @property
    def deadline_ns(self) -> int | None:
        """`expire` has nothing to give up before; None when nothing can expire."""
        return None if self._deadline_ns == _NEVER_NS else self._deadline_ns

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
        self._regroup()
        if not self._reading:
            return self._decode_plan
        decode, decode_tokens = (_NO_SLOTS, 0) if self._prefill_first else (self._decoding, self._decode_tokens)
        room = self._batch_tokens - decode_tokens
        if decode_tokens:
            room = min(room, self._prefill_chunk)
        slices = []
        prefill_tokens = cached_tokens = 0
        for prompt in self._reading:
            if room == 0:
                break
            count = min(prompt.left, room)
            begins = prompt.done == prompt.cached
            slices.append(PrefillSlice(prompt.slot, prompt.done, count, count == prompt.left, begins))
            prefill_tokens += count
            cached_tokens += prompt.cached if begins else 0
            room -= count
        slices.sort(key=attrgetter("slot"))
        return StepPlan(decode, tuple(slices), decode_tokens, prefill_tokens, decode_tokens + len(slices), cached_tokens)

    def uneventful_steps(self, plan: StepPlan) -> int:
        """How often this plan can be carried out before a step of it ends a request; 0 for a plan with prompts."""
        return self._steps_to_first_end - self._steady_steps - 1 if plan is self._decode_plan else 0

    def complete_uneventful(self, steps: int) -> StepResult:
        """Account for so many carried out, no more than `uneventful_steps`; returns what each of them brought."""
        self._steady_steps += steps
        return self._steady_result

    def complete(self, plan: StepPlan) -> StepResult:
        """Account for a step that was carried out as planned."""
        read = self._read(plan.prefill) if plan.prefill else None
        if plan.decode_tokens:
            self._steady_steps += 1
        if not read and self._steady_steps < self._steps_to_first_end:
            return self._steady_result if plan.decode_tokens else _NOTHING
        self._settle()
        if not read:
            return self._result(self._decoding, self._decoding_slots, _NO_SLOTS)
        for slot in read:
            self._given[slot] = 1
            self._left[slot] -= 1
            self._by_a_step[:, slot] = _BY_A_DECODE
        self._is_regrouped = False
        emitting = sorted([*self._decoding_slots, *read]) if plan.decode_tokens else read
        return self._result(np.array(emitting, np.int32), emitting, np.array(read, np.int32))

    def release(self, finished: Slots) -> None:
        """Free slots whose request has ended, or was given up, and whose cells the caller has dropped."""
        self._settle()
        slots = finished.tolist()
        for slot in slots:
            self.request[slot] = NO_REQUEST
            self._settled_cells -= int(self._length[slot]) - self._depth
            self._length[slot] = self._depth
            self._by_a_step[:, slot] = 0
            heapq.heappush(self._free, slot)
        if self._reading:
            self._reading = [prompt for prompt in self._reading if prompt.slot not in slots]
        self._is_regrouped = False

    def _read(self, slices: Sequence[PrefillSlice]) -> list[int]:
        """Account for slices of prompts; returns the slots whose prompt is now read, rising."""
        by_slot = {part.slot: part.count for part in slices}
        for prompt in self._reading:
            count = by_slot.get(prompt.slot, 0)
            self._length[prompt.slot] += count
            self._settled_cells += count
            prompt.done += count
            prompt.left -= count
        read = sorted(prompt.slot for prompt in self._reading if not prompt.left)
        if read:
            self._reading = [prompt for prompt in self._reading if prompt.left]
        return read

    def _result(self, emitting: Slots, slots: list[int], first: Slots) -> StepResult:
        requests, left = self.request.tolist(), self._left.tolist()
        finished = np.array([slot for slot in slots if not left[slot]], np.int32)
        return StepResult(emitting, np.array([requests[slot] for slot in slots], np.int32), first, finished)

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
            self._counts[:, slot] = self._depth + cached, 0, waiting.output_tokens
            self._due_ns[slot] = waiting.due_ns
            self._reading.append(_Prompt(slot, cached, cached, waiting.prompt_tokens - cached))
            self._settled_cells += cached

    def _settle(self) -> None:
        """Write the steady steps so far into the arrays."""
        steps = self._steady_steps
        if not steps:
            return
        self._counts += self._by_a_step if steps == 1 else self._by_a_step * steps
        self._settled_cells += steps * self._decode_tokens
        self._settled_decoding_cells += steps * self._decode_tokens
        self._settled_longest += steps
        self._steps_to_first_end -= steps
        self._steady_steps = 0

    def _regroup(self) -> None:
        """The set of decoding slots has changed: what its steady steps have in common."""
        if self._is_regrouped:
            return
        self._is_regrouped = True
        # With so few slots lists are quicker than indexing by arrays, which also lets go of the interpreter's lock.
        slots = self._decoding_slots = [slot for slot, decodes in enumerate(self._by_a_step[0].tolist()) if decodes]
        decode = self._decoding = np.array(slots, np.int32)
        count = self._decode_tokens = len(slots)
        self._decode_plan = StepPlan(decode, (), count, 0, count, 0) if count else None
        requests = self.request.tolist()
        self._steady_result = StepResult(decode, np.array([requests[slot] for slot in slots], np.int32), _NO_SLOTS, _NO_SLOTS)
        every_length, _, every_left = self._counts.tolist()
        lengths = [every_length[slot] for slot in slots]
        self._steps_to_first_end = min([every_left[slot] for slot in slots], default=_NEVER)
        self._settled_decoding_cells, self._settled_longest = sum(lengths), max(lengths, default=0)
