"""Energy over a window from the meters among the telemetry: a counter where a device has one, else its power over time.

The interval is that of sampling only: of readings that come now and then. How exact the meter itself is its maker knows (NVIDIA
tells ±5 % of most cards), and meters of different makers measure different things: they are never compared.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.student import student_quantile
from profiler.analysis.window import Window
from profiler.records.energy_settings import WallCalibration
from profiler.records.power_meter import COUNTER_SUFFIX, POWER_SUFFIX, IdlePower, counted_meters, meter_name
from profiler.records.timing import Samples

EDGE_TOLERANCE_NS = 1_000_000_000
"""Readings must reach this close to both ends of the window, and a quarter of it: else the meter fell silent."""

LONGEST_GAP_NS = 2_000_000_000
"""Between two readings of power; a counter misses nothing in between."""

JOULES_PER_KWH = 3.6e6
_CONFIDENCE = 0.95
_MOST_DEGREES = 300  # from there on Student's t is the normal distribution within half a percent


@dataclass(frozen=True, slots=True)
class Joules:
    """An energy with the interval of its sampling error; the bounds are None when too few readings tell one."""

    joules: float
    low: float | None
    high: float | None

    def scaled(self, factor: float) -> "Joules":
        """Each times a factor: a share of it, or a calibration (`wall_factor`)."""
        low, high = (None if bound is None else bound * factor for bound in (self.low, self.high))
        return Joules(self.joules * factor, low, high)

    def plus(self, joules: float) -> "Joules":
        """With so much more, known exactly."""
        low, high = (None if bound is None else bound + joules for bound in (self.low, self.high))
        return Joules(self.joules + joules, low, high)


@dataclass(frozen=True, slots=True)
class Energy:
    """What was spent in a window.

    Attributes:
        gross: all that the meters counted.
        net: without what they showed at idle; None when one of them was not read then. Noise may bring it below zero.
        meters: which were added up.
    """

    gross: Joules
    net: Joules | None
    meters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """Joules for each output token, each token (prompt tokens that were evaluated, and output) and each completed request."""

    per_output_token: Joules | None
    per_token: Joules | None
    per_request: Joules | None


@dataclass(frozen=True, slots=True)
class _Part:
    """One meter's joules; the truth lies `below` to `above` of it for certain, and besides within a normal error."""

    joules: float
    below: float
    above: float
    error: float  # half a 95 % interval; NaN when unknown


def energy(samples: Samples, window: Window, idle: IdlePower | None = None) -> Energy | None:
    """The energy of a window; None when no meter measured it, or one that was read in this run did not measure all of it.

    A meter that gave no reading in the whole run is left out, as `Energy.meters` shows.

    Args:
        samples: the run's.
        window: of which the energy is asked.
        idle: what the meters showed before, to be subtracted.
    """
    read, measured = set(), {}
    for suffix in (COUNTER_SUFFIX, POWER_SUFFIX):  # counters are preferred, and come first among meters of the same thing
        for channel, column in samples.channels.items():
            name = meter_name(channel)
            if name is None or not channel.endswith(suffix) or name in measured:
                continue
            is_read = np.isfinite(column)
            if is_read.any():
                read.add(name)
            measure = _counted if suffix == COUNTER_SUFFIX else _integrated
            part = measure(samples.times_ns[is_read], column[is_read], window)
            if part is not None:
                measured[name] = part
    meters = counted_meters([*measured, *sorted(read - measured.keys())])
    if not meters or not measured.keys() >= set(meters):
        return None
    gross = _sum([measured[name] for name in meters])
    if idle is None or not idle.draws.keys() >= set(meters):
        return Energy(gross, None, meters)
    duration_s = (window.end_ns - window.start_ns) / 1e9
    return Energy(gross, _sum([*(measured[name] for name in meters), *_idle_parts(idle, meters, duration_s)]), meters)


def energy_j(samples: Samples, window: Window) -> float | None:
    """Gross energy over the window in joules, None when it was not measured."""
    found = energy(samples, window)
    return found.gross.joules if found else None


def tokens_per_joule(output_tokens: int, joules: float | None) -> float | None:
    """Output tokens stamped in a window for each joule spent in it; None without a meter or when it did not move."""
    return output_tokens / joules if joules else None


def shares(joules: Joules, *, output_tokens: int, prompt_tokens: int, requests: int) -> Shares:
    """An energy by what was done with it; None where nothing was done."""
    counts = (output_tokens, output_tokens + prompt_tokens, requests)
    return Shares(*(joules.scaled(1 / count) if count else None for count in counts))


def cost_per_million_tokens(joules_per_token: Joules, price_per_kwh: float) -> Joules:
    """What a million tokens cost, in the currency of the price; the interval with it (not joules then, but scaled like them)."""
    return joules_per_token.scaled(1e6 / JOULES_PER_KWH * price_per_kwh)


def wall_factor(wall_j: float, metered_j: float) -> float:
    """By how much a meter at the wall shows more than the machine's own meters over the same time, for `Joules.scaled`.

    Raises:
        ValueError: one of the readings is not above zero.
    """
    if not (wall_j > 0 and metered_j > 0 and math.isfinite(wall_j / metered_j)):
        raise ValueError("a calibration needs two energies above zero")
    return wall_j / metered_j


def wall_calibration(
    meters: tuple[str, ...],
    *,
    wall_watts: float,
    metered_watts: float,
    wall_idle_watts: float | None = None,
    metered_idle_watts: float | None = None,
) -> WallCalibration:
    """From readings of a meter at the wall while something ran and, better, at rest, beside the machine's own at these times.

    Two points make a line, so that what no meter counts (mainboard, fans, main memory) is told apart from what rises with the
    work. From one point it is a mere factor (`wall_factor`), and the rest seems to rise with the work.

    Raises:
        ValueError: in a sentence: the readings contradict each other.
    """
    if wall_idle_watts is None or metered_idle_watts is None:
        return WallCalibration(meters, wall_factor(wall_watts, metered_watts))
    if not 0 <= wall_idle_watts < wall_watts:
        raise ValueError("The meter at the wall must show more while something runs than at rest.")
    if metered_idle_watts >= metered_watts:
        raise ValueError("The machine's own meters showed no more in this cell than at rest: choose one with more load.")
    factor = (wall_watts - wall_idle_watts) / (metered_watts - metered_idle_watts)
    rest_watts = wall_idle_watts - factor * metered_idle_watts
    if rest_watts < 0:
        raise ValueError("By these readings the meter at the wall would show less at rest than the machine's own meters.")
    return WallCalibration(meters, factor, rest_watts)


def at_the_wall(metered: Energy, calibration: WallCalibration, duration_s: float) -> Energy | None:
    """What a meter at the wall would have counted; None when the calibration is of other meters. Its own error is not known."""
    if set(calibration.meters) != set(metered.meters):
        return None
    gross = metered.gross.scaled(calibration.factor).plus(calibration.rest_watts * duration_s)
    return Energy(gross, metered.net.scaled(calibration.factor) if metered.net else None, metered.meters)


def _sum(parts: list[_Part]) -> Joules:
    total = sum(part.joules for part in parts)
    error = math.sqrt(sum(part.error**2 for part in parts))
    if math.isnan(error):
        return Joules(total, None, None)
    return Joules(total, total - sum(part.below for part in parts) - error, total + sum(part.above for part in parts) + error)


def _idle_parts(idle: IdlePower, meters: tuple[str, ...], duration_s: float) -> list[_Part]:
    """Negative: to be added to what the meters counted."""
    parts = []
    for name in meters:
        draw = idle.draws[name]
        error = math.nan if draw.error_watts is None else _quantile(draw.degrees) * draw.error_watts * duration_s
        parts.append(_Part(-draw.watts * duration_s, 0, 0, error))
    return parts


def _reaches(times_ns: NDArray[np.int64], window: Window) -> bool:
    """Whether there are readings close enough to both ends."""
    tolerance_ns = min(EDGE_TOLERANCE_NS, (window.end_ns - window.start_ns) / 4)
    return (
        len(times_ns) >= 2
        and window.end_ns > window.start_ns
        and bool(times_ns[0] <= window.start_ns + tolerance_ns)
        and bool(times_ns[-1] >= window.end_ns - tolerance_ns)
    )


def _counted(times_ns: NDArray[np.int64], joules: NDArray[np.float64], window: Window) -> _Part | None:
    """The counter's difference between the window's ends, by linear interpolation.

    A counter never falls, so at an end it lies between the readings before and after it: these bound the difference. Where the
    window reaches beyond the readings, their mean power goes on; at least nothing, at most the highest power seen, was spent
    there.
    """
    if not _reaches(times_ns, window) or (np.diff(joules) < 0).any():  # a counter that fell began anew
        return None
    first_ns, last_ns = int(times_ns[0]), int(times_ns[-1])
    start_ns, end_ns = max(window.start_ns, first_ns), min(window.end_ns, last_ns)
    covered = float(np.diff(np.interp([start_ns, end_ns], times_ns, joules))[0])
    before_start = int(np.searchsorted(times_ns, start_ns, side="right")) - 1
    after_start = int(np.searchsorted(times_ns, start_ns))
    before_end = int(np.searchsorted(times_ns, end_ns, side="right")) - 1
    after_end = int(np.searchsorted(times_ns, end_ns))
    least = max(0.0, float(joules[before_end] - joules[after_start]))
    most = float(joules[after_end] - joules[before_start])
    beyond_s = (window.end_ns - window.start_ns - (end_ns - start_ns)) / 1e9
    beyond = covered / ((end_ns - start_ns) / 1e9) * beyond_s
    highest_watts = float(np.max(np.diff(joules) / (np.diff(times_ns) / 1e9)))
    total = covered + beyond
    return _Part(total, total - least, max(most + highest_watts * beyond_s, total) - total, 0.0)


def _integrated(times_ns: NDArray[np.int64], watts: NDArray[np.float64], window: Window) -> _Part | None:
    """Power over time by trapezoids; beyond the readings the nearest goes on.

    The sum is linear in the readings: `Σ w·P`. With the scatter σ of a reading about the slow course of the power, estimated
    from successive differences (von Neumann: σ² = Σ(ΔP)² / 2(n - 1)), its standard error is `σ·√Σw²`. A load that swings faster
    than it is sampled shows as scatter; one that swings in step with the sampling would not.
    """
    if not _reaches(times_ns, window):
        return None
    is_inside = (times_ns > window.start_ns) & (times_ns < window.end_ns)
    instants_ns = np.concatenate(([window.start_ns], times_ns[is_inside], [window.end_ns]))
    nearest_ns = np.clip(instants_ns, times_ns[0], times_ns[-1])
    if _longest_gap_ns(times_ns, window) > LONGEST_GAP_NS:
        return None
    readings = np.interp(nearest_ns, times_ns, watts)
    spans_s = np.diff(instants_ns) / 1e9
    instant_weights_s = np.concatenate((spans_s, [0.0])) / 2 + np.concatenate(([0.0], spans_s)) / 2
    joules = float(instant_weights_s @ readings)
    # An end between two readings hands its weight to both.
    right = np.clip(np.searchsorted(times_ns, nearest_ns), 1, len(times_ns) - 1)
    share = (nearest_ns - times_ns[right - 1]) / (times_ns[right] - times_ns[right - 1])
    weights_s = np.bincount(right, instant_weights_s * share, len(times_ns))
    weights_s += np.bincount(right - 1, instant_weights_s * (1 - share), len(times_ns))
    used = watts[weights_s > 0]
    if len(used) < 3:
        return _Part(joules, 0, 0, math.nan)
    scatter = math.sqrt(float(np.sum(np.diff(used) ** 2)) / (2 * (len(used) - 1)))
    return _Part(joules, 0, 0, _quantile(len(used) - 1) * scatter * math.sqrt(float(np.sum(weights_s**2))))


def _longest_gap_ns(times_ns: NDArray[np.int64], window: Window) -> int:
    is_within = (times_ns[1:] > window.start_ns) & (times_ns[:-1] < window.end_ns)
    gaps_ns = np.diff(times_ns)[is_within]
    return int(gaps_ns.max()) if len(gaps_ns) else 0


def _quantile(degrees: int) -> float:
    return student_quantile((1 + _CONFIDENCE) / 2, min(degrees, _MOST_DEGREES))
