"""Figures of a model's quality from the scores of single tokens. Pure functions.

They stand here and not in `analysis`, which is a room of the same level as this one. Standard errors are llama-perplexity's: they
take the tokens as independent, which those of one text are not quite, so they are somewhat too small.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True, slots=True)
class TokenScores:
    """A model's scores of a text's tokens, in the text's order; arrays of one length.

    Attributes:
        nll: -ln p of the token that came.
        kld: D(P_base ‖ P) in nat; None, as the next two, without a base.
        same_top: 1 where both rank the same token first, else 0.
        dp: the probability of the token that came, less the base's.
    """

    nll: Column
    kld: Column | None = None
    same_top: Column | None = None
    dp: Column | None = None

    @classmethod
    def from_packed(cls, columns: Mapping[str, str | None]) -> Self:
        """From the child's columns: float64, little-endian, in base64. Raises ValueError when they do not fit each other."""
        unpacked: dict[str, Any] = {
            name: None if text is None else np.frombuffer(base64.b64decode(text, validate=True), "<f8").astype(np.float64)
            for name, text in columns.items()
        }
        if len({len(column) for column in unpacked.values() if column is not None}) != 1 or unpacked.get("nll") is None:
            raise ValueError("the columns are not of one length")
        return cls(**unpacked)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or what is made of it, with its standard error."""

    value: float
    stderr: float


def perplexity(nll: Column) -> Estimate:
    """The mean's exponential; its error is PPL · √((E[nll²] - E[nll]²) / (n - 1)) (measurement.md §3)."""
    log = mean(nll)
    value = math.exp(log.value) if log.value < _LARGEST_EXPONENT else math.inf
    return Estimate(value, value * log.stderr)


def bits_per_byte(nll: Column, scored_bytes: int) -> float:
    """Σ nll / ln 2 / bytes of the text that the scored tokens stand for: comparable across vocabularies."""
    return float(nll.sum()) / math.log(2) / scored_bytes


def log_ratio(nll: Column, other_nll: Column) -> Estimate:
    """ln(PPL / PPL_other) of two models on the same tokens, with the error of the paired differences.

    Raises ValueError when the tokens are not as many.
    """
    if len(nll) != len(other_nll):
        raise ValueError("the scores are of different tokens")
    return mean(nll - other_nll)


def agreement(same_top: Column) -> Estimate:
    """Share of tokens; its error is √(p · (1 - p) / (n - 1))."""
    return mean(same_top)


def root_mean_square(values: Column) -> float:
    """√(E[x²])."""
    return math.sqrt(float(np.mean(np.square(values))))


def mean(values: Column) -> Estimate:
    """With √(variance / (n - 1)), the variance that of the n values; that error is infinite for a single one."""
    count = len(values)
    if not np.isfinite(values).all():  # a token that is impossible to the model and not to its base
        return Estimate(float(np.mean(values)), math.inf)
    return Estimate(float(np.mean(values)), math.sqrt(float(np.var(values)) / (count - 1)) if count > 1 else math.inf)


def nearest_rank(values: Column, share: float) -> float:
    """The smallest value that at least a share of the values does not exceed, as all percentiles here are (measurement.md §1)."""
    ordered = np.sort(values)
    return float(ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)])
