"""A shift between two sides on the natural logarithm, with its p-value and with its interval at any confidence.

Two kinds: rank tests, whose interval is cut from the sorted differences (Hodges and Lehmann, Annals of Mathematical
Statistics 34, 1963), and Student's t. In both the interval of confidence 1 - α excludes 0 exactly when p ≤ α.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.student import student_quantile, student_two_sided

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RankShift:
    """By ranks.

    Attributes:
        method: "signed-rank" or "rank-sum".
        log_shift: the Hodges–Lehmann estimate, the median of `differences`.
        differences: sorted: Walsh averages of the pairs' differences, or all differences between the two sides.
        tail: P(statistic ≤ i) at place i, under no shift; the statistic counts differences at or below 0.
    """

    method: str
    log_shift: float
    differences: NDArray[np.float64]
    tail: NDArray[np.float64]

    @property
    def p_value(self) -> float:
        """Two-sided; a difference of exactly 0 counts against a shift."""
        below = int(np.searchsorted(self.differences, 0, side="right"))
        above = len(self.differences) - int(np.searchsorted(self.differences, 0, side="left"))
        return min(1.0, 2 * float(self.tail[min(below, above)]))

    @property
    def smallest_p(self) -> float:
        """What p is when the outcome could not be clearer."""
        return min(1.0, 2 * float(self.tail[0]))

    def interval(self, confidence: float) -> Interval | None:
        """At least that confidence; None when even the widest has less."""
        outside = (1 - confidence) / 2
        cut = int(np.searchsorted(self.tail, outside * (1 + 1e-9), side="right")) - 1
        if cut < 0:
            return None
        cut = min(cut, (len(self.differences) - 1) // 2)
        return float(self.differences[cut]), float(self.differences[-1 - cut])


@dataclass(frozen=True, slots=True)
class StudentShift:
    """By Student's t.

    Attributes:
        method: "paired t", "two-sample t" or "sessions".
        standard_error: of `log_shift`.
        degrees: of freedom of the standard error.
    """

    method: str
    log_shift: float
    standard_error: float
    degrees: float

    @property
    def p_value(self) -> float:
        """Two-sided."""
        if self.standard_error == 0:
            return float(self.log_shift == 0)
        return student_two_sided(self.log_shift / self.standard_error, self.degrees)

    @property
    def smallest_p(self) -> float:
        """0: a shift that is large enough is found at any level."""
        return 0.0

    def interval(self, confidence: float) -> Interval | None:
        """Of exactly that confidence under the normal model."""
        half = student_quantile(0.5 + confidence / 2, self.degrees) * self.standard_error
        return self.log_shift - half, self.log_shift + half


Shift = RankShift | StudentShift


def percent(log_shift: float) -> float:
    """A shift of logarithms as a percentage: 0.0488 is 5 %."""
    return 100 * math.expm1(log_shift)


def log_of_percent(shift_percent: float) -> float:
    """The inverse of `percent`."""
    return math.log1p(shift_percent / 100)
