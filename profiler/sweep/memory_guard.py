"""Keeps a run from driving the machine into swapping: refuses it when it cannot fit, stops it when memory runs out meanwhile.

Figures of a machine that swaps are worth nothing, and its owner cannot use it any more, not even to stop the run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import psutil

from profiler import clock
from profiler.errors import UnusableArguments
from profiler.hardware import main_memory
from profiler.hardware.sources.pressure import PressureSource
from profiler.hardware.sources.source import ReadingFailed
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.offload import CPU, CacheSettings
from profiler.models.fit import FreeMemory, Processor, devices_of
from profiler.records.fingerprint import Device
from profiler.records.specification import RunSpecification
from profiler.units import bytes_text, percent_text, significant

RESERVE_BYTES = 128_000_000
"""Left to all others, and to the error of the prediction, when a run is let begin."""

LEAST_AVAILABLE_SHARE = 0.02
MOST_FLOOR_BYTES = 400_000_000
"""A run is stopped when less is available than this share of main memory, and than these bytes, in two readings on end."""

MOST_SWAPPED_SHARE = 0.05
LEAST_SWAPPED_BYTES = 256_000_000
"""A run is stopped when swap has grown by this share of main memory since it began, and by these bytes at least."""

MOST_STALLED_SHARE = 0.5
STALL_SPAN_NS = 3_000_000_000
"""A run is stopped when some program waited for memory in this share of such a time."""

PERIOD_NS = 250_000_000

_REMEDY = "Choose a smaller model or quantization, a shorter context or fewer slots, or close other programs."


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """Main memory at one moment.

    Attributes:
        available_bytes: that can be taken without swapping; in a container at most what its limit leaves.
        total_bytes: of the machine, or the container's limit.
        swap_used_bytes: of the machine.
        stalled_ms: a counter of the time in which some program waited for memory (PSI); None where nobody counts.
    """

    available_bytes: int
    total_bytes: int
    swap_used_bytes: int
    stalled_ms: float | None


class MemoryMeter:
    """Reads this machine. Used by one thread."""

    def __init__(self) -> None:
        self._pressure = PressureSource()

    def __call__(self) -> MemoryReading:
        """One reading, in about a fifth of a millisecond."""
        try:
            stalled_ms = self._pressure.read().get("memory_stalled_ms") if self._pressure.channels else None
        except (OSError, ValueError, ReadingFailed):
            stalled_ms = None
        return MemoryReading(main_memory.available_bytes(), main_memory.total_bytes(), main_memory.swap_used_bytes(), stalled_ms)

    def close(self) -> None:
        """Close the kernel's file."""
        self._pressure.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MemoryGuard:
    """Watches over one run after another, by the sweep's thread."""

    def __init__(self, read: Callable[[], MemoryReading], now_ns: Callable[[], int] = clock.now_ns) -> None:
        self._read, self._now_ns = read, now_ns
        self._first: MemoryReading | None = None
        self._low_readings = 0
        self._looked_ns = 0
        self._stalls: list[tuple[int, float]] = []  # instant, counter in ms

    def refusal(self, needed_bytes: int | None, held_bytes: int = 0) -> str:
        """Why a run must not begin, as a sentence; empty when it may, or when its need is not known.

        Args:
            needed_bytes: of main memory that it will take.
            held_bytes: what the engine holds already: it is given back, or belongs to what is needed.
        """
        if needed_bytes is None:
            return ""
        reading = self._read()
        available_bytes = reading.available_bytes + held_bytes
        if needed_bytes + RESERVE_BYTES <= available_bytes:
            return ""
        return (
            f"Not started, so that the machine does not swap: it needs about {bytes_text(needed_bytes)} of main memory, and "
            f"{bytes_text(available_bytes)} of {bytes_text(reading.total_bytes)} can be had, of which "
            f"{bytes_text(RESERVE_BYTES)} are left to others. {_REMEDY}"
        )

    def begin(self) -> None:
        """A run starts: what memory looks like now is what it is compared with."""
        self._first = self._read()
        self._low_readings = 0
        self._looked_ns = self._now_ns()
        self._stalls = []

    def look(self) -> str:
        """Why the run must be stopped at once, as a sentence; empty when it may go on. Reads four times a second at the most."""
        now_ns = self._now_ns()
        if self._first is None or now_ns - self._looked_ns < PERIOD_NS:
            return ""
        self._looked_ns = now_ns
        reading = self._read()
        cause = self._scarce(reading) or self._swapping(self._first, reading) or self._stalling(now_ns, reading)
        return f"Stopped before the machine swaps to a standstill: {cause}. {_REMEDY}" if cause else ""

    def _scarce(self, reading: MemoryReading) -> str:
        floor_bytes = min(LEAST_AVAILABLE_SHARE * reading.total_bytes, MOST_FLOOR_BYTES)
        self._low_readings = self._low_readings + 1 if reading.available_bytes < floor_bytes else 0
        if self._low_readings < 2:
            return ""
        return f"{bytes_text(reading.available_bytes)} of {bytes_text(reading.total_bytes)} of main memory were left"

    @staticmethod
    def _swapping(first: MemoryReading, reading: MemoryReading) -> str:
        grown_bytes = reading.swap_used_bytes - first.swap_used_bytes
        if grown_bytes <= max(MOST_SWAPPED_SHARE * reading.total_bytes, LEAST_SWAPPED_BYTES):
            return ""
        return f"swap has grown by {bytes_text(grown_bytes)} since the run began"

    def _stalling(self, now_ns: int, reading: MemoryReading) -> str:
        if reading.stalled_ms is None:
            return ""
        self._stalls.append((now_ns, reading.stalled_ms))
        while len(self._stalls) > 2 and now_ns - self._stalls[1][0] >= STALL_SPAN_NS:
            del self._stalls[0]
        begin_ns, begin_ms = self._stalls[0]
        if now_ns - begin_ns < STALL_SPAN_NS:
            return ""
        share = (reading.stalled_ms - begin_ms) * 1e6 / (now_ns - begin_ns)
        if share <= MOST_STALLED_SHARE:
            return ""
        seconds = significant((now_ns - begin_ns) / 1e9, 2)
        return f"programs stood still for want of memory in {percent_text(share)} of {seconds} s"


def needed_bytes(
    description: ModelDescription, order: RunSpecification, devices: Sequence[Device], instruction_sets: Sequence[str]
) -> int | None:
    """Main memory that a run will take and that must be there, predicted from the model's header; None where that is not known.

    The weights of a mapped model of experts do not count: the system drops those that are seldom used and reads them again.

    Args:
        description: the model's.
        order: the run.
        devices: those that llama.cpp lists.
        instruction_sets: the processor's.
    """
    gpus = tuple(device.vram_free_bytes or 0 for device in devices if device.kind == "gpu")
    model, processor = order.model, Processor(tuple(instruction_sets), order.model.repack, order.model.no_host)
    layers = (description.block_count or 0) + 1 if model.n_gpu_layers < 0 else model.n_gpu_layers
    try:
        main = devices_of(description, CacheSettings.of(order.context), FreeMemory(0, gpus), processor, layers if gpus else 0)[
            CPU
        ]
    except UnusableArguments:
        return None  # llama.cpp will say why
    needed = main.needed_bytes
    if needed is not None and model.mmap and description.count("expert_count"):
        return needed - main.held.weights_bytes
    return needed


def held_bytes(process_id: int | None) -> int:
    """What a process holds beside pages of files; 0 where that cannot be told: the guard is then the stricter."""
    if process_id is None:
        return 0
    try:
        memory = psutil.Process(process_id).memory_info()
    except psutil.Error:
        return 0
    return max(0, memory.rss - memory.shared) if hasattr(memory, "shared") else 0
