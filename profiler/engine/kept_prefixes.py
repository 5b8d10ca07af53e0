"""The prefix cache of a run: its bookkeeping (`scheduling.prefix_cache`) carried out on llama.cpp's KV cache."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from profiler.engine.model import Context, RefusedError
from profiler.scheduling.prefix_cache import Copy, PrefixCache
from profiler.scheduling.step import PrefillSlice

Tokens = NDArray[np.int32]


class KeptPrefixes:
    """Beginnings of prompts that are still in the cache; made for a context without a depth."""

    def __init__(self, context: Context, slots: int) -> None:
        """Raises RefusedError when the slots hold a depth: it would be part of every beginning."""
        if context.depth:
            raise RefusedError("A prefix cache cannot be measured at a depth; leave --depth at 0.")
        self._context = context
        self._cache = PrefixCache(slots, context.settings.cached_sequences, context.kv_cells)
        self._evictions_told = 0

    @property
    def extra_cells(self) -> int:
        """What must be added to the sum of the slots' lengths to get the KV cells in use."""
        return self._cache.extra_cells

    def admit(self, slot: int, prompt: Tokens, output_tokens: int) -> int:
        """A request gets a slot; returns how many of its prompt's tokens need not be evaluated."""
        return self._cache.admit(slot, prompt, len(prompt) + output_tokens)

    def evaluated(self, slices: Sequence[PrefillSlice]) -> None:
        """A step has evaluated these parts of prompts."""
        for part in slices:
            self._cache.evaluated(part.slot, part.start + part.count)

    def retire(self, slot: int, prompt: Tokens, answer: Tokens) -> None:
        """A request has ended; its last token was never fed, so it has no cell."""
        self._cache.retire(slot, np.concatenate((prompt, answer[:-1])))

    def drop(self, slot: int) -> None:
        """A request was given up."""
        self._cache.drop(slot)

    def carry_out(self) -> int:
        """Do to llama.cpp's cache what was decided since the last step; returns how many entries had to give way meanwhile."""
        for operation in self._cache.take_operations():
            if isinstance(operation, Copy):
                self._context.copy(operation.source, operation.target, operation.tokens)
            else:
                self._context.drop(operation.sequence)
        evictions = self._cache.evictions - self._evictions_told
        self._evictions_told = self._cache.evictions
        return evictions
