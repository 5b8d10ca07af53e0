"""llama.cpp's batch and logits over numpy arrays that are made once: nothing is allocated or converted per token."""

import ctypes
from bisect import bisect
from collections.abc import Callable
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as api
from numpy.typing import NDArray

from profiler.clock import now_ns
from profiler.engine.ggml_library import function
from profiler.engine.model import Context
from profiler.scheduling.step import PrefillSlice, StepPlan

Tokens = NDArray[np.int64]
StepTimes = tuple[int, int, int]
"""When llama.cpp was called, when it was done, and when the step's tokens were known, on `profiler.clock`."""


class Logits:
    """The logits of the last decode call's flagged rows, as they lie in llama.cpp's memory.

    Attributes:
        address: where they were when they were last looked at.
    """

    def __init__(self, context: Context) -> None:
        self._vocabulary = context.vocabulary
        self.address = 0
        self._rows: NDArray[np.float32] = np.empty((0, self._vocabulary), np.float32)
        # With a plain address as its result it is cheaper than with a ctypes pointer object each step.
        self.wait: Callable[[object], int] = function("llama_get_logits", ctypes.c_void_p, api.llama_context_p_ctypes)
        """Wait for the step's end, as `llama_synchronize` does; returns where its logits are."""

    def of(self, address: int, rows: int) -> NDArray[np.float32]:
        """The first rows at an address that `wait` gave."""
        if address != self.address or rows > len(self._rows):
            pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_float))
            self._rows = np.ctypeslib.as_array(pointer, shape=(rows, self._vocabulary))
            self.address = address
        return self._rows[:rows]


class Batch:
    """Tokens of one decode call, each with its one sequence and whether its logits are wanted.

    Attributes:
        struct: what `llama_decode` takes.
        outputs: rows flagged for logits in the last fill, in the batch's order (slots rising).
    """

    def __init__(self, context: Context) -> None:
        """A batch of at most `n_batch` tokens, for slots that hold the context's depth before every prompt."""
        capacity = context.n_batch
        self._context = context
        self._logits_of_step = Logits(context)
        self._token = np.zeros(capacity, np.int32)
        self._sequence = np.zeros(capacity, np.int32)
        self._logits = np.zeros(capacity, np.int8)
        self._sequences_each = np.ones(capacity, np.int32)
        addresses = self._sequence.ctypes.data + np.arange(capacity, dtype=np.uintp) * self._sequence.itemsize
        self._sequence_addresses = addresses
        self.outputs = 0
        self._held: StepPlan | None = None
        self._held_tokens = self._token[:0]
        self.struct = api.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, api.llama_token),
            embd=None,
            pos=None,  # llama.cpp puts each token behind its sequence's last one
            n_seq_id=_pointer(self._sequences_each, ctypes.c_int32),
            seq_id=_pointer(addresses, ctypes.POINTER(api.llama_seq_id)),
            logits=_pointer(self._logits, ctypes.c_int8),
        )

    def fill(self, plan: StepPlan, last_tokens: list[int], prompts: dict[int, NDArray[np.int32]]) -> None:
        """Lay out a step. Raises RuntimeError when llama.cpp holds something else before a prompt than we think.

        Args:
            plan: what the step takes.
            last_tokens: of each slot, the token that a decode feeds.
            prompts: of each slot in prefill, its prompt.
        """
        decode = plan.decode.tolist()
        self._held = None if plan.prefill else plan
        row = outputs = taken = 0
        for part in plan.prefill:
            if part.begins:
                self._check(part)
            before = bisect(decode, part.slot, taken)
            row = self._put_decodes(row, decode[taken:before], last_tokens)
            outputs += before - taken + part.completes
            taken = before
            end = row + part.count
            self._token[row:end] = prompts[part.slot][part.start : part.start + part.count]
            self._sequence[row:end] = part.slot
            self._logits[row:end] = 0
            self._logits[end - 1] = part.completes
            row = end
        row = self._put_decodes(row, decode[taken:], last_tokens)
        self.struct.n_tokens = row
        self.outputs = outputs + len(decode) - taken
        self._held_tokens = self._token[:row]

    def holds(self, plan: StepPlan) -> bool:
        """Whether the last step was this very plan, so that `advance` is enough."""
        return plan is self._held

    def advance(self, tokens: NDArray[np.integer[Any]] | None) -> None:
        """The same decodes once more, each one position further; `tokens` are fed, the same as before when None."""
        if tokens is not None:
            self._held_tokens[:] = tokens

    def decode(self, *, looks_at_logits: bool) -> tuple[StepTimes, Tokens | None, int]:
        """Carry out the step.

        Returns:
            Its times, its tokens in the batch's order (None when logits are not looked at, or there are none), and what
            `llama_decode` returned: 0, or there are no tokens.
        """
        handle, logits = self._context.handle, self._logits_of_step
        start_ns = now_ns()
        code = api.llama_decode(handle, self.struct)
        if looks_at_logits and self.outputs and not code:
            address = logits.wait(handle)
            decoded_ns = now_ns()
            tokens: Tokens = logits.of(address, self.outputs).argmax(1)
            return (start_ns, decoded_ns, now_ns()), tokens, 0
        api.llama_synchronize(handle)
        decoded_ns = now_ns()
        return (start_ns, decoded_ns, decoded_ns), None, int(code)

    def repeat(
        self, steps: int, tokens: NDArray[np.integer[Any]] | None, until_ns: int
    ) -> tuple[list[StepTimes], list[Tokens], int]:
        """Advance and decode `steps` times, or until a step ends at `until_ns` or later; at least once.

        After a decode call the processor's caches are cold, and what is touched first costs many times what it costs in a loop
        of its own. So here stands no more than a step needs, and whatever can be reckoned afterwards is.

        Args:
            steps: at most so many.
            tokens: what the first step feeds, each further one feeds what the one before yielded; with None logits are not
                looked at, and the same tokens are fed on.
            until_ns: on `profiler.clock`.

        Returns:
            Times and tokens of each step (no tokens when logits are not looked at), and what `llama_decode` returned last; a
            step that it refused is not among the others.
        """
        self.advance(tokens)
        logits, rows = self._logits_of_step, self.outputs
        decode, handle, struct, fed = api.llama_decode, self._context.handle, self.struct, self._held_tokens
        times_ns: list[StepTimes] = []
        if tokens is None:
            for _ in range(steps):
                start_ns = now_ns()
                code = decode(handle, struct)
                api.llama_synchronize(handle)
                decoded_ns = now_ns()
                if code:
                    break
                times_ns.append((start_ns, decoded_ns, decoded_ns))
                if decoded_ns >= until_ns:
                    break
            return times_ns, [], code
        wait, known = logits.wait, logits.address
        argmax = logits.of(known, rows).argmax
        yielded: list[Tokens] = []
        drawn: Tokens
        for _ in range(steps):
            start_ns = now_ns()
            code = decode(handle, struct)
            if code:
                break
            address = wait(handle)
            decoded_ns = now_ns()
            if address != known:
                known, argmax = address, logits.of(address, rows).argmax
            drawn = argmax(1)
            stamp_ns = now_ns()
            fed[:] = drawn
            yielded.append(drawn)
            times_ns.append((start_ns, decoded_ns, stamp_ns))
            if stamp_ns >= until_ns:
                break
        return times_ns, yielded, code

    def _put_decodes(self, row: int, slots: list[int], last_tokens: list[int]) -> int:
        """Lay out decodes from a row on; returns the row after them."""
        if not slots:
            return row
        end = row + len(slots)
        self._token[row:end] = [last_tokens[slot] for slot in slots]
        self._sequence[row:end] = slots
        self._logits[row:end] = 1
        return end

    def _check(self, part: PrefillSlice) -> None:
        """The beginning that a prompt is put behind must be there: the depth, and what the prefix cache gave it."""
        held = int(api.llama_memory_seq_pos_max(self._context.memory, part.slot)) + 1
        if held != self._context.depth + part.start:
            raise RuntimeError(f"slot {part.slot} holds {held} tokens, not {self._context.depth} + {part.start}")


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
