"""Axes: round ticks, their text, and a range that does not twitch. Pure: no widget is touched."""

import math
from dataclasses import dataclass

MOST_INTERVALS = 5
_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SHRINK_BELOW_SHARE = 0.4


def round_step(span: float, most_intervals: int = MOST_INTERVALS, *, whole: bool = False) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that cuts `span` into at most `most_intervals` parts.

    Args:
        span: above 0.
        most_intervals: parts at most.
        whole: for counts: no step below 1, and none of 2.5.
    """
    power = 10.0 ** math.floor(math.log10(span / most_intervals))
    steps = (factor * power for factor in _ROUND_STEPS if not (whole and factor == 2.5))
    step = next(step for step in steps if span / step <= most_intervals * (1 + 1e-9))
    return max(1.0, step) if whole else step


def tick_text(value: float, step: float) -> str:
    """A tick with the decimals that its step needs: 0.25 beside 0.50, 1000 beside 2000."""
    decimals = 0
    while decimals < 6 and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f"{value:.{decimals}f}"


@dataclass(frozen=True, slots=True)
class Ticks:
    """A scale from 0 to `top` in equal steps."""

    top: float
    step: float

    def values(self) -> list[float]:
        """Every tick, 0 and the top included."""
        return [self.step * index for index in range(round(self.top / self.step) + 1)]

    def texts(self) -> list[str]:
        """The ticks' labels."""
        return [tick_text(value, self.step) for value in self.values()]


def ticks_for(highest: float, *, whole: bool = False) -> Ticks:
    """A scale from 0 whose top is the first tick at or above `highest` (which is above 0)."""
    step = round_step(highest, whole=whole)
    return Ticks(step * math.ceil(highest / step - 1e-9), step)


class AxisRange:
    """A scale from 0 that follows its values: up at once, down only when they use little of it.

    Args:
        least_top: the scale never ends below this.
        whole: the axis counts things.
    """

    def __init__(self, least_top: float, *, whole: bool = False) -> None:
        self._least_top = least_top
        self._whole = whole
        self.ticks = ticks_for(least_top, whole=whole)

    def cover(self, highest: float) -> bool:
        """Make room for values up to `highest`; returns whether the scale is another now."""
        wanted = ticks_for(max(highest, self._least_top), whole=self._whole)
        if wanted.top > self.ticks.top or wanted.top < _SHRINK_BELOW_SHARE * self.ticks.top:
            self.ticks = wanted
            return True
        return False
