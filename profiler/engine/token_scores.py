"""What the logits of a model say of the tokens that came, and of another model's predictions of them. Pure numpy."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
_BLOCK_ELEMENTS = 1 << 20  # rows are worked on in blocks of about this many logits, to stay in the cache and small


@dataclass(frozen=True, slots=True)
class Scores:
    """A model's predictions of the scored tokens of one decode call.

    Attributes:
        logits: a row for each token, as they lie in llama.cpp's memory until the model's next decode call.
        nll: -ln p of the token that came.
        largest, ln_sum: of each row its largest logit, and ln Σ exp(logit - largest).
    """

    logits: NDArray[np.float32]
    nll: Column
    largest: NDArray[np.float32]
    ln_sum: Column

    @property
    def p(self) -> Column:
        """The probability of the token that came."""
        p: Column = np.exp(-self.nll)
        return p


def scores_of(logits: NDArray[np.float32], targets: NDArray[np.int32]) -> Scores:
    """The scores of tokens that came, one a row of logits; exponentials are of float32, sums and logarithms of float64."""
    largest, ln_sum = logits.max(1), np.empty(len(logits))
    for block in _blocks(logits):
        ln_sum[block] = np.log(np.exp(logits[block] - largest[block, None]).sum(1, dtype=np.float64))
    came = logits[np.arange(len(targets)), targets].astype(np.float64)
    return Scores(logits, ln_sum - (came - largest), largest, ln_sum)


def divergence(base: Scores, ours: Scores) -> Column:
    """D(P_base ‖ P) = Σ p_base · (ln p_base - ln p) of each row, in nat."""
    result = np.empty(len(ours.nll))
    for block in _blocks(ours.logits):
        shifted = ours.logits[block] - ours.largest[block, None]
        base_shifted = base.logits[block] - base.largest[block, None]
        weights = np.exp(base_shifted)
        with np.errstate(invalid="ignore"):  # a token that is impossible to both: 0 · (∞ - ∞)
            terms = np.where(weights > 0, weights * (base_shifted - shifted), np.float32(0))
        difference = terms.sum(1, dtype=np.float64) / np.exp(base.ln_sum[block])
        result[block] = difference + ours.ln_sum[block] - base.ln_sum[block]
    return np.maximum(result, 0.0)  # less than 0 by rounding alone


class Columns:
    """What is kept of each scored token of a model."""

    def __init__(self) -> None:
        self.nll: list[Column] = []
        self.kld: list[Column] = []
        self.same_top: list[Column] = []
        self.dp: list[Column] = []

    def add(self, ours: Scores, base: Scores | None) -> None:
        """The tokens of one decode call; the base's scores are of the same."""
        self.nll.append(ours.nll)
        if base is not None:
            self.kld.append(divergence(base, ours))
            self.same_top.append((ours.logits.argmax(1) == base.logits.argmax(1)).astype(np.float64))
            self.dp.append(ours.p - base.p)

    def packed(self) -> dict[str, str | None]:
        """By name; see `measure_quality`."""
        return {name: pack(parts) if parts else None for name, parts in vars(self).items()}


def pack(parts: Sequence[Column]) -> str:
    """Little-endian float64, in base64, for a message that is JSON."""
    return base64.b64encode(np.concatenate(parts).astype("<f8").tobytes()).decode("ascii")


def _blocks(logits: NDArray[np.float32]) -> list[slice]:
    rows, width = logits.shape
    step = max(1, _BLOCK_ELEMENTS // max(1, width))
    return [slice(start, start + step) for start in range(0, rows, step)]
