"""How fast a machine's kernels are, as the engine's probe measured it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KernelSpeed:
    """One kind of step on a model with weights of one type throughout.

    Attributes:
        shape: "wide" or "narrow" layers (the time goes into the weights), many "thin" ones (it goes into all the rest), or
            "heads" (it goes into looking back at the tokens that are held).
        type: ggml's name ("q4_K").
        tokens, sequences: of the step; a prompt's tokens are of one sequence.
        seconds: the fastest of several.
        spread_percent: how much longer than that their median is.
        weights, bytes: of the matrices that the step used.
        layers: how many there were.
        depth: tokens that the sequence held before the step.
        heads, head_size: query heads of a layer, and the elements of one's K, as many as of its V; 0 where they do not matter.
    """

    shape: str
    type: str
    tokens: int
    sequences: int
    seconds: float
    spread_percent: float
    weights: int
    bytes: int
    layers: int
    depth: int = 0
    heads: int = 0
    head_size: int = 0

    @property
    def typical_s(self) -> float:
        """The median of the several: what a run will take, where the fastest is what the machine can do."""
        return self.seconds * (1 + self.spread_percent / 100)

    @property
    def bytes_s(self) -> float:
        """Bytes of weights a second."""
        return self.bytes / self.seconds

    @property
    def flop_s(self) -> float:
        """Floating-point operations a second: two for each weight and token."""
        return 2 * self.weights * self.tokens / self.seconds
