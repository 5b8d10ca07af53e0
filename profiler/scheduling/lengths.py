"""How many tokens prompts and answers have: a length as text, and seeded draws from it."""

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MAX_LENGTH_TOKENS = 10_000_000
CLIP_DEVIATIONS = 3.0
"""Draws are clipped this many standard deviations from the middle, so that the longest is known beforehand."""

_HOW = "write 128, uniform:64:256, normal:128:32, lognormal:128:0.5 or trace"
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,20})?")

Kind = Literal["fixed", "uniform", "normal", "lognormal", "trace"]

_DISTRIBUTIONS: dict[str, Kind] = {"uniform": "uniform", "normal": "normal", "lognormal": "lognormal"}


@dataclass(frozen=True, slots=True)
class Length:
    """A distribution of lengths in tokens, as `parse_length` reads it; `str` gives the text back.

    Attributes:
        kind: "fixed", "uniform", "normal", "lognormal"; "trace": each request's own, recorded.
        first: the length; the lowest; the mean; the median.
        second: the highest; the standard deviation; the standard deviation of the logarithm. 0 for the others.
    """

    kind: Kind
    first: float = 0.0
    second: float = 0.0

    def __str__(self) -> str:
        if self.kind == "trace":
            return "trace"
        if self.kind == "fixed":
            return _plain(self.first)
        return f"{self.kind}:{_plain(self.first)}:{_plain(self.second)}"

    @property
    def shortest(self) -> int | None:
        """The smallest value that can be drawn, None for a trace."""
        bounds = self._bounds()
        return None if bounds is None else bounds[0]

    @property
    def longest(self) -> int | None:
        """The largest value that can be drawn, None for a trace."""
        bounds = self._bounds()
        return None if bounds is None else bounds[1]

    @property
    def mean(self) -> float | None:
        """The distribution's own mean, before draws are rounded and clipped (which moves it a little); None for a trace."""
        if self.kind == "trace":
            return None
        if self.kind == "uniform":
            return (self.first + self.second) / 2
        if self.kind == "lognormal":
            return self.first * math.exp(self.second**2 / 2)
        return self.first

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[np.int32]:
        """`count` independent lengths, whole, at least 1, clipped at CLIP_DEVIATIONS.

        Raises:
            ValueError: for a trace, which is read, not drawn.
        """
        bounds = self._bounds()
        if bounds is None:
            raise ValueError("the lengths of a trace are its own; they are not drawn")
        if self.kind == "fixed":
            return np.full(count, bounds[0], np.int32)
        if self.kind == "uniform":
            return generator.integers(bounds[0], bounds[1], count, np.int32, endpoint=True)
        if self.kind == "normal":
            values = generator.normal(self.first, self.second, count)
        else:
            values = generator.lognormal(math.log(self.first), self.second, count)
        return np.clip(np.rint(values), *bounds).astype(np.int32)

    def _bounds(self) -> tuple[int, int] | None:
        if self.kind == "trace":
            return None
        low, high = self._span()
        return max(1, round(low)), max(1, round(high))

    def _span(self) -> tuple[float, float]:
        """The ends of the clipped distribution, infinite where they are beyond a float."""
        reach = CLIP_DEVIATIONS * self.second
        if self.kind == "uniform":
            return self.first, self.second
        if self.kind == "normal":
            return self.first - reach, self.first + reach
        if self.kind == "lognormal":
            return self.first * math.exp(-reach), self.first * math.exp(reach) if reach < 100 else math.inf
        return self.first, self.first


def parse_length(text: str) -> Length:
    """The length that `text` means.

    "128"; "uniform:64:256", both ends included; "normal:128:32", mean and standard deviation; "lognormal:128:0.5", median and
    standard deviation of the logarithm; "trace".

    Raises:
        ValueError: with what is wrong and how it is written.
    """
    shown = f"'{text.strip()[:60]}'"
    kind, *numbers = text.strip().split(":")
    if kind == "trace" and not numbers:
        return Length("trace")
    if not numbers and _NUMBER.fullmatch(kind):
        length = Length("fixed", float(kind))
    elif len(numbers) != 2 or not all(map(_NUMBER.fullmatch, numbers)):
        raise ValueError(f"{shown} is not a length; {_HOW}")
    elif kind not in _DISTRIBUTIONS:
        raise ValueError(f"{shown} names no distribution that is known; {_HOW}")
    else:
        length = Length(_DISTRIBUTIONS[kind], float(numbers[0]), float(numbers[1]))
    _check(length, shown)
    return length


def _check(length: Length, shown: str) -> None:
    """Raise ValueError when a length can be read but makes no sense."""
    whole = {"fixed": (length.first,), "uniform": (length.first, length.second)}.get(length.kind, ())
    if not all(value.is_integer() for value in whole):
        raise ValueError(f"{shown} is not in whole tokens; {_HOW}")
    if length.first < 1:
        raise ValueError(f"{shown} is less than one token; a length is at least 1")
    if length.kind == "uniform" and length.second < length.first:
        raise ValueError(f"{shown} ends before it begins; write the lower number first, uniform:64:256")
    if length._span()[1] > MAX_LENGTH_TOKENS:
        clip = "" if whole else f" (it is clipped at {CLIP_DEVIATIONS:g} standard deviations)"
        raise ValueError(f"{shown} can be longer than {MAX_LENGTH_TOKENS} tokens{clip}; write smaller numbers")


def _plain(value: float) -> str:
    """The shortest decimal that reads as the same float, without an exponent."""
    return np.format_float_positional(value, trim="-")
