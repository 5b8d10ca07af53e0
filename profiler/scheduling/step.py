"""A step of the batch: what one decode call takes, and what it brought."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.int32]


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
