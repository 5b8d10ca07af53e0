"""The roofline: how near steps come to the machine's measured ceilings, and what therefore limits them (measurement.md §2).

A verdict is a claim to test: what it calls the limit must be what changes the speed when it is changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.analysis.bandwidth import fits_in_cache, is_pure_decode, is_pure_prefill, kv_bytes, step_flops, weight_bytes
from profiler.analysis.window import Window
from profiler.records.run_record import StepCosts
from profiler.units import bytes_text, percent_text

BOUND_FROM_PERCENT = 50.0
"""A step's share of a roof is the part of its time that it would need at that roof alone. From half on this is the larger part of
the step, whatever the rest is, and lifting that roof gains more than anything else. Below half under both roofs, most of the time
goes into neither."""


class Phase(StrEnum):
    """Which steps: those that only decode, or only prefill. Mixed steps belong to neither."""

    DECODE = "decode"
    PREFILL = "prefill"


class Verdict(StrEnum):
    """What limits a phase."""

    MEMORY = "memory-bound"
    COMPUTE = "compute-bound"
    OVERHEAD = "limited by kernel or overhead"
    CACHE = "fits in cache"  # near the memory's roof or above it, but partly served by the cache: the memory's part is not known


@dataclass(frozen=True, slots=True)
class Roofs:
    """The machine's ceilings, each None when it was not measured.

    Attributes:
        bandwidth_gb_s: measured peak of the memory that holds the weights, in 10^9 bytes a second.
        compute_gflop_s: measured peak of the device that computes, in 10^9 operations a second.
        last_level_cache_bytes: of that device.
        threads: whose roofs these are where so few of the processor's threads compute that the machine has more; else None.
        machine_bandwidth_gb_s: what all its threads read, where that is more; else None.
    """

    bandwidth_gb_s: float | None
    compute_gflop_s: float | None
    last_level_cache_bytes: int | None = None
    threads: int | None = None
    machine_bandwidth_gb_s: float | None = None

    @property
    def ridge(self) -> float | None:
        """The intensity where both roofs meet, in FLOPs a byte."""
        return self.compute_gflop_s / self.bandwidth_gb_s if self.bandwidth_gb_s and self.compute_gflop_s else None

    def of_threads(self, threads: int, by_threads: Mapping[int, float], compute_threads: int | None) -> "Roofs":
        """What so many threads of the processor can reach: a core reads and computes no faster because others idle.

        Args:
            threads: that compute.
            by_threads: measured bandwidth in 10^9 bytes a second by number of threads; between two of them it is interpolated,
                below the least and without any the roof stays.
            compute_threads: that the compute roof was measured with, of which each thread has an equal part; None: not known,
                and the roof stays.
        """
        found = self
        counts = sorted(by_threads)
        if self.bandwidth_gb_s is not None and counts and threads >= counts[0]:
            reached = float(np.interp(threads, counts, [by_threads[count] for count in counts]))
            if reached < self.bandwidth_gb_s:
                found = replace(found, bandwidth_gb_s=reached, threads=threads, machine_bandwidth_gb_s=self.bandwidth_gb_s)
        if self.compute_gflop_s is not None and compute_threads is not None and threads < compute_threads:
            found = replace(found, compute_gflop_s=self.compute_gflop_s * threads / compute_threads, threads=threads)
        return found


@dataclass(frozen=True, slots=True)
class Work:
    """What the steps of one phase did, all together.

    Attributes:
        weight_bytes, kv_bytes: what they had to read (`bandwidth.weight_bytes`, `kv_bytes`).
        flops: floating-point operations, None when the costs do not hold them.
    """

    phase: Phase
    steps: int
    step_ns: int
    weight_bytes: float
    kv_bytes: float
    flops: float | None

    @property
    def gb_s(self) -> float:
        """Achieved bandwidth in 10^9 bytes a second."""
        return (self.weight_bytes + self.kv_bytes) / self.step_ns

    @property
    def gflop_s(self) -> float | None:
        """Achieved rate in 10^9 operations a second."""
        return None if self.flops is None else self.flops / self.step_ns

    @property
    def intensity(self) -> float | None:
        """Operational intensity in FLOPs a byte."""
        read = self.weight_bytes + self.kv_bytes
        return None if self.flops is None or not read else self.flops / read

    @property
    def mean_step_bytes(self) -> float:
        """Bytes of a step."""
        return (self.weight_bytes + self.kv_bytes) / self.steps


@dataclass(frozen=True, slots=True)
class Place:
    """Where work lies under the roofs.

    Attributes:
        bandwidth_percent: of the memory's roof; None without one, and where the cache lifts it above.
        compute_percent: of the compute roof; None without one or without FLOPs.
        fits_in_cache: a step reads less than four times the last-level cache.
        verdict: None when a roof that could decide was not measured.
    """

    bandwidth_percent: float | None
    compute_percent: float | None
    fits_in_cache: bool
    verdict: Verdict | None


def work_of(steps: NDArray[Any], costs: StepCosts, window: Window, phase: Phase) -> Work | None:
    """The steps of a phase that ended in the window; None when there are none."""
    is_phase = is_pure_decode if phase is Phase.DECODE else is_pure_prefill
    rows = steps[is_phase(steps) & window.stamped(steps["end_ns"])]
    step_ns = int((rows["end_ns"] - rows["start_ns"]).sum())
    if step_ns <= 0:
        return None
    flops = step_flops(rows, costs)
    return Work(
        phase=phase,
        steps=len(rows),
        step_ns=step_ns,
        weight_bytes=float(weight_bytes(rows, costs).sum()),
        kv_bytes=float(kv_bytes(rows, costs).sum()),
        flops=None if flops is None else float(flops.sum()),
    )


def together(works: Iterable[Work]) -> Work | None:
    """The work of a cell from that of its runs, all of one phase; None when there is none."""
    each = list(works)
    if not each:
        return None
    flops = [work.flops for work in each if work.flops is not None]
    return Work(
        phase=each[0].phase,
        steps=sum(work.steps for work in each),
        step_ns=sum(work.step_ns for work in each),
        weight_bytes=sum(work.weight_bytes for work in each),
        kv_bytes=sum(work.kv_bytes for work in each),
        flops=sum(flops) if len(flops) == len(each) else None,
    )


def place(work: Work, roofs: Roofs) -> Place:
    """Where work lies under the roofs, and what limits it."""
    fits = fits_in_cache(work.mean_step_bytes, roofs.last_level_cache_bytes)
    memory = 100 * work.gb_s / roofs.bandwidth_gb_s if roofs.bandwidth_gb_s else None
    compute = 100 * work.gflop_s / roofs.compute_gflop_s if roofs.compute_gflop_s and work.gflop_s is not None else None
    is_above = memory is not None and memory > 100 and fits
    return Place(None if is_above else memory, compute, fits, _verdict(memory, compute, fits))


def _verdict(memory: float | None, compute: float | None, fits: bool) -> Verdict | None:
    near_memory = memory is not None and memory >= BOUND_FROM_PERCENT
    near_compute = compute is not None and compute >= BOUND_FROM_PERCENT
    if near_memory and not fits and (compute is None or memory is None or memory >= compute):
        return Verdict.MEMORY
    if near_compute:
        return Verdict.COMPUTE
    if near_memory:
        return Verdict.CACHE
    return None if memory is None or compute is None else Verdict.OVERHEAD


def sentence(work: Work, roofs: Roofs, where: str = "") -> str:
    """The verdict for the user: "Decode at 4 users uses 71 % of the memory bandwidth: a smaller quantization helps, …".

    Args:
        work: what was done.
        roofs: what it is held against.
        where: which cell ("at 4 users"), may be empty.
    """
    found = place(work, roofs)
    subject = " ".join(word for word in (work.phase.capitalize(), where) if word)
    threads = f"{roofs.threads} thread{'' if roofs.threads == 1 else 's'}"
    more_threads_read_more = roofs.machine_bandwidth_gb_s is not None
    memory = f"{_percent(found.bandwidth_percent)} of the memory bandwidth"
    memory += f" that {threads} can use" if more_threads_read_more else ""
    compute = f"{_percent(found.compute_percent)} of the compute" + ("" if roofs.threads is None else f" of {threads}")
    match found.verdict:
        case Verdict.MEMORY:
            mostly_kv = work.kv_bytes > work.weight_bytes
            memory += ", mostly for KV" if mostly_kv else ""
            cure = "a smaller KV type or less context" if mostly_kv else "a smaller quantization"
            if more_threads_read_more:
                return f"{subject} uses {memory}: {cure} helps, and so do more threads."
            return f"{subject} uses {memory}: {cure} helps, more compute does not."
        case Verdict.COMPUTE:
            cure = "more compute helps" if roofs.threads is None else "more threads help"
            return f"{subject} uses {compute}: {cure}, more memory bandwidth does not."
        case Verdict.CACHE:
            return (
                f"{subject} reads {bytes_text(work.mean_step_bytes)} a step, which the last-level cache of "
                f"{bytes_text(roofs.last_level_cache_bytes)} serves in part: how near the memory's limit it is cannot be told."
            )
        case Verdict.OVERHEAD:
            return f"{subject} uses {memory} and {compute}: it is limited by its kernels or by overhead, not by either."
    missing = [
        name
        for name, percent in (("memory bandwidth", found.bandwidth_percent), ("compute", found.compute_percent))
        if percent is None
    ]
    subject = subject[0].lower() + subject[1:]
    return f"What limits {subject} cannot be told: its share of the {' and the '.join(missing)} is not known."


def _percent(share: float | None) -> str:
    return percent_text(None if share is None else share / 100)
