"""A scale for a loss of quality: logarithmic where it spans decades, with a place of its own for the base, whose loss is 0.

Pure: no widget is touched.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.plots.axis import round_step, tick_text

BASE = "base"
_DECADE = 10.0
_BASE_GAP = 0.2  # of the scale's length below its lowest value
_PAD = 0.08
_FINE_BELOW_DECADES = 2.5


@dataclass(frozen=True, slots=True)
class LossScale:
    """Where values lie in plot units.

    Attributes:
        is_log: places are decimal logarithms; else they are the values themselves.
        bottom, top: ends of the scale.
        zero: place of 0, and of all that a logarithm has no place for.
        ticks: (place, text), from the bottom.
    """

    is_log: bool
    bottom: float
    top: float
    zero: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """Where a value lies; on a logarithmic scale what is near 0 lies at its place."""
        if not self.is_log:
            return value
        return max(self.zero, math.log10(value)) if value > 0 else self.zero


def loss_scale(values: Sequence[float], *, has_base: bool, is_from_zero: bool = True) -> LossScale:
    """The scale for these values, none of them negative.

    Args:
        values: without the base's 0.
        has_base: the base is drawn as well.
        is_from_zero: 0 means something (it does not for bits a byte, of which no model lacks none).
    """
    positive = [value for value in values if value > 0]
    if is_from_zero and positive and max(positive) >= _DECADE * min(positive):
        return _log_scale(min(positive), max(positive), has_base=has_base)
    lowest, highest = (0.0, max([*positive, 1e-6])) if is_from_zero or not positive else (min(positive), max(positive))
    span = (highest - lowest) or highest
    bottom = 0.0 if is_from_zero else lowest - _PAD * span
    top = highest + 2 * _PAD * span
    step = round_step(top - bottom)
    first = math.ceil(bottom / step - 1e-9)
    ticks = [(index * step, tick_text(index * step, step)) for index in range(first, math.floor(top / step) + 1)]
    if has_base and is_from_zero:
        ticks[0] = (0.0, BASE)
    return LossScale(False, bottom - (_PAD * span if is_from_zero else 0.0), top, 0.0, tuple(ticks))


def _log_scale(lowest: float, highest: float, *, has_base: bool) -> LossScale:
    low, high = math.log10(lowest), math.log10(highest)
    span = high - low
    zero = low - _BASE_GAP * span
    factors = (1, 2, 5) if span < _FINE_BELOW_DECADES else (1,)
    top = high + 2 * _PAD * span
    bottom_of_ticks = low - _PAD * span
    ticks = [
        (math.log10(factor) + power, f"{factor * 10.0**power:g}")
        for power in range(math.floor(low) - 1, math.ceil(high) + 1)
        for factor in factors
        if bottom_of_ticks <= math.log10(factor) + power <= top
    ]
    if has_base:
        ticks.insert(0, (zero, BASE))
    return LossScale(True, (zero if has_base else bottom_of_ticks) - _PAD * span, top, zero, tuple(ticks))
