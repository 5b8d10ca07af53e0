"""The decode loop: one context, all live sequences in one batch, every step timed and every token stamped."""

import gc
import time
from dataclasses import dataclass

import numpy as np
from llama_cpp import llama_cpp as api
from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.engine.batch import Batch
from profiler.engine.cancellation import Cancellation
from profiler.engine.model import Context, RefusedError
from profiler.engine.prompts import PromptSource
from profiler.engine.recorder import SHIP_PERIOD_NS, Recorder, Tokens
from profiler.records.specification import KV_CELL_STEP
from profiler.scheduling.arrivals import Arrival, ArrivalSource
from profiler.scheduling.continuous import ContinuousBatcher, Slots, StepPlan
from profiler.scheduling.ubatches import stream_ubatches, unified_ubatches

_DECODE_ABORTED = 2
_DECODE_NO_ROOM = 1
_NO_TOKEN = -1


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What the loop does with every request.

    Attributes:
        reads_logits: take the most likely token; else feed ordinary tokens and leave the logits unread.
        prefill_chunk: most prompt tokens in a step beside decodes.
    """

    output_tokens: int
    prefill_chunk: int
    reads_logits: bool


class DecodeLoop:
    """Serves one load to its end on a fresh context.

    The loop's own work in a step is all but `llama_decode` + `llama_synchronize`; it is recorded with each step.
    """

    def __init__(
        self,
        context: Context,
        prompts: PromptSource,
        settings: LoopSettings,
        source: ArrivalSource,
        recorder: Recorder,
        cancellation: Cancellation,
    ) -> None:
        slots = context.n_seq_max
        self._context = context
        self._prompts = prompts
        self._settings = settings
        self._source = source
        self._recorder = recorder
        self._cancellation = cancellation
        self._scheduler = ContinuousBatcher(slots, context.n_batch, settings.prefill_chunk)
        self._batch = Batch(context.n_batch)
        self._last_tokens: Slots = np.zeros(slots, np.int32)
        self._fresh: tuple[Slots, Tokens] | None = None  # the last step's tokens by slot, not yet among the last tokens
        self._slot_prompts: dict[int, NDArray[np.int32]] = {}
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
            for arrival in source.take_due(begin_ns):
                self._accept(arrival, self._sent_ns(arrival.due_ns, begin_ns))
            plan = scheduler.plan()
            if plan is None:
                due_ns = source.next_due_ns()
                if due_ns is None:
                    return True
                recorder.ship(begin_ns)
                self._worked_until_ns = None
                time.sleep(min(max(0, due_ns - begin_ns), SHIP_PERIOD_NS) / 1e9)
                continue
            if not self._step(plan, begin_ns, origin_ns):
                return False
        return False

    def _sent_ns(self, due_ns: int, looked_ns: int) -> int:
        """When the request stood in the queue: as it was due while a step ran (the loop takes it up at the step's end, which is
        waiting, not lateness), else when the loop woke to send it.
        """
        is_in_step = self._worked_until_ns is not None and due_ns <= self._worked_until_ns
        return due_ns if is_in_step else looked_ns

    def _accept(self, arrival: Arrival, sent_ns: int) -> None:
        length = self._prompts.length_of(arrival.request)
        self._recorder.begin_request(arrival, sent_ns, length)
        self._scheduler.submit(arrival.request, length, self._settings.output_tokens)

    def _step(self, plan: StepPlan, begin_ns: int, origin_ns: int) -> bool:
        """Carry out one step; returns False when it was cancelled inside llama.cpp."""
        context, recorder, scheduler, batch = self._context, self._recorder, self._scheduler, self._batch
        in_system, waiting = recorder.in_system, scheduler.waiting
        if batch.holds(plan):
            batch.advance(None if self._fresh is None else self._fresh[1])
        else:
            self._lay_out(plan, begin_ns)

        start_ns = now_ns() - origin_ns
        code = api.llama_decode(context.handle, batch.struct)
        api.llama_synchronize(context.handle)
        decoded_ns = now_ns() - origin_ns
        if code != 0:
            if code == _DECODE_ABORTED and self._cancellation.is_requested:
                return False
            raise RefusedError(_decode_failure(code))

        result = scheduler.complete(plan)
        emitting = result.emitting
        if self._settings.reads_logits and len(emitting):
            tokens: Tokens = context.greedy_tokens(batch.outputs)
            self._fresh = emitting, tokens
        else:
            tokens = self._unread[: len(emitting)]
        stamp_ns = now_ns() - origin_ns
        if len(emitting):
            recorder.tokens(result.requests, stamp_ns, tokens)
        kv_useful, kv_scanned = self._kv_tokens(plan)
        for slot in result.first.tolist():
            recorder.first_token(int(scheduler.request[slot]), stamp_ns)
            self._slot_prompts.pop(slot)
        if len(result.finished):
            self._finish(result.finished, stamp_ns)
        end_ns = now_ns() - origin_ns
        worked_since_ns = begin_ns if self._worked_until_ns is None else self._worked_until_ns
        self._worked_until_ns = end_ns
        recorder.step(
            (
                start_ns,
                stamp_ns,
                decoded_ns - start_ns,
                (start_ns - worked_since_ns) + (end_ns - decoded_ns),
                plan.prefill_tokens,
                plan.decode_tokens,
                plan.sequences,
                batch.outputs,
                self._ubatches(plan),
                kv_useful,
                kv_scanned,
                scheduler.used_cells,
                waiting,
                in_system,
            )
        )
        recorder.ship_if_due(end_ns)
        return True

    def _lay_out(self, plan: StepPlan, begin_ns: int) -> None:
        """Fill the batch for a step that is not the last one over again."""
        if self._fresh is not None:
            slots, tokens = self._fresh
            self._last_tokens[slots] = tokens
            self._fresh = None
        for part in plan.prefill:
            if part.start == 0:
                self._begin_slot(part.slot, begin_ns)
        self._batch.fill(plan, self._scheduler.length, self._last_tokens, self._slot_prompts)

    def _begin_slot(self, slot: int, time_ns: int) -> None:
        request = int(self._scheduler.request[slot])
        prompt = self._prompts.prompt(request)
        self._slot_prompts[slot] = prompt
        self._last_tokens[slot] = prompt[-1]  # what is fed on when logits are not read
        self._recorder.start_prefill(request, time_ns)

    def _finish(self, finished: Slots, time_ns: int) -> None:
        for slot in finished.tolist():
            request = int(self._scheduler.request[slot])
            user = self._recorder.end_request(request, time_ns, int(self._scheduler.output_given[slot]))
            self._context.drop(slot)
            self._source.answered(user, time_ns)
        self._scheduler.release(finished)

    def _kv_tokens(self, plan: StepPlan) -> tuple[int, int]:
        """KV tokens that the step had to read, and (an estimate) those that llama.cpp's layout scans (measurement.md §2)."""
        scheduler = self._scheduler
        if plan.prefill:
            slots = np.concatenate((plan.decode, np.array([part.slot for part in plan.prefill], np.int32)))
            lengths = scheduler.length[slots]
            useful, longest = int(lengths.sum()), int(lengths.max())
        else:
            useful, longest = scheduler.decoding_cells, scheduler.longest_decoding
        span = scheduler.used_cells if self._context.settings.kv_unified else longest
        padded = min(-(-span // KV_CELL_STEP) * KV_CELL_STEP, self._context.n_ctx)
        return useful, padded * plan.sequences

    def _ubatches(self, plan: StepPlan) -> int:
        if self._context.settings.kv_unified or len(self._last_tokens) == 1:
            return unified_ubatches(self._batch.struct.n_tokens, self._context.n_ubatch)
        parts = [(slot, 1) for slot in plan.decode.tolist()] + [(part.slot, part.count) for part in plan.prefill]
        return stream_ubatches(sorted(parts), self._context.n_ubatch)

    def _tokens_so_far(self) -> dict[int, int]:
        scheduler = self._scheduler
        live = np.flatnonzero(scheduler.request >= 0)
        return {int(scheduler.request[slot]): int(scheduler.output_given[slot]) for slot in live}


def _decode_failure(code: int) -> str:
    if code == _DECODE_NO_ROOM:
        return "llama.cpp found no room in the KV cache; give a larger context size or fewer slots."
    return f"llama.cpp could not evaluate a batch (llama_decode returned {code})."
