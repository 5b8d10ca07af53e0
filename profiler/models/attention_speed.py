"""What looking back at the tokens that are held costs a step, from kernels that were measured with many of them.

A query head looks at one held token in so many seconds, by the sizes of its K and V. They come from "heads" layers, whose steps
were timed with an empty and with a filled cache: the difference, shared out among all the pairs, is what looking takes. On
processors it is computing rather than reading: the sample's 2 000 held tokens cost 26 ms a step, of which memory would need 1.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profiler.modelfile.description import ModelDescription
from profiler.modelfile.layers import layer_memory
from profiler.records.kernel_speed import KernelSpeed


@dataclass(frozen=True, slots=True)
class Attention:
    """What a step looks back at.

    Attributes:
        heads: query heads of all layers.
        head_elements: of K and V of a head together; the mean, where layers differ.
        pairs: of a token of the step and one that its sequence holds.
    """

    heads: int
    head_elements: float
    pairs: float


def attention_of(description: ModelDescription, tokens: int, context_tokens: float, *, is_prefill: bool) -> Attention | None:
    """A step's of this model; None where it is not known, or there is no attention at all.

    Args:
        description: the model.
        tokens: of the step: one for each sequence, or those of a prompt.
        context_tokens: that each sequence holds before it.
        is_prefill: the tokens are one prompt's, so each also looks at those before it.
    """
    memory = layer_memory(description)
    heads = 0 if memory is None else sum(layer.heads for layer in memory)
    if memory is None or not heads:
        return None
    elements = sum(layer.pair_elements for layer in memory) / heads
    return Attention(heads, elements, tokens * (context_tokens + (tokens / 2 if is_prefill else 0)))


def pair_seconds(speeds: Sequence[KernelSpeed], head_elements: float, *, is_prefill: bool) -> float | None:
    """Seconds for one query head and one held token; None where it was not measured.

    Between two measured sizes on their line, beyond them in proportion to the nearest.
    """
    measured: dict[int, float] = {}
    of_kind = [speed for speed in speeds if speed.shape == "heads" and (speed.tokens > 1) == is_prefill]
    for filled in (speed for speed in of_kind if speed.depth):
        empty = [speed for speed in of_kind if not speed.depth and (speed.heads, speed.tokens) == (filled.heads, filled.tokens)]
        if empty:
            looks = filled.tokens * filled.depth * filled.heads * filled.layers
            measured[2 * filled.head_size] = max(0.0, filled.typical_s - empty[0].typical_s) / looks
    if not measured:
        return None
    sizes = sorted(measured)
    inside = min(max(head_elements, sizes[0]), sizes[-1])
    return float(np.interp(inside, sizes, [measured[size] for size in sizes])) * head_elements / inside
