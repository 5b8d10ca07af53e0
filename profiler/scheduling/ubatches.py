"""How llama.cpp cuts a decode call into ubatches, each a pass over the weights.

After `llama_batch_allocr::split_simple` and `split_equal` of the llama.cpp vendored with llama-cpp-python 0.3.36; an integration
test counts the real passes and holds them against this.
"""

from collections.abc import Sequence


def unified_ubatches(tokens: int, ubatch_size: int) -> int:
    """Passes for `tokens` tokens in one unified cache: cut in order, whatever the sequences."""
    return -(-tokens // ubatch_size)


def stream_ubatches(sequences: Sequence[tuple[int, int]], ubatch_size: int) -> int:
    """Passes when each sequence has its own stream.

    Args:
        sequences: (sequence id, tokens in the call) in the batch's order; each id once.
        ubatch_size: most tokens in a pass.

    A pass takes the first unfinished sequence and those after it whose ids go up by one, an equal number of tokens each.
    """
    left = [[identifier, tokens] for identifier, tokens in sequences]
    passes = 0
    while left:
        members = [left[0]]
        for item in left[1:]:
            if len(members) > ubatch_size:
                break
            if item[0] == members[-1][0] + 1:
                members.append(item)
        each = min(min(tokens for _, tokens in members), max(1, ubatch_size // len(members)))
        for member in members:
            member[1] -= each
        left = [item for item in left if item[1]]
        passes += 1
    return passes
