"""The decode loop: one context, all live sequences in one batch, every step timed and every token stamped."""

import gc
import time

import numpy as np
from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.engine.batch import Batch
from profiler.engine.cancellation import Cancellation
from profiler.engine.kept_prefixes import KeptPrefixes
from profiler.engine.model import Context, RefusedError
from profiler.engine.prompts import Prompts
from profiler.engine.recorder import SHIP_PERIOD_NS, Recorder, Tokens
from profiler.records.specification import KV_CELL_STEP, LoadSettings
from profiler.records.timing import RequestStatus
from profiler.scheduling.admission import admission_of
from profiler.scheduling.arrivals import Arrival, ArrivalSource
from profiler.scheduling.batcher import Batcher
from profiler.scheduling.step import Slots, StepPlan
from profiler.scheduling.ubatches import stream_ubatches, unified_ubatches

_DECODE_ABORTED = 2
_DECODE_NO_ROOM = 1
_NO_TOKEN = -1
_WAKES_LATE_NS = 400_000  # a sleep may end so much too late on an idle machine


class DecodeLoop:
    """Serves one load to its end on a fresh context.

    The loop's own work in a step is all but `llama_decode` + `llama_synchronize`; it is recorded with each step.
    """

    def __init__(
        self,
        context: Context,
        prompts: Prompts,
        load: LoadSettings,
        source: ArrivalSource,
        recorder: Recorder,
        cancellation: Cancellation,
    ) -> None:
        slots = context.settings.slots
        self._context = context
        self._prompts = prompts
        self._source = source
        self._recorder = recorder
        self._cancellation = cancellation
        self._reads_logits = load.sampling == "greedy"
        self._has_timeout = load.timeout_s is not None
        self._scheduler = Batcher(
            slots,
            context.n_batch,
            load.prefill_chunk,
            admission=admission_of(load, slots),
            priority=load.priority,
            depth=context.depth,
            timeout_ns=None if load.timeout_s is None else round(load.timeout_s * 1e9),
            queue_limit=load.queue_limit,
            on_admit=self._admit,
        )
        self._batch = Batch(context)
        self._arrivals: dict[int, Arrival] = {}  # of the requests in the system
        self._last_tokens = [0] * slots
        self._fresh: tuple[Slots, Tokens] | None = None  # the last step's tokens by slot, not yet among the last tokens
        self._slot_prompts: dict[int, NDArray[np.int32]] = {}
        self._kept = KeptPrefixes(context, slots) if load.prefix_cache else None
        remembers = self._kept is not None or any(each.turns > 1 for each in load.classes)
        self._answers = Answers(slots) if remembers else None
        self._unread: Slots = np.full(slots, _NO_TOKEN, np.int32)
        self._worked_until_ns: int | None = None  # end of the previous step, None when the loop has waited since

    def run(self, origin_ns: int) -> bool:
        """Serve until the load is exhausted; returns False when it was cancelled. Raises RefusedError when llama.cpp gives up.

        Args:
            origin_ns: the run's origin on `profiler.clock`.
        """
        gc.collect()
        gc.disable()  # a collection would fall into a step; the loop makes no cycles
        try:
            return self._run(origin_ns)
        finally:
            gc.enable()
            self._recorder.abandon_open(self._tokens_so_far())
            self._recorder.ship(now_ns() - origin_ns)

    def _run(self, origin_ns: int) -> bool:
        recorder, scheduler, source = self._recorder, self._scheduler, self._source
        while not self._cancellation.is_requested:
            begin_ns = now_ns() - origin_ns
            if self._has_timeout:
                self._expire(begin_ns)
            for arrival in source.take_due(begin_ns):
                self._accept(arrival, self._sent_ns(arrival.due_ns, begin_ns))
            plan = scheduler.plan(begin_ns)
            if plan is None:
                wakes_ns = [time_ns for time_ns in (source.next_due_ns(), scheduler.next_wake_ns()) if time_ns is not None]
                if not wakes_ns:
                    return True
                recorder.ship(begin_ns)
                self._worked_until_ns = None
                sleep_ns = min(min(wakes_ns) - begin_ns, SHIP_PERIOD_NS) - _WAKES_LATE_NS
                time.sleep(max(0, sleep_ns) / 1e9)  # the last stretch is spent looking at the clock: nothing else has to be done
                continue
            uneventful = scheduler.uneventful_steps(plan) if self._batch.holds(plan) else 0
            go_on = self._repeat(plan, uneventful, begin_ns, origin_ns) if uneventful else self._step(plan, begin_ns, origin_ns)
            if not go_on:
                return False
        return False

    def _next_event_ns(self) -> int:
        """When something else than a step of the present plan may have to be done; it is looked at after the step."""
        scheduler = self._scheduler
        candidates_ns = (self._source.next_due_ns(), scheduler.next_wake_ns(), scheduler.deadline_ns, self._recorder.ship_due_ns)
        return min(time_ns for time_ns in candidates_ns if time_ns is not None)

    def _repeat(self, plan: StepPlan, steps: int, begin_ns: int, origin_ns: int) -> bool:
        """Carry out the last step's plan again, up to `steps` times, none of which ends a request; returns False when cancelled.

        Nothing else happens meanwhile, so the rows of these steps are made when they are over.
        """
        recorder, scheduler, batch, answers = self._recorder, self._scheduler, self._batch, self._answers
        in_system, waiting, used = recorder.in_system, scheduler.waiting, self._used_cells
        useful, longest = scheduler.decoding_cells, scheduler.longest_decoding
        decode, sizes = plan.decode, self._sizes(plan)
        fed = None if self._fresh is None else self._fresh[1]
        recorder.ship_if_due(begin_ns)
        times_ns, yielded, code = batch.repeat(steps, fed, origin_ns + self._next_event_ns())
        requests = scheduler.complete_uneventful(len(times_ns)).requests
        worked_since_ns = begin_ns if self._worked_until_ns is None else self._worked_until_ns
        for number, (start_ns, decoded_ns, stamp_ns) in enumerate(times_ns):
            tokens: Tokens = yielded[number] if yielded else self._unread[: len(decode)]
            recorder.tokens(requests, stamp_ns - origin_ns, tokens)
            if answers is not None:
                answers.add(decode, tokens if yielded else self._fed(decode))
            useful, used, longest = useful + len(decode), used + len(decode), longest + 1
            scanned = self._scanned_tokens(used, longest, plan)
            loop_ns = (start_ns - origin_ns - worked_since_ns) + (stamp_ns - decoded_ns)
            worked_since_ns = stamp_ns - origin_ns
            times = start_ns - origin_ns, worked_since_ns, decoded_ns - start_ns, loop_ns
            recorder.step((*times, *sizes, useful, scanned, used, waiting, in_system, 0, 0))
        self._worked_until_ns = worked_since_ns
        if yielded:
            self._fresh = decode, yielded[-1]
        if code:
            return self._after_failure(code)
        return True

    def _after_failure(self, code: int) -> bool:
        """False for a step that was cancelled; raises RefusedError otherwise."""
        if code == _DECODE_ABORTED and self._cancellation.is_requested:
            return False
        raise RefusedError(_decode_failure(code))

    def _sent_ns(self, due_ns: int, looked_ns: int) -> int:
        """When the request stood in the queue: as it was due while a step ran (the loop takes it up at the step's end, which is
        waiting, not lateness), else when the loop woke to send it.
        """
        is_in_step = self._worked_until_ns is not None and due_ns <= self._worked_until_ns
        return due_ns if is_in_step else looked_ns

    def _accept(self, arrival: Arrival, sent_ns: int) -> None:
        request = arrival.request
        prompt_tokens, output_tokens = self._prompts.prompt_tokens(arrival), self._prompts.output_tokens(arrival)
        self._recorder.begin_request(arrival, sent_ns, prompt_tokens)
        self._arrivals[request] = arrival
        if not self._scheduler.submit(request, prompt_tokens, output_tokens, arrival.due_ns):
            self._give_up(request, sent_ns, 0, RequestStatus.REFUSED)

    def _give_up(self, request: int, time_ns: int, output_tokens: int, status: RequestStatus) -> None:
        arrival = self._arrivals.pop(request)
        self._recorder.end_request(request, time_ns, output_tokens, status)
        self._prompts.forget(arrival)
        self._source.answered(arrival, time_ns, completed=False)

    def _expire(self, now_ns: int) -> None:
        """Give up the requests whose time is over, waiting or running."""
        scheduler = self._scheduler
        expired = scheduler.expire(now_ns)
        for request in expired.waiting:
            self._give_up(request, now_ns, 0, RequestStatus.TIMED_OUT)
        if not len(expired.slots):
            return
        for slot in expired.slots.tolist():
            self._give_up(int(scheduler.request[slot]), now_ns, int(scheduler.output_given[slot]), RequestStatus.TIMED_OUT)
            self._slot_prompts.pop(slot, None)
            if self._kept is None:
                self._context.drop(slot)
            else:
                self._kept.drop(slot)
        scheduler.release(expired.slots)

    def _admit(self, slot: int, request: int) -> int:
        """A request gets a slot: its prompt is made, and looked up among what is cached."""
        prompt = self._prompts.prompt(self._arrivals[request])
        self._slot_prompts[slot] = prompt
        if self._answers is not None:
            self._answers.begin(slot, self._prompts.output_tokens(self._arrivals[request]))
        if self._kept is None:
            return 0
        return self._kept.admit(slot, prompt, self._prompts.output_tokens(self._arrivals[request]))

    def _step(self, plan: StepPlan, begin_ns: int, origin_ns: int) -> bool:
        """Carry out one step; returns False when it was cancelled inside llama.cpp."""
        recorder, scheduler, batch = self._recorder, self._scheduler, self._batch
        in_system, waiting = recorder.in_system, scheduler.waiting
        evictions = 0 if self._kept is None else self._kept.carry_out()
        if batch.holds(plan):
            batch.advance(None if self._fresh is None else self._fresh[1])
        else:
            self._lay_out(plan, begin_ns)

        recorder.ship_if_due(begin_ns)
        times_ns, yielded, code = batch.decode(looks_at_logits=self._reads_logits)
        if code:
            return self._after_failure(code)
        start_ns, decoded_ns, stamp_ns = (time_ns - origin_ns for time_ns in times_ns)

        useful, scanned = self._kv_tokens(plan)
        result = scheduler.complete(plan)
        emitting = result.emitting
        if yielded is not None:
            self._fresh = emitting, yielded
        if len(emitting):
            recorder.tokens(result.requests, stamp_ns, self._unread[: len(emitting)] if yielded is None else yielded)
            if self._answers is not None:
                self._answers.add(emitting, self._fed(emitting) if yielded is None else yielded)
        if plan.prefill and self._kept is not None:
            self._kept.evaluated(plan.prefill)
        for slot in result.first.tolist():
            recorder.first_token(int(scheduler.request[slot]), stamp_ns)
            if self._answers is None:
                self._slot_prompts.pop(slot)
        if len(result.finished):
            self._finish(result.finished, stamp_ns)
        end_ns = now_ns() - origin_ns
        worked_since_ns = begin_ns if self._worked_until_ns is None else self._worked_until_ns
        self._worked_until_ns = end_ns
        times = start_ns, stamp_ns, decoded_ns - start_ns, (start_ns - worked_since_ns) + (end_ns - decoded_ns)
        cells = useful, scanned, self._used_cells
        recorder.step((*times, *self._sizes(plan), *cells, waiting, in_system, plan.cached_tokens, evictions))
        return True

    def _lay_out(self, plan: StepPlan, begin_ns: int) -> None:
        """Fill the batch for a step that is not the last one over again."""
        if self._fresh is not None:
            slots, tokens = self._fresh
            for slot, token in zip(slots.tolist(), tokens.tolist(), strict=True):
                self._last_tokens[slot] = token
            self._fresh = None
        for part in plan.prefill:
            if part.begins:
                self._begin_slot(part.slot, begin_ns, part.start)
        self._batch.fill(plan, self._last_tokens, self._slot_prompts)

    def _fed(self, slots: Slots) -> Tokens:
        """What stands for the answers' tokens when logits are not looked at."""
        return np.array([self._last_tokens[slot] for slot in slots.tolist()], np.int32)

    def _begin_slot(self, slot: int, time_ns: int, cached_tokens: int) -> None:
        self._last_tokens[slot] = int(self._slot_prompts[slot][-1])  # what is fed on when logits are not read
        self._recorder.start_prefill(int(self._scheduler.request[slot]), time_ns, cached_tokens)

    def _finish(self, finished: Slots, time_ns: int) -> None:
        scheduler = self._scheduler
        for slot in finished.tolist():
            request = int(scheduler.request[slot])
            arrival = self._arrivals.pop(request)
            self._recorder.end_request(request, time_ns, int(scheduler.output_given[slot]), RequestStatus.COMPLETED)
            if self._answers is not None:
                prompt, answer = self._slot_prompts.pop(slot), self._answers.of(slot)
                self._prompts.remember(arrival, prompt, answer)
                if self._kept is not None:
                    self._kept.retire(slot, prompt, answer)
            if self._kept is None:
                self._context.drop(slot)
            self._source.answered(arrival, time_ns, completed=True)
        scheduler.release(finished)

    @property
    def _used_cells(self) -> int:
        extra = 0 if self._kept is None else self._kept.extra_cells
        return self._scheduler.used_cells + extra

    def _kv_tokens(self, plan: StepPlan) -> tuple[int, int]:
        """KV tokens that a step has to read, and (an estimate) those that llama.cpp's layout scans (measurement.md §2).

        Asked before the step is accounted for, reckoned as they are after it.
        """
        scheduler, decodes = self._scheduler, plan.decode_tokens
        useful = scheduler.decoding_cells + decodes if decodes else 0
        longest = scheduler.longest_decoding + 1 if decodes else 0
        for part in plan.prefill:
            length = self._context.depth + part.start + part.count
            useful, longest = useful + length, max(longest, length)
        return useful, self._scanned_tokens(self._used_cells + decodes + plan.prefill_tokens, longest, plan)

    def _scanned_tokens(self, used_cells: int, longest: int, plan: StepPlan) -> int:
        span = used_cells if self._context.settings.kv_unified else longest
        padded = min(-(-span // KV_CELL_STEP) * KV_CELL_STEP, self._context.n_ctx)
        return padded * plan.sequences

    def _sizes(self, plan: StepPlan) -> tuple[int, ...]:
        """The fields of a step's row that tell how large it is, from `prefill_tokens` to `ubatches`."""
        return plan.prefill_tokens, plan.decode_tokens, plan.sequences, self._batch.outputs, self._ubatches(plan)

    def _ubatches(self, plan: StepPlan) -> int:
        if self._context.settings.kv_unified or len(self._last_tokens) == 1:
            return unified_ubatches(self._batch.struct.n_tokens, self._context.n_ubatch)
        parts = [(slot, 1) for slot in plan.decode.tolist()] + [(part.slot, part.count) for part in plan.prefill]
        return stream_ubatches(sorted(parts), self._context.n_ubatch)

    def _tokens_so_far(self) -> dict[int, int]:
        scheduler = self._scheduler
        live = np.flatnonzero(scheduler.request >= 0)
        return {int(scheduler.request[slot]): int(scheduler.output_given[slot]) for slot in live}


class Answers:
    """The output tokens of the running requests, where somebody will need them: a conversation's next turn, a prefix cache."""

    def __init__(self, slots: int) -> None:
        self._tokens: NDArray[np.int32] = np.zeros((slots, 0), np.int32)
        self._counts: NDArray[np.int64] = np.zeros(slots, np.int64)

    def begin(self, slot: int, output_tokens: int) -> None:
        """A request with an answer of so many tokens begins."""
        missing = output_tokens - self._tokens.shape[1]
        if missing > 0:
            self._tokens = np.pad(self._tokens, ((0, 0), (0, missing)))
        self._counts[slot] = 0

    def add(self, slots: Slots, tokens: Tokens) -> None:
        """One token for each of these slots."""
        self._tokens[slots, self._counts[slots]] = tokens
        self._counts[slots] += 1

    def of(self, slot: int) -> NDArray[np.int32]:
        """A slot's answer so far, the caller's own."""
        return self._tokens[slot, : self._counts[slot]].copy()


def _decode_failure(code: int) -> str:
    if code == _DECODE_NO_ROOM:
        return "llama.cpp found no room in the KV cache; give a larger context size or fewer slots."
    return f"llama.cpp could not evaluate a batch (llama_decode returned {code})."
