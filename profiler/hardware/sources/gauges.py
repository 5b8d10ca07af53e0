"""Values read from files of Linux's kernel, each on its own: one that fails costs that value and no other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from profiler.hardware.sources.kernel_number import KernelNumber
from profiler.hardware.sources.source import ReadingFailed

_REFUSALS: dict[type[Exception], str] = {
    PermissionError: "the system does not let us read it",
    FileNotFoundError: "its file has gone",
    ValueError: "there is no number in its file",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """One channel.

    Attributes:
        read: the value now, NaN while there is none; raises OSError or ValueError when it cannot be read.
        close: gives back what it holds.
    """

    channel: str
    read: Callable[[], float]
    close: Callable[[], None]


def gauge(channel: str, path: Path, per_unit: float = 1) -> Gauge:
    """The number in a file, divided by how many of the file's units make one of the channel's."""
    number = KernelNumber(path)
    return Gauge(channel, lambda: number.read() / per_unit, number.close)


def first_there(channel: str, paths: Iterable[Path], per_unit: float = 1) -> list[Gauge]:
    """A gauge on the first of these files that exists, or none."""
    return [gauge(channel, path, per_unit) for path in paths if path.is_file()][:1]


class Gauges:
    """A list of them. Those that cannot be read at the beginning are left out, with the reason in `refusals`."""

    def __init__(self, wanted: Iterable[Gauge], *, are_tried: bool = True) -> None:
        """Try each, unless trying would disturb."""
        self.gauges: list[Gauge] = []
        self.refusals: dict[str, str] = {}  # reason by channel
        for one in wanted:
            try:
                if are_tried:
                    one.read()
            except (OSError, ValueError) as error:
                one.close()
                self.refusals[one.channel] = said(error)
            else:
                self.gauges.append(one)

    @property
    def channels(self) -> tuple[str, ...]:
        """Of those that can be read."""
        return tuple(one.channel for one in self.gauges)

    def read(self) -> dict[str, float]:
        """All values; raises ReadingFailed with those that could be read, naming the first that could not."""
        readings: dict[str, float] = {}
        failure = ""
        for one in self.gauges:
            try:
                readings[one.channel] = one.read()
            except (OSError, ValueError) as error:
                failure = failure or f"{one.channel} cannot be read any more: {said(error)}."
        if failure:
            raise ReadingFailed(failure, readings)
        return readings

    def close(self) -> None:
        """Close all files."""
        for one in self.gauges:
            one.close()


def said(error: Exception) -> str:
    """What happened, in the middle of a sentence."""
    for kind, words in _REFUSALS.items():
        if isinstance(error, kind):
            return words
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).rstrip(".")


def text(path: Path) -> str:
    """A file's text without the white space around it; empty when it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
