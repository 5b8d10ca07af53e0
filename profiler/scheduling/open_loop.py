"""Due times of the open loop: arrivals by a clock that does not care how busy the system is.

One idea makes all of them: gaps of unit rate, added up, and mapped through the inverse of the integrated rate Λ(t). A Poisson
process of unit rate so mapped is a Poisson process of that rate (Çinlar's inversion); equal gaps make the constant kind and
gamma gaps the bursty one. Nothing is measured here, and nothing waits.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from profiler.records.specification import RequestClass
from profiler.scheduling.arrivals import ns_of
from profiler.scheduling.trace import Trace

DEFAULT_DURATION_S = 30.0
"""How long an open loop sends when neither a duration nor a number of requests is given."""

MAX_ARRIVALS = 10_000_000

_CHUNK = 65_536  # gaps are drawn in equal chunks, so that a longer run begins exactly like a shorter one
_MAX_NS = 2**62

Floats = NDArray[np.float64]


def horizon_s_of(request_class: RequestClass) -> float:
    """Where the class's sending ends on the run's clock, and its ramp is complete: its duration, else DEFAULT_DURATION_S on."""
    if request_class.duration_s is not None:
        return request_class.duration_s
    return request_class.start_s + DEFAULT_DURATION_S


def rate_s_at(request_class: RequestClass, times_s: Floats, horizon_s: float) -> Floats:
    """Arrivals a second at each time (seconds since the run's origin), as the class means them: 0 before its start.

    Where a limit ends the sending is not looked at.

    Raises:
        ValueError: the class has no rate (closed, offline, trace), or an incomplete one.
    """
    since_s = np.asarray(times_s, np.float64) - request_class.start_s
    rates = _Rate.of(request_class, horizon_s).at(np.maximum(since_s, 0.0))
    return np.where(since_s < 0, 0.0, rates)


def due_times_ns(request_class: RequestClass, seed: int, horizon_s: float, trace: Trace | None = None) -> NDArray[np.int64]:
    """When the class's requests (its conversations' first turns) are due, rising, in nanoseconds since the run's origin.

    They begin at `start_s`; bursts, spikes and ramps count from there. None is due at or after `duration_s`, and there are no
    more than `requests`; with neither, `horizon_s` ends them (a trace is then replayed whole). With `requests` only, there are
    as many as asked, however long they take.

    Constant arrivals begin at `start_s` itself, so that a run needs no empty first gap; the others begin with a random gap.

    Args:
        request_class: of an open-loop arrival.
        seed: the same gives the same times; a longer run begins with a shorter one's times (but a ramp, which is stretched).
        horizon_s: see `horizon_s_of`.
        trace: what the arrival "trace" replays.

    Raises:
        ValueError: something that the arrival needs is missing, the arrivals would be too many, or never be complete.
    """
    start_ns = ns_of(request_class.start_s)
    end_s = request_class.duration_s
    if request_class.arrival == "trace":
        since_s = _replayed_s(request_class, trace)
    else:
        if end_s is None and request_class.requests is None:
            end_s = horizon_s
        since_s = _generated_s(request_class, seed, horizon_s, end_s)
    if len(since_s) and start_ns + since_s[-1] * 1e9 > _MAX_NS:
        raise ValueError("the last request would be due in more than a hundred years; raise the rate or ask for fewer requests")
    due_ns = start_ns + np.rint(since_s * 1e9).astype(np.int64)
    return due_ns if end_s is None else due_ns[: np.searchsorted(due_ns, ns_of(end_s))]


def _replayed_s(request_class: RequestClass, trace: Trace | None) -> Floats:
    """The trace's times on the class's clock, at most `requests` of them."""
    if trace is None or request_class.trace is None:
        raise ValueError("arrivals by a trace need the trace that is replayed")
    return trace.times_s[: request_class.requests] * request_class.trace.time_scale


def _generated_s(request_class: RequestClass, seed: int, horizon_s: float, end_s: float | None) -> Floats:
    """Due times in seconds since the class's start, before `end_s` of the run's clock, at most `requests` of them."""
    rate = _Rate.of(request_class, horizon_s)
    requests = request_class.requests
    if end_s is not None:
        mass = float(rate.integrated(np.array([max(0.0, end_s - request_class.start_s)]))[0])
        expected = mass if requests is None else min(mass, requests)
        told = f"{rate.highest:g} a second for {end_s:g} s"
    elif rate.is_zero_in_the_end:
        raise ValueError(f"at a rate of 0 in the end, {requests} requests may never come; give a duration")
    else:
        assert requests is not None
        mass, expected = np.inf, requests
        told = f"{requests} requests"
    if not expected <= MAX_ARRIVALS:
        raise ValueError(f"{told} make more than {MAX_ARRIVALS} arrivals; lower the rate or the duration")
    units = _unit_times(request_class, seed, mass, MAX_ARRIVALS + 1 if requests is None else requests)
    if len(units) > MAX_ARRIVALS:
        raise ValueError(f"{told} make more than {MAX_ARRIVALS} arrivals; lower the rate or the duration")
    return rate.inverse(units)


def _unit_times(request_class: RequestClass, seed: int, mass: float, most: int) -> Floats:
    """Arrivals of unit rate in [0, mass), at most `most`."""
    generator = np.random.default_rng(seed)
    shape = request_class.burstiness
    if request_class.arrival == "gamma" and not shape > 0:
        raise ValueError(f"burstiness {shape:g} is not above 0; 1 is Poisson, less comes in clumps, more evenly")
    chunks: list[Floats] = []
    count, reached = 0, 0.0
    while count < most and reached < mass:
        if request_class.arrival == "constant":
            times = np.arange(count, count + _CHUNK, dtype=np.float64)
        elif request_class.arrival == "gamma":
            times = reached + np.cumsum(generator.gamma(shape, 1.0 / shape, _CHUNK))
        else:
            times = reached + np.cumsum(generator.standard_exponential(_CHUNK))
        reached = float(times[-1])
        chunks.append(times)
        count += _CHUNK
    times = np.concatenate(chunks) if chunks else np.empty(0)
    return times[: min(most, int(np.searchsorted(times, mass)))]


@dataclass(frozen=True, slots=True)
class _Rate:
    """A rate over time since the class's start: pieces that are each constant or linear.

    Attributes:
        edges_s: where the pieces begin, the first at 0; the last has no end but the period's.
        rates: arrivals a second where each piece begins.
        slopes: its change a second; 0 in the last piece.
        period_s: after which all repeats, None when it does not.
        masses: Λ at the edges.
        mass_per_period: Λ over one period.
    """

    edges_s: Floats
    rates: Floats
    slopes: Floats
    period_s: float | None
    masses: Floats = field(init=False)
    mass_per_period: float = field(init=False)

    def __post_init__(self) -> None:
        widths = np.diff(self.edges_s)
        areas = self.rates[:-1] * widths + self.slopes[:-1] * widths**2 / 2
        object.__setattr__(self, "masses", np.concatenate(([0.0], np.cumsum(areas))))
        last = 0.0 if self.period_s is None else float(self.rates[-1]) * (self.period_s - float(self.edges_s[-1]))
        object.__setattr__(self, "mass_per_period", float(self.masses[-1]) + last)

    @classmethod
    def of(cls, request_class: RequestClass, horizon_s: float) -> Self:
        """The rate of a class; raises ValueError when it has none, or an incomplete one."""
        arrival = request_class.arrival
        if arrival not in ("constant", "poisson", "gamma", "burst", "spike", "ramp"):
            raise ValueError(f"arrivals of the kind '{arrival}' have no rate of their own")
        rate = _given(request_class, "rate_s")
        if arrival == "burst":
            on_s, off_s = _given(request_class, "burst_on_s"), _given(request_class, "burst_off_s")
            if on_s + off_s == 0:
                raise ValueError("a burst needs burst_on_s or burst_off_s above 0")
            is_between_two = request_class.rate_to_s is not None
            on, off = (_given(request_class, "rate_to_s"), rate) if is_between_two else (rate, 0.0)
            return cls(np.array([0.0, on_s]), np.array([on, off]), np.zeros(2), on_s + off_s)
        if arrival == "spike":
            at_s, for_s = _given(request_class, "spike_at_s"), _given(request_class, "spike_for_s")
            rates = np.array([rate, _given(request_class, "rate_to_s"), rate])
            return cls(np.array([0.0, at_s, at_s + for_s]), rates, np.zeros(3), None)
        if arrival == "ramp":
            to, length_s = _given(request_class, "rate_to_s"), horizon_s - request_class.start_s
            if ns_of(length_s) > 0:  # a shorter one would be steeper than a number can tell
                slopes = np.array([(to - rate) / length_s, 0.0])
                return cls(np.array([0.0, length_s]), np.array([rate, to]), slopes, None)
            rate = to  # it starts after its ramp's end
        return cls(np.zeros(1), np.array([rate]), np.zeros(1), None)

    @property
    def highest(self) -> float:
        """The highest rate there is."""
        return float(self.rates.max())

    @property
    def is_zero_in_the_end(self) -> bool:
        """Λ is bounded: from some time on nothing comes any more."""
        return bool(self.rates[-1] == 0) if self.period_s is None else self.mass_per_period == 0

    def at(self, since_s: Floats) -> Floats:
        """The rate at each time, in arrivals a second."""
        _, within_s = self._periods(since_s, self.period_s)
        piece = np.searchsorted(self.edges_s, within_s, side="right") - 1
        return self.rates[piece] + self.slopes[piece] * (within_s - self.edges_s[piece])

    def integrated(self, since_s: Floats) -> Floats:
        """Λ: the arrivals expected until each time."""
        periods, within_s = self._periods(since_s, self.period_s)
        piece = np.searchsorted(self.edges_s, within_s, side="right") - 1
        past_s = within_s - self.edges_s[piece]
        area = self.rates[piece] * past_s + self.slopes[piece] * past_s**2 / 2
        expected: Floats = periods * self.mass_per_period + self.masses[piece] + area
        return expected

    def inverse(self, masses: Floats) -> Floats:
        """The times at which Λ reaches `masses`, each of them below Λ's limit.

        Within a piece `rate·x + slope·x²/2 = m` is solved as `x = 2m / (rate + sqrt(rate² + 2·slope·m))`, which holds for a slope
        of 0 too and loses no digits near it. A piece with no rate is never chosen: the next one begins with the same Λ.
        """
        if len(self.edges_s) == 1:
            return masses / float(self.rates[0])
        periods, within = self._periods(masses, None if self.period_s is None else self.mass_per_period)
        piece = np.searchsorted(self.masses, within, side="right") - 1
        left, rate = within - self.masses[piece], self.rates[piece]
        root = rate + np.sqrt(np.maximum(rate**2 + 2 * self.slopes[piece] * left, 0.0))
        # A ramp from 0 has no rate at its very beginning, where nothing is left either.
        since_s: Floats = self.edges_s[piece] + 2 * left / np.where(root > 0, root, 1.0)
        if self.period_s is not None:
            since_s += periods * self.period_s
        return since_s

    @staticmethod
    def _periods(values: Floats, period: float | None) -> tuple[Floats, Floats]:
        """Whole periods in each value, and the rest."""
        return (np.zeros_like(values), values) if period is None else np.divmod(values, period)


def _given(request_class: RequestClass, name: str) -> float:
    """A number that the kind of arrival needs, finite and not negative; raises ValueError."""
    value: float | None = getattr(request_class, name)
    if value is None:
        raise ValueError(f"arrivals of the kind '{request_class.arrival}' need {name}")
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} is {value:g}, where a number from 0 on is expected")
    return float(value)
