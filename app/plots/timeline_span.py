"""The stretch of time that a timeline shows: zooming, panning, its ticks. Pure: no widget is touched."""

import math
from dataclasses import dataclass

from app.plots.axis import round_step, tick_text

LEAST_NS = 10_000.0
"""No closer look: a token's step takes a hundred times as long."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant to a later one, in nanoseconds since the run's origin."""

    start_ns: float
    end_ns: float

    @property
    def length_ns(self) -> float:
        """Its length, above 0."""
        return self.end_ns - self.start_ns

    @property
    def ends(self) -> tuple[float, float]:
        """Both instants."""
        return self.start_ns, self.end_ns

    def zoomed(self, at_ns: float, factor: float, whole: "Span") -> "Span":
        """`factor` times as long, the instant `at_ns` in its place; never longer than the whole."""
        length = min(max(self.length_ns * factor, LEAST_NS), max(whole.length_ns, LEAST_NS))
        share = (at_ns - self.start_ns) / self.length_ns
        start = at_ns - share * length
        return Span(start, start + length).within(whole)

    def panned(self, by_ns: float, whole: "Span") -> "Span":
        """Later by so much, within the whole."""
        return Span(self.start_ns + by_ns, self.end_ns + by_ns).within(whole)

    def within(self, whole: "Span") -> "Span":
        """As long, moved so that it does not leave the whole, where it fits."""
        length = min(self.length_ns, max(whole.length_ns, LEAST_NS))
        start = min(max(self.start_ns, whole.start_ns), max(whole.end_ns - length, whole.start_ns))
        return Span(start, start + length)


def ticks(span: Span, most: int) -> list[tuple[float, str]]:
    """Round instants in a span and what they are called: seconds, or milliseconds and microseconds since a round second."""
    step_s = round_step(span.length_ns / 1e9, max(most, 1))
    first = math.ceil(span.start_ns / 1e9 / step_s - 1e-9)
    last = math.floor(span.end_ns / 1e9 / step_s + 1e-9)
    return [(number * step_s * 1e9, f"{tick_text(number * step_s, step_s)} s") for number in range(first, last + 1)]
