"""The decode loop's twin without a model: a load served by the real batcher in virtual time, each step as long as told."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from profiler.records.timing import RequestStatus
from profiler.scheduling.arrivals import Arrival, ArrivalSource
from profiler.scheduling.batcher import Batcher
from profiler.scheduling.prefix_cache import Operation, PrefixCache
from profiler.scheduling.step import StepPlan

Tokens = NDArray[np.int32]


@dataclass(slots=True)
class ServedRequest:
    """What became of a request; `sent_ns` is when the loop took it up, instants that it never reached are None."""

    request: int
    due_ns: int
    sent_ns: int
    arrival: Arrival
    cached_tokens: int = 0
    output_tokens: int = 0
    prefill_start_ns: int | None = None
    first_token_ns: int | None = None
    end_ns: int | None = None
    status: RequestStatus = RequestStatus.UNFINISHED


@dataclass(frozen=True, slots=True)
class ServedStep:
    """One step: `requests` is who decoded, then who prefilled; `waiting` and `in_system` at its start, `used_cells` after it."""

    start_ns: int
    end_ns: int
    plan: StepPlan
    requests: tuple[int, ...]
    waiting: int
    in_system: int
    used_cells: int


@dataclass(slots=True)
class VirtualEngine:
    """Serves a load to its end.

    Attributes:
        make_batcher: is given `on_admit`, and makes the batcher.
        source: when requests become due.
        lengths: prompt's and output's tokens of an arrival.
        step_ns: how long a step takes.
        cache: the prefix cache, with `prompt_of` and `output_of`: the tokens of an arrival, as many as `lengths` says.
        on_operations: told what the prefix cache wants done before a step, and at the end.
        requests, steps: what was served.
        counts: (instant, requests in the batcher) at each turn of the loop.
    """

    make_batcher: Callable[[Callable[[int, int], int]], Batcher]
    source: ArrivalSource
    lengths: Callable[[Arrival], tuple[int, int]]
    step_ns: Callable[[StepPlan], int]
    cache: PrefixCache | None = None
    prompt_of: Callable[[Arrival], Tokens] | None = None
    output_of: Callable[[Arrival], Tokens] | None = None
    on_operations: Callable[[list[Operation]], None] | None = None
    requests: dict[int, ServedRequest] = field(default_factory=dict)
    steps: list[ServedStep] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    batcher: Batcher = field(init=False)

    def run(self) -> None:
        """Serve until nothing is due, waits or runs. Raises RuntimeError when time stands still."""
        batcher = self.batcher = self.make_batcher(self._admitted)
        now_ns = 0
        while True:
            for arrival in self.source.take_due(now_ns):
                self._accept(arrival, now_ns)
            self._give_up(now_ns)
            plan = batcher.plan(now_ns)
            self.counts.append((now_ns, self._in_system()))
            if self.cache is not None and (operations := self.cache.take_operations()) and self.on_operations is not None:
                self.on_operations(operations)
            if plan is not None:
                now_ns = self._step(plan, now_ns)
                continue
            wakes_ns = [wake for wake in (self.source.next_due_ns(), batcher.next_wake_ns()) if wake is not None]
            if not wakes_ns:
                return
            if min(wakes_ns) <= now_ns:
                raise RuntimeError(f"nothing to do at {now_ns} ns, yet the next event is at {min(wakes_ns)} ns")
            now_ns = min(wakes_ns)

    def _accept(self, arrival: Arrival, now_ns: int) -> None:
        self.requests[arrival.request] = ServedRequest(arrival.request, arrival.due_ns, now_ns, arrival)
        if not self.batcher.submit(arrival.request, *self.lengths(arrival), arrival.due_ns):
            self._end(arrival.request, now_ns, RequestStatus.REFUSED)

    def _give_up(self, now_ns: int) -> None:
        expired = self.batcher.expire(now_ns)
        for request in expired.waiting:
            self._end(request, now_ns, RequestStatus.TIMED_OUT)
        for slot in expired.slots.tolist():
            if self.cache is not None:
                self.cache.drop(slot)
            self._end(int(self.batcher.request[slot]), now_ns, RequestStatus.TIMED_OUT)
        if len(expired.slots):
            self.batcher.release(expired.slots)

    def _admitted(self, slot: int, request: int) -> int:
        if self.cache is None or self.prompt_of is None:
            return 0
        row = self.requests[request]
        row.cached_tokens = self.cache.admit(slot, self.prompt_of(row.arrival), sum(self.lengths(row.arrival)))
        return row.cached_tokens

    def _step(self, plan: StepPlan, start_ns: int) -> int:
        batcher = self.batcher
        waiting, in_system = batcher.waiting, self._in_system()
        members = tuple(batcher.request[[*plan.decode.tolist(), *(part.slot for part in plan.prefill)]].tolist())
        for part in plan.prefill:
            if part.begins:
                self.requests[int(batcher.request[part.slot])].prefill_start_ns = start_ns
        end_ns = start_ns + self.step_ns(plan)
        result = batcher.complete(plan)
        for part in plan.prefill:
            if self.cache is not None:
                self.cache.evaluated(part.slot, part.start + part.count)
        for slot, request in zip(result.emitting.tolist(), result.requests.tolist(), strict=True):
            row = self.requests[request]
            row.output_tokens += 1
            if slot in result.first:
                row.first_token_ns = end_ns
        used_cells = batcher.used_cells + (0 if self.cache is None else self.cache.extra_cells)
        self.steps.append(ServedStep(start_ns, end_ns, plan, members, waiting, in_system, used_cells))
        for slot in result.finished.tolist():
            request = int(batcher.request[slot])
            arrival = self.requests[request].arrival
            if self.cache is not None and self.prompt_of is not None and self.output_of is not None:
                # The last token was never fed: it is in no cell.
                self.cache.retire(slot, np.concatenate((self.prompt_of(arrival), self.output_of(arrival)[:-1])))
            self._end(request, end_ns, RequestStatus.COMPLETED)
        if len(result.finished):
            batcher.release(result.finished)
        return end_ns

    def _in_system(self) -> int:
        return self.batcher.waiting + int((self.batcher.request >= 0).sum())

    def _end(self, request: int, now_ns: int, status: RequestStatus) -> None:
        row = self.requests[request]
        row.end_ns, row.status = now_ns, status
        self.source.answered(row.arrival, now_ns, completed=status is RequestStatus.COMPLETED)
