"""Synthetic prompts of exact length: random ordinary tokens from a seed, alike only as far as the load says that they are."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from profiler.records.specification import LoadSettings, RequestClass
from profiler.scheduling.arrivals import Arrival
from profiler.scheduling.lengths import parse_length
from profiler.scheduling.load import LengthsOf
from profiler.scheduling.trace import Trace

_POOL_TOKENS = 1 << 18
_SCATTER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: spreads block numbers that lie close together over the pool

Tokens = NDArray[np.int32]


class Prompts:
    """The texts of a load's requests, made when they are first needed.

    A request's own text is a slice of one random pool of its class, so that making it costs nothing while a run is measured:
    slice n of the longest length; each time the pool has been used up the slices shift by one token. So requests share no
    beginning but the vocabulary's own first token, and with `shared_prefix` the text that all conversations of one prefix have.
    A later turn repeats all that was said in its conversation. A Mooncake trace's prompts are made of its blocks: equal numbers,
    equal text.
    """

    def __init__(
        self, vocabulary: Tokens, first_token: int | None, load: LoadSettings, lengths: LengthsOf, traces: Mapping[int, Trace]
    ) -> None:
        """Draw the pools.

        Args:
            vocabulary: the tokens to draw from.
            first_token: put before every prompt, None where the vocabulary has none.
            load: whose requests they are.
            lengths: of that load.
            traces: what is replayed, by class number.
        """
        self._first_token = first_token
        self._lengths = lengths
        self._classes = [
            _ClassText(each, vocabulary, load.seed, number, traces.get(number)) for number, each in enumerate(load.classes)
        ]
        self._said: dict[tuple[int, int], Tokens] = {}

    def prompt_tokens(self, arrival: Arrival) -> int:
        """Length of a request's prompt, what its conversation said before included."""
        said = self._said.get((arrival.class_number, arrival.conversation))
        return self._lengths.prompt_tokens(arrival) + (0 if said is None else len(said))

    def output_tokens(self, arrival: Arrival) -> int:
        """Length of a request's answer."""
        return self._lengths.output_tokens(arrival)

    def prompt(self, arrival: Arrival) -> Tokens:
        """The whole prompt of a request."""
        text = self._classes[arrival.class_number]
        length = self._lengths.prompt_tokens(arrival)
        if arrival.turn == 0:
            prompt = text.opening(arrival, length, self._lengths.shared_prefix_of(arrival))
            if self._first_token is not None:
                prompt = prompt.copy()
                prompt[0] = self._first_token
            return prompt
        said = self._said[arrival.class_number, arrival.conversation]
        return np.concatenate((said, text.own(arrival, length)))

    def remember(self, arrival: Arrival, prompt: Tokens, answer: Tokens) -> None:
        """A request was answered: its conversation's next turn will repeat it."""
        if arrival.turn + 1 < self._classes[arrival.class_number].turns:
            self._said[arrival.class_number, arrival.conversation] = np.concatenate((prompt, answer))
        else:
            self.forget(arrival)

    def forget(self, arrival: Arrival) -> None:
        """A conversation is over."""
        self._said.pop((arrival.class_number, arrival.conversation), None)


class _ClassText:
    """The pools of one class of requests."""

    def __init__(self, each: RequestClass, vocabulary: Tokens, seed: int, number: int, trace: Trace | None) -> None:
        generator = np.random.default_rng([seed, number])
        longest = parse_length(each.prompt_tokens).longest or int(trace.prompt_tokens.max() if trace is not None else 1)
        pool = max(_POOL_TOKENS, 2 * longest)
        self.turns = each.turns
        self._pool: Tokens = vocabulary[generator.integers(0, len(vocabulary), pool)]
        self._longest = longest
        self._slices = (pool - longest) // longest
        self._shared_prefix = each.shared_prefix
        shared = round(each.shared_prefix * longest)
        self._prefixes: Tokens = vocabulary[generator.integers(0, len(vocabulary), (each.prefixes if shared else 0, shared))]
        uses_blocks = trace is not None and trace.blocks is not None and each.prompt_tokens == "trace"
        self._trace = trace if uses_blocks else None

    def own(self, arrival: Arrival, length: int) -> Tokens:
        """Text that no other request has at its beginning."""
        lap, place = divmod(arrival.conversation * self.turns + arrival.turn, self._slices)
        start = (place * self._longest + lap) % (len(self._pool) - self._longest)
        return self._pool[start : start + length]

    def opening(self, arrival: Arrival, length: int, prefix: int) -> Tokens:
        """A conversation's first prompt."""
        if self._trace is not None:
            return self._of_blocks(self._trace, arrival, length)
        shared = round(self._shared_prefix * length)
        own = self.own(arrival, length)
        return np.concatenate((self._prefixes[prefix, :shared], own[shared:])) if shared else own

    def _of_blocks(self, trace: Trace, arrival: Arrival, length: int) -> Tokens:
        assert trace.blocks is not None
        blocks = trace.blocks[arrival.conversation % len(trace.blocks)]
        room = len(self._pool) - trace.block_tokens
        starts = [((int(block) * _SCATTER) % (1 << 64)) % room for block in blocks]
        text = [self._pool[start : start + trace.block_tokens] for start in starts]
        return np.concatenate([*text, self.own(arrival, length)])[:length]
