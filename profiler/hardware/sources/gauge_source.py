"""What all sources have in common that only read gauges: they are there when a gauge is, and tell why the others are not."""

from typing import Protocol

from profiler.records.fingerprint import TelemetrySource


class Readings(Protocol):
    """Gauges together: `gauges.Gauges`, or those of several cards, `drm_card.CardReadings`."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Of those that can be read."""

    def read(self) -> dict[str, float]:
        """Raises ReadingFailed with what could still be read."""

    def close(self) -> None:
        """Close all files."""


class GaugeSource:
    """A `Source` of gauges. Subclasses find them when they are made.

    Args:
        name: of the source.
        readings: its gauges.
        reason: what cannot be read and why, empty when there is nothing to say.
    """

    def __init__(self, name: str, readings: Readings, reason: str) -> None:
        self._name, self._readings, self._reason = name, readings, reason

    @property
    def told(self) -> TelemetrySource:
        """There when anything can be read."""
        return TelemetrySource(self._name, bool(self.channels), self._reason)

    @property
    def channels(self) -> tuple[str, ...]:
        """See Source."""
        return self._readings.channels

    def read(self) -> dict[str, float]:
        """See Source; raises ReadingFailed with what could still be read."""
        return self._readings.read()

    def close(self) -> None:
        """See Source."""
        self._readings.close()
