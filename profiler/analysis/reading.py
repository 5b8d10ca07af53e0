"""How an answer reads while it comes: how slow it gets in its worst moments, and how much of the time it lags behind a reader."""

import numpy as np
from numpy.typing import NDArray

READING_TOK_S = 7
"""Tokens a second of a brisk reader: some 300 English words a minute at about 1.3 tokens a word."""


def low1_tok_s(gap_ms: NDArray[np.float64]) -> float | None:
    """The "1 % low" of token gaps as a speed: 1000 / the mean of the longest hundredth of them (at least one gap).

    None without gaps, or when the longest have no length.
    """
    if not len(gap_ms):
        return None
    count = max(1, len(gap_ms) // 100)
    mean_ms = float(np.mean(np.partition(gap_ms, -count)[-count:]))
    return 1000 / mean_ms if mean_ms > 0 else None


def below_reading_share(gap_ms: NDArray[np.float64]) -> float | None:
    """Time in gaps longer than a reader's (1 / READING_TOK_S), in percent of the time in all gaps; None without any."""
    total_ms = float(np.sum(gap_ms))
    if total_ms <= 0:
        return None
    return 100 * float(np.sum(gap_ms[gap_ms > 1000 / READING_TOK_S])) / total_ms
