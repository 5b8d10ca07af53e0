"""What every source of readings offers, and how one says that readings failed."""

from typing import Protocol

from profiler.records.fingerprint import TelemetrySource


class ReadingFailed(Exception):
    """Some readings of this moment failed; the message says in a sentence which and why.

    Attributes:
        readings: those that did not fail.
    """

    def __init__(self, sentence: str, readings: dict[str, float] | None = None) -> None:
        super().__init__(sentence)
        self.readings = readings or {}


class Source(Protocol):
    """Reads a few channels. Made in one thread, then read in another; never in two at once.

    A source finds out when it is made what this machine offers. What is not offered is no channel, and `told` has the reason.
    """

    @property
    def told(self) -> TelemetrySource:
        """Its name, whether it can read anything, and what it cannot read, with the reason."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of what `read` gives, with their units; empty when it is not available."""

    def read(self) -> dict[str, float]:
        """The readings of this moment, NaN (or left out) where there is nothing to read; any exception means that it failed."""

    def close(self) -> None:
        """Give back what it holds; nothing is read afterwards."""
