"""Where values lie along an axis, and the round numbers that are written at it."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "log", "tail"]
"""A tail's values are shares of one, drawn by how rare what lies beyond is: 90 %, 99 % and 99.9 % lie at equal distances."""

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Scale:
    """The part of an axis that is drawn; a logarithmic one begins above 0, a tail's ends below 1."""

    low: float
    high: float
    kind: Kind = "linear"

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one, beyond them outside."""
        low, high, at = (self._place(each) for each in (self.low, self.high, value))
        return (at - low) / (high - low)

    def _place(self, value: float) -> float:
        match self.kind:
            case "linear":
                return value
            case "log":
                return math.log10(max(value, 1e-300))
            case "tail":
                return -math.log10(max(1 - value, 1e-300))

    def holds(self, value: float) -> bool:
        """Whether a value is within what is drawn."""
        return -_SLACK <= self.share(value) <= 1 + _SLACK

    def clamped(self, value: float) -> float:
        """The nearest value that is drawn."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Tick:
    """A value and what is written at it."""

    value: float
    text: str


def from_zero(reach: float, most: int = 6) -> Scale:
    """A linear scale from 0 to a little beyond what has to be seen, so that distances are honest."""
    step = _step(max(reach, 1e-12), most)
    return Scale(0.0, max(reach, step) * 1.04)


def ticks(scale: Scale, most: int = 6) -> tuple[Tick, ...]:
    """At most about so many round numbers along a scale."""
    match scale.kind:
        case "linear":
            return _linear(scale, most)
        case "log":
            return _logarithmic(scale, most)
        case "tail":
            return _of_tail(scale)


def _step(span: float, most: int) -> float:
    """The smallest round distance with which `most` ticks suffice."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(nice * power for nice in _NICE if nice * power >= raw * (1 - _SLACK))


def _linear(scale: Scale, most: int) -> tuple[Tick, ...]:
    step = _step(scale.high - scale.low, most)
    decimals = max(0, -math.floor(math.log10(step) + _SLACK))
    if abs(step * 10**decimals - round(step * 10**decimals)) > _SLACK * 10:  # 2.5 needs one more
        decimals += 1
    first, last = math.ceil(scale.low / step - _SLACK), math.floor(scale.high / step + _SLACK)
    return tuple(Tick(count * step, f"{count * step:.{decimals}f}") for count in range(first, last + 1))


def _logarithmic(scale: Scale, most: int) -> tuple[Tick, ...]:
    """Powers of ten, with 2 and 5 or 3 between them where there is room."""
    low, high = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    values: list[float] = []
    for mantissas in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        values = [mantissa * 10.0**power for power in range(low, high + 1) for mantissa in mantissas]
        values = [value for value in values if scale.holds(value)]
        if len(values) <= most + 2:
            break
    return tuple(Tick(value, f"{value:g}") for value in values)


def _of_tail(scale: Scale) -> tuple[Tick, ...]:
    nines = [Tick(1 - 10.0**-power, f"{100 * (1 - 10.0**-power):.{max(0, power - 2)}f} %") for power in range(1, 12)]
    return tuple(tick for tick in (Tick(0.0, "0 %"), Tick(0.5, "50 %"), *nines) if scale.holds(tick.value))
