"""What the looks of a search say: how fast an arm is at a load, and whether it meets the limits there.

A look is one run, so a look's spread is not known from itself. Runs of one cell vary by about the same ratio in all cells: the
variance of logarithms is pooled over all cells with several looks, together with a first guess that counts as few looks.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from profiler.analysis.student import student_quantile

CONFIDENCE = 0.9
"""Of the intervals that the search decides by; the answer's own are the usual 95 %, from fresh runs."""

_FIRST_GUESS_LOOKS = 4
_FIRST_GUESS_SPEED = 0.05
_FIRST_GUESS_LIMIT = 0.15  # a run's p95 of few requests varies more than its throughput


class Verdict(StrEnum):
    """Whether the limits are met."""

    MEETS = "meets"
    BREAKS = "breaks"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Look:
    """One valid run.

    Attributes:
        speed: its output_tok_s; None when it made no tokens in its window.
        power: throughput over response time (Kleinrock), None without responses.
        limits: for each limit the figure over its threshold: 1 or less keeps it; infinite when it cannot be met here.
    """

    speed: float | None
    limits: tuple[float, ...] = ()
    power: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval."""

    low: float
    middle: float
    high: float


class Evidence:
    """All looks by (arm, place). Confirming looks replace the others of their place."""

    def __init__(self) -> None:
        self._looks: dict[tuple[int, int], list[Look]] = defaultdict(list)
        self._confirmed: set[tuple[int, int]] = set()
        self._short: dict[tuple[int, float], list[float]] = defaultdict(list)

    def add(self, arm: int, place: int, look: Look) -> None:
        """A run that took part in the choice has ended."""
        self._looks[arm, place].append(look)

    def confirm(self, arm: int, place: int, looks: Sequence[Look]) -> None:
        """Fresh runs are there: what was known of the place before is forgotten."""
        self._looks[arm, place] = list(looks)
        self._confirmed.add((arm, place))

    def add_short(self, arm: int, share: float, speed: float | None) -> None:
        """A run of a share of the load, at the highest load."""
        self._short[arm, share].append(speed or 0.0)

    def short_speed(self, arm: int, share: float) -> float | None:
        """The mean speed of an arm's short looks of that share; None without any."""
        speeds = self._short.get((arm, share))
        return sum(speeds) / len(speeds) if speeds else None

    def is_confirmed(self, arm: int, place: int) -> bool:
        """Whether the place has fresh runs."""
        return (arm, place) in self._confirmed

    def looks(self, arm: int, place: int) -> int:
        """How many there are."""
        return len(self._looks.get((arm, place), ()))

    def places(self, arm: int) -> list[int]:
        """Where the arm was looked at, rising."""
        return sorted(place for each, place in self._looks if each == arm and self._looks[each, place])

    def speed(self, arm: int, place: int) -> Estimate | None:
        """output_tok_s there."""
        return self._estimate([look.speed for look in self._looks[arm, place]], "speed", _FIRST_GUESS_SPEED)

    def power(self, arm: int, place: int) -> Estimate | None:
        """Throughput over response time there."""
        return self._estimate([look.power for look in self._looks[arm, place]], "power", _FIRST_GUESS_LIMIT)

    def verdict(self, arm: int, place: int) -> Verdict:
        """Whether the limits are met there, OPEN while an interval holds a threshold or nothing was seen."""
        verdicts = [_verdict(estimate) for estimate in self._limits(arm, place)]
        if not self.looks(arm, place) or None in verdicts:
            return Verdict.OPEN
        if Verdict.BREAKS in verdicts:
            return Verdict.BREAKS
        return Verdict.OPEN if Verdict.OPEN in verdicts else Verdict.MEETS

    def likely_meets(self, arm: int, place: int) -> bool:
        """Whether the middle of what was seen keeps every limit."""
        return self.looks(arm, place) > 0 and all(
            estimate is not None and estimate.middle <= 1 for estimate in self._limits(arm, place)
        )

    def _limits(self, arm: int, place: int) -> list[Estimate | None]:
        looks = self._looks[arm, place]
        count = len(looks[0].limits) if looks else 0
        return [
            self._estimate([look.limits[number] for look in looks], f"limit {number}", _FIRST_GUESS_LIMIT)
            for number in range(count)
        ]

    def _estimate(self, values: Sequence[float | None], figure: str, first_guess: float) -> Estimate | None:
        if not values or any(value is None for value in values):
            return None
        known = [value for value in values if value is not None]
        if any(math.isinf(value) for value in known):
            return Estimate(math.inf, math.inf, math.inf)
        if any(value <= 0 for value in known):
            return Estimate(0.0, sum(known) / len(known), math.inf)
        variance, degrees = self._pooled_variance(figure, first_guess)
        middle = sum(map(math.log, known)) / len(known)
        half = student_quantile(0.5 + CONFIDENCE / 2, degrees) * math.sqrt(variance / len(known))
        return Estimate(math.exp(middle - half), math.exp(middle), math.exp(middle + half))

    def _pooled_variance(self, figure: str, first_guess: float) -> tuple[float, int]:
        squares, degrees = _FIRST_GUESS_LOOKS * first_guess**2, _FIRST_GUESS_LOOKS
        for looks in self._looks.values():
            logs = [math.log(value) for look in looks if (value := _figure(look, figure)) is not None and 0 < value < math.inf]
            if len(logs) > 1:
                mean = sum(logs) / len(logs)
                squares += sum((value - mean) ** 2 for value in logs)
                degrees += len(logs) - 1
        return squares / degrees, degrees


def _figure(look: Look, figure: str) -> float | None:
    if figure.startswith("limit "):
        number = int(figure.removeprefix("limit "))
        return look.limits[number] if number < len(look.limits) else None
    return look.speed if figure == "speed" else look.power


def _verdict(estimate: Estimate | None) -> Verdict | None:
    if estimate is None:
        return None
    if estimate.high <= 1:
        return Verdict.MEETS
    return Verdict.BREAKS if estimate.low > 1 else Verdict.OPEN
