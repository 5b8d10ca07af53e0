"""What a run and a cell spent energy for: by output token, token and request, above idle, at the wall, and what it costs.

A cell's value is the median over its valid runs, as all its single figures are. So are the ends of its interval, which is
therefore the sampling error of one run; how far the runs differ from each other is another matter (`analysis.intervals`).
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from profiler.analysis import energy
from profiler.analysis.energy import Energy, Joules
from profiler.analysis.window import Window
from profiler.records.energy_settings import WallCalibration
from profiler.records.power_meter import IdlePower, meter_name
from profiler.records.timing import RequestStatus, RunData, Samples

METER_SOURCES = ("nvml", "amdgpu", "intel gpu", "rapl", "macmon", "power supply")
"""The sources of telemetry that may tell power or energy."""


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """One run's window.

    Attributes:
        spent: None when it was not measured.
        seconds: of the window.
        output_tokens: stamped in it.
        prompt_tokens: evaluated in steps that ended in it, cached ones not.
        requests: completed in it.
    """

    spent: Energy | None
    seconds: float
    output_tokens: int
    prompt_tokens: int
    requests: int


@dataclass(frozen=True, slots=True)
class Account:
    """Joules by what was done with them, and watts; None where nothing was done or it is not known."""

    watts: Joules
    per_output_token: Joules | None
    per_token: Joules | None
    per_request: Joules | None


@dataclass(frozen=True, slots=True)
class CellEnergy:
    """A cell's runs that were measured.

    Attributes:
        meters: which were added up.
        runs: how many.
        gross: all that the meters counted.
        net: without what they showed at idle; None when they were not read then.
        tokens_per_joule: output tokens for each joule of `gross`, which is the same as tok/s for each watt: speed per watt.
        idle_watts: what the meters showed at idle.
        wall, wall_net: as a meter at the wall would have counted; None without a calibration of these meters.
    """

    meters: tuple[str, ...]
    runs: int
    gross: Account
    net: Account | None
    tokens_per_joule: Joules | None
    idle_watts: float | None = None
    wall: Account | None = None
    wall_net: Account | None = None

    @property
    def costed(self) -> Account:
        """What is paid for: all that is drawn, at the wall where that is known."""
        return self.wall or self.gross


def run_energy(data: RunData, window: Window, idle: IdlePower | None) -> RunEnergy:
    """What one run spent in its window, and for what."""
    is_completed = data.requests["status"] == RequestStatus.COMPLETED
    steps = data.steps[window.stamped(data.steps["end_ns"])]
    return RunEnergy(
        energy.energy(data.samples, window, idle),
        (window.end_ns - window.start_ns) / 1e9,
        output_tokens=int(np.count_nonzero(window.stamped(data.tokens["time_ns"]))),
        prompt_tokens=int(steps["prefill_tokens"].sum(dtype=np.int64)),
        requests=int(np.count_nonzero(is_completed & window.stamped(data.requests["end_ns"]))),
    )


def cell_energy(
    runs: Sequence[RunEnergy], idle: IdlePower | None = None, calibration: WallCalibration | None = None
) -> CellEnergy | None:
    """A cell's account from its valid runs; None when no run was measured, or runs by different meters."""
    measured = [(run, run.spent) for run in runs if run.spent is not None]
    if not measured or len({spent.meters for _, spent in measured}) != 1:
        return None
    meters = measured[0][1].meters
    at_wall = [
        (run, wall)
        for run, spent in measured
        if calibration is not None and (wall := energy.at_the_wall(spent, calibration, run.seconds)) is not None
    ]
    return CellEnergy(
        meters,
        len(measured),
        gross=_account([(run, spent.gross) for run, spent in measured]),
        net=_net(measured),
        tokens_per_joule=_median([_inverse(spent.gross, run.output_tokens) for run, spent in measured]),
        idle_watts=sum(idle.draws[name].watts for name in meters) if idle and idle.draws.keys() >= set(meters) else None,
        wall=_account([(run, spent.gross) for run, spent in at_wall]) if at_wall else None,
        wall_net=_net(at_wall) if at_wall else None,
    )


def why_not_measured(samples: Samples | None, machine: Mapping[str, Any]) -> str:
    """Why a run's energy is not known, in sentences.

    Args:
        samples: some of the run's; None when there is no run.
        machine: the fingerprint's document, which has each source's reason.
    """
    meters = sorted({name for channel in (samples.channels if samples else ()) if (name := meter_name(channel)) is not None})
    if meters:
        return (
            f"The meters ({', '.join(meters)}) did not cover the measured window: their readings failed, or began too late in a "
            "run of a few seconds. Measure longer."
        )
    told = machine.get("telemetry")
    sources = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list | tuple) else []
    reasons = [
        str(one.get("reason")) for name in METER_SOURCES for one in sources if one.get("name") == name and one.get("reason")
    ]
    return " ".join(["No meter of power or energy could be read on this machine.", *reasons])


def _account(spent: Sequence[tuple[RunEnergy, Joules]]) -> Account:
    watts = _median([joules.scaled(1 / run.seconds) for run, joules in spent])
    assert watts is not None  # of at least one run
    shares = [
        energy.shares(joules, output_tokens=run.output_tokens, prompt_tokens=run.prompt_tokens, requests=run.requests)
        for run, joules in spent
    ]
    return Account(
        watts,
        _median([each.per_output_token for each in shares]),
        _median([each.per_token for each in shares]),
        _median([each.per_request for each in shares]),
    )


def _net(measured: Sequence[tuple[RunEnergy, Energy]]) -> Account | None:
    """Where every run has it."""
    spent = [(run, each.net) for run, each in measured if each.net is not None]
    return _account(spent) if len(spent) == len(measured) else None


def _median(values: Sequence[Joules | None]) -> Joules | None:
    """Of the runs that have one; ends only where all of these have them."""
    there = [value for value in values if value is not None]
    if not there:
        return None
    lows = [value.low for value in there if value.low is not None]
    highs = [value.high for value in there if value.high is not None]
    has_ends = len(lows) == len(highs) == len(there)
    return Joules(
        statistics.median(value.joules for value in there),
        statistics.median(lows) if has_ends else None,
        statistics.median(highs) if has_ends else None,
    )


def _inverse(joules: Joules, tokens: int) -> Joules | None:
    """Tokens for each joule; the ends change places. None when the meter did not move."""
    if joules.joules <= 0:
        return None
    has_ends = joules.low is not None and joules.low > 0 and joules.high is not None
    low, high = (tokens / joules.high, tokens / joules.low) if has_ends else (None, None)  # type: ignore[operator]
    return Joules(tokens / joules.joules, low, high)
