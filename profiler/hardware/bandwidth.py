"""Measures the peak read bandwidth of main memory.

Threads scan one big buffer, each its own part, and nothing of Python runs inside a scan. Two ways of scanning are tried and the
faster one counts, since it depends on the processor and the C library which of them keeps more reads under way:

- the sum of 64-bit integers (numpy), one stream of reads; it leaves Python's lock,
- `memcmp` of the part's two equal halves (the C library, called without Python's lock), two streams.

Both were held against hand-written AVX-512 kernels on a two-core Xeon. On one thread and on two, in GB/s: the sum 17.7 and 33.7,
`memcmp` 18.2 and 35.1, a kernel with prefetching 18.7 and 36.2, one without 15.0 and 29.6; a maximum, a bitwise or, `memchr` and
counting were no faster. Out of the second-level cache the sum reads 79 GB/s, so memory is what limits it. Dot products are no
candidates: BLAS starts threads of its own.
"""

import ctypes
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from profiler import clock, units
from profiler.errors import EnvironmentFault, Interrupted
from profiler.hardware import cpu, main_memory
from profiler.records.fingerprint import Ceilings

_CACHE_MULTIPLE = 4  # the buffer is this many times the last-level cache, so that little of it survives until the next pass
_SMALLEST_BYTES = 256 << 20
_LARGEST_BYTES = 4 << 30
_SHARE_OF_AVAILABLE = 0.25
_TOUCH_LIMIT_NS = 1_500_000_000  # a virtual machine's first use of its memory can be as slow as 0.4 GB/s
_TOUCH_STEP_WORDS = 8 << 20  # a thread's share between two looks at the clock, 64 MiB
_SCAN_BUDGET_NS = 1_500_000_000  # for all thread counts together
_MIN_PASSES = 3

Words = NDArray[np.int64]
Scan = Callable[[Words], None]
GoOn = Callable[[], None]
"""Called between two measurements; raises Interrupted when there shall be no further one."""


def measure(
    buffer_bytes: int | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
    cancel: threading.Event | None = None,
) -> Ceilings:
    """The peak read bandwidth by number of threads; takes about 3 s and always less than 10. Nothing else should run meanwhile.

    Args:
        buffer_bytes: size of the buffer in all; None: four times the last-level cache, between 256 MiB and 4 GiB, at most a
            quarter of the memory that is available, and as much as could be touched for the first time in 1.5 s.
        on_progress: hears the share done when the buffer is ready and after each number of threads, seldom enough not to disturb.
        cancel: ends it before the next pass when set.

    Raises:
        EnvironmentFault: the memory for it is not to be had; Interrupted: `cancel` was set.
    """

    def go_on() -> None:
        if cancel is not None and cancel.is_set():
            raise Interrupted("Measuring this machine's memory bandwidth was stopped.")

    def tell(share: float) -> None:
        if on_progress is not None:
            on_progress(share)

    processor = cpu.read()
    counts = thread_counts(processor.physical_cores, processor.logical_cores)
    cache_bytes = processor.last_level_cache_bytes
    if buffer_bytes is None:
        buffer_bytes = _suitable_bytes(cache_bytes, main_memory.available_bytes())
    with ThreadPoolExecutor(max_workers=counts[-1], thread_name_prefix="bandwidth") as pool:
        buffer = _touched_buffer(buffer_bytes // 8, counts[-1], pool, go_on)
        rates: dict[int, dict[str, list[float]]] = {}
        for threads in counts:
            tell((1 + len(rates)) / (1 + len(counts)))
            rates[threads] = _rates_gb_s(buffer, threads, _SCAN_BUDGET_NS // len(counts), pool, go_on)
    by_threads = {threads: max(max(passes) for passes in ways.values()) for threads, ways in rates.items()}
    best_threads = max(by_threads, key=lambda threads: by_threads[threads])
    way, passes = max(rates[best_threads].items(), key=lambda item: max(item[1]))
    size_text = units.bytes_text(buffer.nbytes)
    if cache_bytes:
        size_text += f", {units.significant(buffer.nbytes / cache_bytes, 2)} times the last-level cache"
    return Ceilings(
        bandwidth_gb_s=by_threads[best_threads],
        bandwidth_threads=best_threads,
        bandwidth_spread_percent=100 * (max(passes) - min(passes)) / max(passes),
        by_threads=by_threads,
        method=f"Best of {len(passes)} reading passes ({way}) over {size_text}, with {best_threads} threads.",
        measured_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def thread_counts(physical_cores: int | None, logical_cores: int | None) -> tuple[int, ...]:
    """The numbers of threads to try, rising: powers of two up to the physical cores, these, and the logical ones."""
    logical = logical_cores or 1
    physical = min(physical_cores or logical, logical)
    powers = [1 << exponent for exponent in range(physical.bit_length()) if 1 << exponent <= physical]
    return tuple(sorted({*powers, physical, logical}))


def _suitable_bytes(cache_bytes: int | None, available_bytes: int) -> int:
    wanted = min(max(_CACHE_MULTIPLE * (cache_bytes or 0), _SMALLEST_BYTES), _LARGEST_BYTES)
    return min(wanted, int(_SHARE_OF_AVAILABLE * available_bytes))


def _touched_buffer(words: int, threads: int, pool: ThreadPoolExecutor, go_on: GoOn) -> Words:
    """A buffer whose pages all exist: the kernel hands out memory at its first use, which must not fall into a pass."""
    try:
        buffer: Words = np.empty(words, np.int64)
    except MemoryError:
        raise EnvironmentFault(
            f"There are no {units.bytes_text(words * 8)} of free memory to measure its bandwidth with; "
            "close something large and try again."
        ) from None
    until_ns = clock.now_ns() + _TOUCH_LIMIT_NS
    touched = 0
    while touched < words and (touched == 0 or clock.now_ns() < until_ns):
        go_on()
        piece = buffer[touched : touched + threads * _TOUCH_STEP_WORDS]
        for _ in pool.map(lambda part: part.fill(1), np.array_split(piece, threads)):
            pass
        touched += len(piece)
    return buffer[:touched]


def _rates_gb_s(buffer: Words, threads: int, budget_ns: int, pool: ThreadPoolExecutor, go_on: GoOn) -> dict[str, list[float]]:
    """GB/s of each pass by way of scanning; the ways take turns, so that a disturbance hits both."""
    parts = np.array_split(buffer, threads)
    ways: dict[str, Scan] = {"sum of integers": np.add.reduce, "memcmp": _memcmp_of_halves()}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    until_ns = clock.now_ns() + budget_ns
    while min(len(passes) for passes in rates.values()) < _MIN_PASSES or clock.now_ns() < until_ns:
        for way, scan in ways.items():
            go_on()
            rates[way].append(buffer.nbytes / _pass_ns(parts, scan, pool))
    return rates


def _pass_ns(parts: list[Words], scan: Scan, pool: ThreadPoolExecutor) -> int:
    """Nanoseconds from the first thread's start to the last one's end."""
    together = threading.Barrier(len(parts))

    def timed(part: Words) -> tuple[int, int]:
        together.wait()
        start_ns = clock.now_ns()
        scan(part)
        return start_ns, clock.now_ns()

    stamps = list(pool.map(timed, parts))
    return max(end_ns for _, end_ns in stamps) - min(start_ns for start_ns, _ in stamps)


def _memcmp_of_halves() -> Scan:
    memcmp = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)["memcmp"]
    memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

    def scan(part: Words) -> None:
        half_bytes = part.nbytes // 2
        memcmp(part.ctypes.data, part.ctypes.data + half_bytes, half_bytes)

    return scan
