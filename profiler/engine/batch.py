"""llama.cpp's batch over numpy arrays that are allocated once: nothing is allocated or converted per token."""

import ctypes
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as api
from numpy.typing import NDArray

from profiler.scheduling.batcher import Slots, StepPlan


class Batch:
    """Tokens of one decode call, each with its position, its one sequence and whether its logits are wanted.

    Attributes:
        struct: what `llama_decode` takes.
        outputs: rows flagged for logits in the last fill, in the batch's order (slots rising).
    """

    def __init__(self, capacity: int, depth: int) -> None:
        """A batch of at most `capacity` tokens, for slots that hold `depth` tokens before every prompt."""
        self._depth = depth
        self._token = np.zeros(capacity, np.int32)
        self._position = np.zeros(capacity, np.int32)
        self._sequence = np.zeros(capacity, np.int32)
        self._logits = np.zeros(capacity, np.int8)
        self._sequences_each = np.ones(capacity, np.int32)
        addresses = self._sequence.ctypes.data + np.arange(capacity, dtype=np.uintp) * self._sequence.itemsize
        self._sequence_addresses = addresses
        self._steps = np.arange(capacity, dtype=np.int32)
        self.outputs = 0
        self._held: StepPlan | None = None
        self._held_tokens = self._held_positions = self._token[:0]
        self.struct = api.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, api.llama_token),
            embd=None,
            pos=_pointer(self._position, api.llama_pos),
            n_seq_id=_pointer(self._sequences_each, ctypes.c_int32),
            seq_id=_pointer(addresses, ctypes.POINTER(api.llama_seq_id)),
            logits=_pointer(self._logits, ctypes.c_int8),
        )

    def fill(self, plan: StepPlan, lengths: Slots, last_tokens: Slots, prompts: dict[int, NDArray[np.int32]]) -> None:
        """Lay out a step.

        Args:
            plan: what the step takes.
            lengths: of each slot, the next position.
            last_tokens: of each slot, the token that a decode feeds.
            prompts: of each slot in prefill, its prompt.
        """
        self._held = None
        if not plan.prefill:
            self._fill_decodes(plan, lengths, last_tokens)
            return
        row = 0
        outputs = 0
        decode = plan.decode.tolist()
        taken = 0
        for part in plan.prefill:
            while taken < len(decode) and decode[taken] < part.slot:
                row = self._put(row, decode[taken], int(lengths[decode[taken]]), last_tokens[decode[taken]])
                taken += 1
                outputs += 1
            end = row + part.count
            self._token[row:end] = prompts[part.slot][part.start : part.start + part.count]
            self._position[row:end] = self._steps[: part.count] + (self._depth + part.start)
            self._sequence[row:end] = part.slot
            self._logits[row:end] = 0
            if part.completes:
                self._logits[end - 1] = 1
                outputs += 1
            row = end
        for slot in decode[taken:]:
            row = self._put(row, slot, int(lengths[slot]), last_tokens[slot])
            outputs += 1
        self.struct.n_tokens = row
        self.outputs = outputs

    def holds(self, plan: StepPlan) -> bool:
        """Whether the last step was this very plan, so that `advance` is enough."""
        return plan is self._held

    def advance(self, tokens: NDArray[np.integer[Any]] | None) -> None:
        """The same decodes once more, each one position further; `tokens` are fed, the same as before when None."""
        self._held_positions += 1
        if tokens is not None:
            self._held_tokens[:] = tokens

    def _fill_decodes(self, plan: StepPlan, lengths: Slots, last_tokens: Slots) -> None:
        decode = plan.decode
        count = len(decode)
        self._token[:count] = last_tokens[decode]
        self._position[:count] = lengths[decode]
        self._sequence[:count] = decode
        self._logits[:count] = 1
        self.struct.n_tokens = count
        self.outputs = count
        self._held = plan
        self._held_tokens, self._held_positions = self._token[:count], self._position[:count]

    def _put(self, row: int, slot: int, position: int, token: int) -> int:
        self._token[row] = token
        self._position[row] = position
        self._sequence[row] = slot
        self._logits[row] = 1
        return row + 1


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
