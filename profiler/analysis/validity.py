"""What casts doubt on a run: each doubt a named flag with a sentence that holds the figures.

An invalidating flag (other programs' load, throttling, swapping, pages read anew from disk, a standstill) means that the machine
was not the one to be measured: such a run is measured again and left out of its cell's figures, openly. All other flags warn and
leave the run in.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.analysis import bandwidth, caching, little, spill, stability
from profiler.analysis.context import RunContext
from profiler.analysis.distribution import percentile
from profiler.analysis.gpu_readings import is_slowed
from profiler.analysis.latency import generator_lateness_ms, request_latencies_ms
from profiler.analysis.window import Window, measurement_window
from profiler.records import gpu_channel
from profiler.records.timing import RequestStatus, RunData, Samples
from profiler.units import bytes_text, duration_text, milliseconds_text, percent_text, significant

FOREIGN_LOAD = "foreign load"
THROTTLED = "throttled"
SWAPPED = "swapped"
STOOD_STILL = "stood still"
PAGE_FAULTS = "page faults"
MEMORY_PRESSURE = "memory pressure"
SHORT_WINDOW = "short window"
FAILED_REQUESTS = "failed requests"
LATE_GENERATOR = "late generator"
LITTLE = "little's law"
LATE_TELEMETRY = "late telemetry"
FREQUENCY_FELL = "frequency fell"
FITS_IN_CACHE = "fits in cache"
UNSTABLE = "unstable"
NOT_STATIONARY = "not stationary"
EVICTED = "evicted"
LEFT_ON_CPU = "left on cpu"
VRAM_OVER_COMMITTED = "vram over-committed"
HELD_BACK = "held back"
CPU_QUOTA = "cpu quota"
IDLE_USERS = "idle users"

INVALIDATING = frozenset({FOREIGN_LOAD, THROTTLED, SWAPPED, PAGE_FAULTS, STOOD_STILL})

MOST_FOREIGN_CPU_PERCENT = 10
MOST_SWAP_GROWTH_BYTES = 16_000_000  # below it, pages of idle programs wander out on any machine
MOST_MAJOR_FAULTS_S = 10  # each waits for the disk, for 0.1 to 10 ms: 0.1 to 10 % of the time
LEAST_MAJOR_FAULTS = 50  # a few pages that nothing has touched yet, in a run of a second
MOST_STALLED_SHARE = 0.01
LEAST_STANDSTILL_MS = 1000  # a sensor is read four times a second: so late, nothing ran
MOST_THROTTLED_SHARE = 0.05
MOST_FREQUENCY_FALL = 0.15
MOST_LATENESS_OF_PERIOD = 0.5
MOST_GENERATOR_LATENESS_OF_TTFT = 0.01
MOST_EVICTIONS_OF_REQUESTS = 0.1
MOST_QUOTA_STOPPED_SHARE = 0.01

_CPU_FREQUENCY = re.compile(r"cpu_frequency_mhz_\d+")


@dataclass(frozen=True, slots=True)
class Flag:
    """One doubt.

    Attributes:
        name: one of this module's.
        sentence: what was seen, with its figures, for the user.
        invalidates: the run must not enter its cell's figures.
    """

    name: str
    sentence: str
    invalidates: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def flags(data: RunData, context: RunContext) -> tuple[Flag, ...]:
    """All doubts about a run, the invalidating ones first. What no telemetry tells raises no flag."""
    window = measurement_window(data, context)
    seen = _inside(data.samples, window)
    sentences = {
        FOREIGN_LOAD: _foreign_load(seen),
        THROTTLED: _throttled(seen),
        SWAPPED: _swapped(data.samples),
        PAGE_FAULTS: _page_faults(seen),
        STOOD_STILL: _stood_still(data),
        UNSTABLE: (unstable := _unstable(data, context, window)),
        NOT_STATIONARY: "" if unstable else _not_stationary(window),
        SHORT_WINDOW: _short_window(window),
        IDLE_USERS: _idle_users(context),
        FAILED_REQUESTS: _failed_requests(data),
        LATE_GENERATOR: _late_generator(data, window),
        LITTLE: _little(data, context),
        LATE_TELEMETRY: _late_telemetry(data.samples),
        MEMORY_PRESSURE: _memory_pressure(seen),
        FREQUENCY_FELL: _frequency_fell(seen),
        HELD_BACK: _held_back(seen),
        CPU_QUOTA: _cpu_quota(seen),
        FITS_IN_CACHE: _fits_in_cache(data, context, window),
        EVICTED: _evicted(data, context),
        LEFT_ON_CPU: spill.left_on_cpu(context.specification, context.facts, context.costs),
        VRAM_OVER_COMMITTED: spill.over_committed(context.facts, context.device_memory_bytes, data.samples),
    }
    return tuple(Flag(name, sentence, name in INVALIDATING) for name, sentence in sentences.items() if sentence)


def _inside(samples: Samples, window: Window) -> Samples:
    """The samples taken in the window; all of them when it lies between two."""
    is_inside = (samples.times_ns >= window.start_ns) & (samples.times_ns <= window.end_ns)
    if not is_inside.any():
        return samples
    return Samples(samples.times_ns[is_inside], {name: column[is_inside] for name, column in samples.channels.items()})


def _readings(samples: Samples, channel: str) -> NDArray[np.float64]:
    column = samples.channels.get(channel, np.empty(0))
    return column[np.isfinite(column)]


def _foreign_load(samples: Samples) -> str:
    readings = _readings(samples, "foreign_cpu_percent")
    if not len(readings) or np.mean(readings) <= MOST_FOREIGN_CPU_PERCENT:
        return ""
    return (
        f"Other programs took {significant(float(np.mean(readings)), 2)} % of the machine's processors on average "
        f"(at most {MOST_FOREIGN_CPU_PERCENT} % is accepted)."
    )


def _throttled(samples: Samples) -> str:
    share, device = _most_slowed(samples, "throttle_reasons")
    if share <= MOST_THROTTLED_SHARE:
        return ""
    return f"{device} slowed itself down for heat or power in {percent_text(share)} of the readings."


def _held_back(samples: Samples) -> str:
    """Intel's drivers tell by one sign that the clock is kept down; a power limit, a card's normal state, is a reason, too."""
    share, device = _most_slowed(samples, "held_back")
    if share <= MOST_THROTTLED_SHARE:
        return ""
    return (
        f"{device} ran slower than it was asked to in {percent_text(share)} of the readings, for heat, power or current: its "
        "driver's one sign does not tell which."
    )


def _most_slowed(samples: Samples, quantity: str) -> tuple[float, str]:
    """The GPU that was slowed in the largest share of its readings of this quantity, and that share; (0, "") without any."""
    worst = 0.0, ""
    for channel in samples.channels:
        gpu, readings = gpu_channel.split(channel), _readings(samples, channel)
        if gpu is not None and gpu[1] == quantity and len(readings):
            worst = max(worst, (float(np.mean([is_slowed(quantity, reading) for reading in readings])), gpu[0]))
    return worst


def _cpu_quota(samples: Samples) -> str:
    """The kernel adds up the processors' stopped times. A warning: the limit is what this machine grants, now and next time."""
    stopped_ms, seconds = _growth(samples, "group_cpu_throttled_ms")
    if stopped_ms <= 1000 * MOST_QUOTA_STOPPED_SHARE * seconds:
        return ""
    return (
        "The processor quota of this program's control group (of the container) stopped its threads for "
        f"{significant(stopped_ms / 1000, 2)} s in {significant(seconds, 2)} s, all processors together: use no more threads "
        "than the quota grants processors, or raise it."
    )


def _swapped(samples: Samples) -> str:
    readings = _readings(samples, "swap_used_bytes")
    growth = float(readings.max() - readings[0]) if len(readings) else 0.0
    if growth <= MOST_SWAP_GROWTH_BYTES:
        return ""
    return f"Memory ran short: swap grew by {bytes_text(growth)} during the run."


def _growth(samples: Samples, channel: str) -> tuple[float, float]:
    """By how much a counter grew between its first and its last reading, and the seconds between these; (0, 0) without two."""
    column = samples.channels.get(channel, np.empty(0))
    there = np.flatnonzero(np.isfinite(column))
    if len(there) < 2:
        return 0.0, 0.0
    first, last = there[0], there[-1]
    return float(column[last] - column[first]), float(samples.times_ns[last] - samples.times_ns[first]) / 1e9


def _page_faults(samples: Samples) -> str:
    """The model's pages were given up by the system while it was at work, and had to be read again."""
    faults, seconds = _growth(samples, "process_major_faults")
    if faults < LEAST_MAJOR_FAULTS or faults <= MOST_MAJOR_FAULTS_S * seconds:
        return ""
    return f"Memory ran short: the engine waited {faults:.0f} times for pages to be read from disk while it was measured."


def _stood_still(data: RunData) -> str:
    """The sensors were not read and no step ended meanwhile: all of the program was stopped (SIGSTOP, a debugger, a suspended
    machine whose clock goes on), or got no processor at all.
    """
    lateness_ms = float(np.max(_readings(data.samples, "lateness_ms"), initial=0.0))
    longest_ms = float(np.max(np.diff(data.steps["end_ns"], prepend=0), initial=0)) / 1e6
    if lateness_ms < LEAST_STANDSTILL_MS or longest_ms < lateness_ms / 2:
        return ""
    return (
        f"The program stood still for about {duration_text(lateness_ms / 1000)} during the run: it was stopped, the machine "
        "slept, or nothing of it was given a processor."
    )


def _memory_pressure(samples: Samples) -> str:
    stalled_ms, seconds = _growth(samples, "memory_stalled_ms")
    if stalled_ms <= 1000 * MOST_STALLED_SHARE * seconds:
        return ""
    return (
        f"Some program of this machine stood still for want of memory in {percent_text(stalled_ms / 1000 / seconds)} of the time."
    )


def _unstable(data: RunData, context: RunContext, window: Window) -> str:
    growth_s = stability.queue_growth_s(data, window)
    if growth_s is None or not stability.is_unstable(data, context, window):
        return ""
    return (
        f"Requests came faster than they were served: the queue grew by {significant(growth_s, 2)} requests a second; latencies "
        "grow with the run's length and no percentile is stated."
    )


def _not_stationary(window: Window) -> str:
    if window.is_stationary:
        return ""
    return (
        "There were more requests in the system in every part of one half of the run than in any part of the other: the load or "
        "the machine changed meanwhile; no warm-up was left out."
    )


def _evicted(data: RunData, context: RunContext) -> str:
    """An entry given up now and then is what a cache does; one for every tenth request says that it is too small."""
    count = caching.evictions(data.steps) if context.specification.load.prefix_cache else None
    if not count or count <= MOST_EVICTIONS_OF_REQUESTS * len(data.requests):
        return ""
    return f"The prefix cache gave up {count} entries for lack of room, over {len(data.requests)} requests."


def _short_window(window: Window) -> str:
    if not window.is_short:
        return ""
    whole = duration_text(window.seconds)
    return f"Too few requests for a steady part: the figures hold the whole run ({whole}), its ramp and tail included."


def _idle_users(context: RunContext) -> str:
    """Told of a closed loop whose requests do not go round: its concurrency is one that never was."""
    of_classes = [
        f"{each.users} users have {each.requests} requests in all"
        for each in context.specification.load.classes
        if each.arrival == "closed" and each.requests is not None and each.requests < each.users
    ]
    return f"{' and '.join(of_classes)}, so some never send one and fewer are served at once." if of_classes else ""


def _failed_requests(data: RunData) -> str:
    counts = [
        f"{count} {status.name.lower().replace('_', ' ')}"
        for status in (RequestStatus.FAILED, RequestStatus.REFUSED, RequestStatus.TIMED_OUT, RequestStatus.UNFINISHED)
        if (count := int(np.count_nonzero(data.requests["status"] == status)))
    ]
    return f"Of {len(data.requests)} requests {' and '.join(counts)}." if counts else ""


def _late_generator(data: RunData, window: Window) -> str:
    requests = data.requests[window.due(data.requests["due_ns"])]
    ttft_ms = request_latencies_ms(requests)["ttft_ms"]
    lateness_ms = percentile(np.sort(generator_lateness_ms(requests, data.steps)), 0.99)
    median_ms = percentile(np.sort(ttft_ms[np.isfinite(ttft_ms)]), 0.5)
    if lateness_ms is None or median_ms is None or lateness_ms <= MOST_GENERATOR_LATENESS_OF_TTFT * median_ms:
        return ""
    return (
        f"The load was sent up to {milliseconds_text(lateness_ms)} late (p99), more than 1 % of the first token's "
        f"{milliseconds_text(median_ms)} (p50)."
    )


def _little(data: RunData, context: RunContext) -> str:
    residual = little.residual(data, context.specification.load)
    if residual is None or abs(residual) <= little.RESIDUAL_FLAGGED:
        return ""
    return (
        f"The requests counted in the system differ by {percent_text(residual)} from what their rate and duration make "
        f"(at most {percent_text(little.RESIDUAL_FLAGGED)} is accepted): a time stamp or a count is wrong."
    )


def _late_telemetry(samples: Samples) -> str:
    lateness_ms = percentile(np.sort(_readings(samples, "lateness_ms")), 0.95)
    if lateness_ms is None or len(samples.times_ns) < 2:
        return ""
    period_ms = float(np.median(np.diff(samples.times_ns))) / 1e6
    if lateness_ms <= MOST_LATENESS_OF_PERIOD * period_ms:
        return ""
    return f"Sensors were read up to {milliseconds_text(lateness_ms)} late (p95), at a period of {milliseconds_text(period_ms)}."


def _frequency_fell(samples: Samples) -> str:
    """The fastest core's frequency, since that is where the load is: the last quarter's median against the first's."""
    cores = [column for name, column in samples.channels.items() if _CPU_FREQUENCY.fullmatch(name)]
    if not cores or len(samples.times_ns) < 8:
        return ""
    fastest_mhz = np.fmax.reduce(cores)
    quarter = len(fastest_mhz) // 4
    early, late = fastest_mhz[:quarter], fastest_mhz[-quarter:]
    if not np.isfinite(early).any() or not np.isfinite(late).any():
        return ""
    before_mhz, after_mhz = float(np.nanmedian(early)), float(np.nanmedian(late))
    if after_mhz >= (1 - MOST_FREQUENCY_FALL) * before_mhz:
        return ""
    return f"The processor's frequency fell from {before_mhz:.0f} to {after_mhz:.0f} MHz."


def _fits_in_cache(data: RunData, context: RunContext, window: Window) -> str:
    read = bandwidth.achieved(data.steps, context.costs, window) if context.costs else None
    cache_bytes = context.last_level_cache_bytes
    if read is None or cache_bytes is None or not bandwidth.fits_in_cache(read.mean_step_bytes, cache_bytes):
        return ""
    return (
        f"A decode step reads {bytes_text(read.mean_step_bytes)}, less than {bandwidth.FITS_IN_CACHE_BELOW} times the last-level "
        f"cache of {bytes_text(cache_bytes)}: part of it comes from the cache, so its bandwidth says little of the memory."
    )
