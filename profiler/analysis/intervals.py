"""Intervals over repetitions: Student's t on the logarithms of the per-repetition values (measurement.md §4)."""

import math
from collections.abc import Sequence

import numpy as np

from profiler.analysis.figure_name import FIGURE_NAMES, figure_value
from profiler.records.run_record import Figures

CONFIDENCE = 0.95

_SHARES = frozenset({"attainment", "below_reading_share", "cache_hit_rate"})
"""Shares that lie at 0 or 100 % in many cells: no logarithm makes them symmetric, so they have no interval of this kind."""


def cell_intervals(figures_of_runs: Sequence[Figures]) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each figure ("output_tok_s", "ttft_ms.p95") over a cell's valid runs.

    A run that lacks a figure is left out of that figure's interval; a figure that fewer than two runs have, or that is not
    positive in all of them, has none. A latency that some run measured and yet states nothing of (`figures.latency_figures`) has
    none either: the other runs alone would be the fast ones.
    """
    intervals = {}
    for name in FIGURE_NAMES:
        if name in _SHARES:
            continue
        if any(_is_withheld(figures, name) for figures in figures_of_runs):
            continue
        values = [value for figures in figures_of_runs if (value := figure_value(figures, name)) is not None]
        interval = log_t_interval(values)
        if interval is not None:
            intervals[name] = interval
    return intervals


def _is_withheld(figures: Figures, name: str) -> bool:
    latency = figures.get(name.partition(".")[0])
    if not isinstance(latency, dict) or not latency.get("n"):
        return False
    return all(value is None for statistic, value in latency.items() if statistic != "n")


def log_t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """exp(mean ± t·s/√n) of the logarithms: an interval for the typical repetition (its geometric mean).

    None for fewer than two values, or when one is not positive or not finite.
    """
    if len(values) < 2 or not all(0 < value < math.inf for value in values):
        return None
    logs = np.log(values)
    half = student_quantile(0.5 + confidence / 2, len(logs) - 1) * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    middle = float(np.mean(logs))
    return math.exp(middle - half), math.exp(middle + half)


def student_quantile(share: float, degrees: int) -> float:
    """The value that a share (between 0.5 and 1) of Student's t distribution with whole degrees of freedom lies below.

    Found by halving on the angle arctan(t/√degrees), in which the distribution is a finite sum.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # the 53 bits of a double, and some
        angle = (low + high) / 2
        if _share_within(angle, degrees) < 2 * share - 1:
            low = angle
        else:
            high = angle
    return math.sqrt(degrees) * math.tan(low)


def _share_within(angle: float, degrees: int) -> float:
    """P(|T| ≤ √degrees · tan(angle)): Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = degrees % 2 == 1
    term = cosine if is_odd else 1.0
    total = 0.0
    for k in range(degrees // 2):
        total += term
        term *= cosine * cosine * ((2 * k + 2) / (2 * k + 3) if is_odd else (2 * k + 1) / (2 * k + 2))
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
