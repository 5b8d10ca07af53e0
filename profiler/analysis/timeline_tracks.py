"""What is drawn beneath a timeline's lanes: what each step took, what the KV cache held, and what was sampled, over time."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.bandwidth import step_bytes
from profiler.records.power_meter import POWER_SUFFIX
from profiler.records.run_record import StepCosts
from profiler.records.timing import RunData, Samples

Instants = NDArray[np.int64]
Values = NDArray[np.float64]

_CORE_CLOCK = "cpu_frequency_mhz_"
_GPU_CLOCK = "_clock_mhz"


@dataclass(frozen=True, slots=True)
class Track:
    """A quantity that is constant over stretches of time.

    Attributes:
        name: in words.
        unit: empty where the name tells it.
        start_ns, end_ns: of the stretches, rising, without overlap.
        values: over each of them.
        is_zero_between: between the stretches it is 0; otherwise it is not known there.
    """

    name: str
    unit: str
    start_ns: Instants
    end_ns: Instants
    values: Values
    is_zero_between: bool
    _integral: Values = field(init=False, repr=False)
    _covered_ns: Values = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lasted = (self.end_ns - self.start_ns).astype(np.float64)
        object.__setattr__(self, "_integral", np.concatenate(([0.0], np.cumsum(self.values * lasted))))
        object.__setattr__(self, "_covered_ns", np.concatenate(([0.0], np.cumsum(lasted))))

    @property
    def highest(self) -> float:
        """Of all its values; 0 without any."""
        return float(self.values.max(initial=0.0))

    def means(self, edges_ns: Instants) -> Values:
        """Its mean over the time between each of these edges and the next; NaN where nothing is known."""
        number = np.searchsorted(self.end_ns, edges_ns, side="right")
        under_way = np.minimum(number, len(self.end_ns) - 1)
        within = np.where(number < len(self.end_ns), np.maximum(edges_ns - self.start_ns[under_way], 0), 0)
        amounts = np.diff(self._integral[number] + within * self.values[under_way])
        known = np.diff(edges_ns).astype(np.float64) if self.is_zero_between else np.diff(self._covered_ns[number] + within)
        means: Values = np.full(len(amounts), np.nan)
        np.divide(amounts, known, out=means, where=known > 0)
        return means

    def at(self, instant_ns: int) -> float | None:
        """Its value then; None where it is not known."""
        number = int(np.searchsorted(self.end_ns, instant_ns, side="right"))
        if number < len(self.end_ns) and self.start_ns[number] <= instant_ns:
            return float(self.values[number])
        return 0.0 if self.is_zero_between else None


def tracks(data: RunData, kv_cells: int | None, costs: StepCosts | None) -> tuple[Track, ...]:
    """Those that a run has something of.

    Args:
        data: its rows.
        kv_cells: that were allocated, None where that is not known: then they are counted.
        costs: what a step reads; None leaves out the bandwidth.
    """
    return (*_step_tracks(data.steps, kv_cells, costs), *_sample_tracks(data.samples))


def _step_tracks(steps: NDArray[Any], kv_cells: int | None, costs: StepCosts | None) -> list[Track]:
    if not len(steps):
        return []
    end = np.maximum.accumulate(steps["end_ns"])
    start = np.minimum(np.maximum(steps["start_ns"], np.concatenate(([np.iinfo(np.int64).min], end[:-1]))), end)
    lasted = np.maximum(end - start, 1)
    used = steps["kv_used_cells"].astype(np.float64)
    made = [
        Track("batch", "sequences", start, end, steps["sequences"].astype(np.float64), is_zero_between=True),
        Track("prompt", "tok/step", start, end, steps["prefill_tokens"].astype(np.float64), is_zero_between=True),
        Track("decode", "tok/step", start, end, steps["decode_tokens"].astype(np.float64), is_zero_between=True),
        # What is held after a step is held until the end of the next.
        Track(
            "KV cache",
            "%" if kv_cells else "cells",
            np.concatenate(([start[0]], end[:-1])),
            end,
            np.concatenate(([0.0], used[:-1])) * (100 / kv_cells if kv_cells else 1),
            is_zero_between=False,
        ),
    ]
    if costs is not None:
        made.append(Track("read", "GB/s", start, end, step_bytes(steps, costs) / lasted, is_zero_between=True))
    return made


def _sample_tracks(samples: Samples) -> list[Track]:
    """Power by meter, clocks by device, the mean of the processor's cores."""
    cores = [column for name, column in samples.channels.items() if name.startswith(_CORE_CLOCK)]
    found = [
        (name.removesuffix(POWER_SUFFIX).replace("_", " ") + " power", "W", column)
        for name, column in samples.channels.items()
        if name.endswith(POWER_SUFFIX)
    ]
    if cores:
        counted = np.sum(np.isfinite(cores), axis=0)
        total = np.nansum(cores, axis=0)
        mean = np.divide(total, counted, out=np.full(len(total), np.nan), where=counted > 0)
        found.append(("processor clock", "MHz", mean))
    found += [
        (name.removesuffix(_GPU_CLOCK).replace("_", " ") + " clock", "MHz", column)
        for name, column in samples.channels.items()
        if name.endswith(_GPU_CLOCK)
    ]
    made = [_sampled(name, unit, samples.times_ns, column) for name, unit, column in found]
    return [each for each in made if each is not None]


def _sampled(name: str, unit: str, times_ns: Instants, column: Values) -> Track | None:
    """A reading holds until the next sample, whether that one succeeds or not; None with less than two samples."""
    if len(times_ns) < 2 or not np.all(np.diff(times_ns) >= 0):
        return None
    is_read = np.isfinite(column[:-1])
    if not is_read.any():
        return None
    return Track(name, unit, times_ns[:-1][is_read], times_ns[1:][is_read], column[:-1][is_read], is_zero_between=False)
