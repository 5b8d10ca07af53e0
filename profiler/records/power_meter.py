"""Meters of power and energy among the channels of telemetry, and what they showed while the machine idled.

A meter's channel is its name with one of two endings: a counter in joules, or power in watts. Names ending in "_machine" are of
the whole machine (a battery, the mainboard's supply), names ending in "_package" of a processor with all that is in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

COUNTER_SUFFIX = "_energy_joules"  # rises only
POWER_SUFFIX = "_power_watts"

_MACHINE, _PACKAGE = "_machine", "_package"


@dataclass(frozen=True, slots=True)
class IdleDraw:
    """What one meter showed while nothing ran.

    Attributes:
        watts: mean over the time.
        error_watts: standard error of that mean; None when the time was too short to tell.
        degrees: of freedom of that error.
    """

    watts: float
    error_watts: float | None
    degrees: int = 1


@dataclass(frozen=True, slots=True)
class IdlePower:
    """What the meters showed before a sweep, while nothing ran.

    Attributes:
        draws: by the meter's name.
        duration_s: how long it was looked at.
    """

    draws: dict[str, IdleDraw] = field(default_factory=dict)
    duration_s: float = 0.0


def meter_name(channel: str) -> str | None:
    """The meter whose channel this is; None for all other channels."""
    for suffix in (COUNTER_SUFFIX, POWER_SUFFIX):
        if channel.endswith(suffix):
            return channel.removesuffix(suffix)
    return None


def counted_meters(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the meters that may be added up, in their order, because no two measure the same.

    Devices count, and the whole machine's meter only where no device has one: it holds what they do. A package's meter of
    another source than the first counts no more: it would be the same chip, told by its graphics' driver.
    """
    names = tuple(dict.fromkeys(names))
    devices = [name for name in names if not name.endswith(_MACHINE)]
    if not devices:
        return names[:1]
    packages = [name for name in devices if name.endswith(_PACKAGE)]
    source = _source(packages[0]) if packages else ""
    return tuple(name for name in devices if not name.endswith(_PACKAGE) or _source(name) == source)


def _source(name: str) -> str:
    """The source in a meter's name: "rapl" of "rapl0_package"."""
    return name.partition("_")[0].rstrip("0123456789")
