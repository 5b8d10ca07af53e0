"""Synthetic prompts of exact length: random ordinary tokens from a seed, a different beginning for every request."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_POOL_TOKENS = 1 << 18


class PromptSource:
    """Prompts as slices of one random pool, so that making one costs nothing while a run is measured.

    Request r's prompt starts at r × the longest length in the pool; each time the pool has been used up the slices shift by one
    token, so two requests of a run share no beginning but the vocabulary's own first token.
    """

    def __init__(
        self,
        vocabulary: NDArray[np.int32],
        first_token: int | None,
        length_of: Callable[[int], int],
        longest: int,
        seed: int,
    ) -> None:
        """Draw the pool.

        Args:
            vocabulary: the tokens to draw from.
            first_token: put before every prompt, None where the vocabulary has none.
            length_of: tokens of a request's prompt, the first token included.
            longest: the most that `length_of` returns.
            seed: of the pool.
        """
        generator = np.random.default_rng(seed)
        pool = max(_POOL_TOKENS, 2 * longest)
        self.length_of = length_of
        self._pool = vocabulary[generator.integers(0, len(vocabulary), pool)]
        self._longest = longest
        self._slices = (pool - longest) // longest
        self._first_token = first_token

    def prompt(self, request: int) -> NDArray[np.int32]:
        """The prompt of a request."""
        lap, place = divmod(request, self._slices)
        start = (place * self._longest + lap) % (len(self._pool) - self._longest)
        prompt = self._pool[start : start + self.length_of(request)]
        if self._first_token is None:
            return prompt
        prompt = prompt.copy()
        prompt[0] = self._first_token
        return prompt
