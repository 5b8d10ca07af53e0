"""Intervals over repetitions, each by the method that suits its figure (measurement.md §4); `interval_method` tells which."""

import math
from collections.abc import Sequence

import numpy as np

from profiler.analysis.figure_name import FIGURE_NAMES, figure_value
from profiler.analysis.student import student_quantile
from profiler.records.run_record import Figures

CONFIDENCE = 0.95

INTERVAL_METHODS: dict[str, str] = {
    "log t": "Student's t on the logarithms of the runs' values",
    "log t or t": "Student's t on the logarithms of the runs' values; on the plain values where some run has 0",
    "t": "Student's t on the runs' values",
    "score": "Wilson's score on the runs' shares, with the variance that the runs show and Student's t in place of the normal",
    "block bootstrap": "one run only: resampled in blocks of its time; how runs differ from each other is not in it",
}
"""How an interval was made: a short name, and the sentence that explains it."""

_SHARES = frozenset({"attainment", "below_reading_share", "cache_hit_rate"})
"""Shares that lie at 0 or 100 % in many cells: no logarithm makes them symmetric."""

_SIGNED = frozenset({"queue_growth_s"})
_MAY_BE_ZERO = frozenset({"queue_ms", "goodput_s", "cached_tok_s", "evictions"})
"""A run in which nobody waited, or nothing was good, is a measurement like any other."""

_COUNTED_BY = {"attainment": "ttft_ms"}
"""Shares of independent things, and the latency whose `n` counts these; those that never got a first token are not in it."""


def interval_method(name: str, runs: int) -> str:
    """The name in `INTERVAL_METHODS` of how a figure's interval over so many runs is made; "" where none can be had."""
    if runs < 1:
        return ""
    if runs == 1:
        return "block bootstrap"
    metric = name.partition(".")[0]
    if metric in _SHARES:
        return "score"
    if metric in _SIGNED:
        return "t"
    return "log t or t" if metric in _MAY_BE_ZERO else "log t"


def cell_intervals(figures_of_runs: Sequence[Figures], confidence: float = CONFIDENCE) -> dict[str, tuple[float, float]]:
    """The interval of each figure ("output_tok_s", "ttft_ms.p95") over a cell's valid runs, in the figure's unit.

    A run that lacks a figure is left out of that figure's interval; a figure that fewer than two runs have has none. A statistic
    of a latency that some run measured and yet does not state (the queue grew, or its rank falls on a request that never got
    there) has none either: the other runs alone would be the fast ones.
    """
    intervals = {}
    for name in FIGURE_NAMES:
        interval = figure_interval(figures_of_runs, name, confidence)
        if interval is not None:
            intervals[name] = interval
    return intervals


def figure_interval(figures_of_runs: Sequence[Figures], name: str, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The interval of one figure, as `cell_intervals` has it; None where there is none."""
    if any(_is_withheld(figures, name) for figures in figures_of_runs):
        return None
    values = [value for figures in figures_of_runs if (value := figure_value(figures, name)) is not None]
    method = interval_method(name, len(values))
    if len(values) < 2:
        return None
    if method == "score":
        return _percent_interval(name, values, figures_of_runs, confidence)
    if method == "t":
        return t_interval(values, confidence)
    if method == "log t or t" and min(values) <= 0 < max(values):
        interval = t_interval(values, confidence)
        return None if interval is None else (max(0.0, interval[0]), interval[1])
    return log_t_interval(values, confidence)


def _is_withheld(figures: Figures, name: str) -> bool:
    metric, _, statistic = name.partition(".")
    latency = figures.get(metric)
    return isinstance(latency, dict) and bool(latency.get("n")) and latency.get(statistic) is None


def _percent_interval(
    name: str, percents: Sequence[float], figures_of_runs: Sequence[Figures], confidence: float
) -> tuple[float, float] | None:
    count: int | None = None
    if name in _COUNTED_BY:
        count = sum(
            int(figure_value(figures, f"{_COUNTED_BY[name]}.n") or 0)
            for figures in figures_of_runs
            if figure_value(figures, name) is not None
        )
    elif name == "cache_hit_rate" and min(percents) == max(percents):
        return percents[0], percents[0]  # the same prompts find the same cache: nothing in it is left to chance
    interval = share_interval([percent / 100 for percent in percents], count, confidence)
    return None if interval is None else (100 * interval[0], 100 * interval[1])


def log_t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """exp(mean ± t·s/√n) of the logarithms: an interval for the typical repetition (its geometric mean).

    None for fewer than two values, or when one is not positive or not finite.
    """
    if len(values) < 2 or not all(0 < value < math.inf for value in values):
        return None
    interval = t_interval(np.log(values).tolist(), confidence)
    return None if interval is None else (math.exp(interval[0]), math.exp(interval[1]))


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Mean ± t·s/√n: an interval for the mean repetition. None for fewer than two values, or when one is not finite."""
    if len(values) < 2 or not all(math.isfinite(value) for value in values):
        return None
    half = student_quantile(0.5 + confidence / 2, len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    middle = float(np.mean(values))
    return middle - half, middle + half


def share_interval(
    shares: Sequence[float], count: int | None = None, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """An interval for a share (0 to 1) that every run has a value of; it never leaves 0 to 1.

    Wilson's score interval ("Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22, 1927) at the number of independent trials that would vary as the runs do, p(1 - p)·R / s², and
    with Student's quantile of R - 1 degrees of freedom in place of the normal one. On binomial and beta-binomial runs it covers
    93 to 99 % except where requests of a run hang together and nearly all are good (87 % at worst).

    Args:
        shares: one a run.
        count: things counted over all runs, where the share is one of independent things: their number bounds the trials.
        confidence: how often it shall cover the truth.

    Returns:
        None for fewer than two runs, and without a count when all agree: nothing tells then how far they might be apart.
    """
    runs = len(shares)
    if runs < 2 or not all(0 <= share <= 1 for share in shares):
        return None
    middle, variance = float(np.mean(shares)), float(np.var(shares, ddof=1)) / runs
    trials = middle * (1 - middle) / variance if variance > 0 else math.inf
    trials = trials if count is None else min(trials, count)
    if not 0 < trials < math.inf:
        return None
    squared = student_quantile(0.5 + confidence / 2, runs - 1) ** 2 / trials
    centre = (middle + squared / 2) / (1 + squared)
    half = math.sqrt(squared * (middle * (1 - middle) + squared / 4)) / (1 + squared)
    return max(0.0, centre - half) if middle > 0 else 0.0, min(1.0, centre + half) if middle < 1 else 1.0
