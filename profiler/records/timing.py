"""The raw measurements of one run: structured numpy arrays, all instants in nanoseconds since the run's origin.

The origin is an instant of `profiler.clock` that the run record keeps; one step's members share one token stamp.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

ABSENT_NS = np.iinfo(np.int64).min
"""An instant that was never reached (in SQL: NULL). No arithmetic on it is meaningful; test with `reached`."""


class RequestStatus(IntEnum):
    """How a request ended."""

    UNFINISHED = 0
    COMPLETED = 1
    FAILED = 2
    REFUSED = 3
    TIMED_OUT = 4


REQUEST_DTYPE = np.dtype(
    [
        ("request", "<u4"),  # number within the run, in order of being due
        ("class", "|u1"),  # index of its class in the specification's load
        ("user", "<i4"),  # the closed loop's user; -1 where there are no users
        ("turn", "<u2"),  # place in its conversation, from 1
        ("due_ns", "<i8"),
        ("sent_ns", "<i8"),
        ("prefill_start_ns", "<i8"),
        ("first_token_ns", "<i8"),
        ("end_ns", "<i8"),
        ("prompt_tokens", "<u4"),
        ("cached_tokens", "<u4"),
        ("output_tokens", "<u4"),  # tokens stamped so far
        ("status", "|u1"),
    ]
)

TOKEN_DTYPE = np.dtype(
    [
        ("request", "<u4"),
        ("step", "<u4"),
        ("time_ns", "<i8"),
        ("token", "<i4"),  # vocabulary id; -1 when the sampler does not look at logits
    ]
)

STEP_DTYPE = np.dtype(
    [
        ("start_ns", "<i8"),  # llama_decode is called
        ("end_ns", "<i8"),  # after llama_synchronize and sampling: the stamp of this step's tokens
        ("decode_ns", "<i8"),  # llama_decode + llama_synchronize
        ("loop_ns", "<i8"),  # the loop's own work of this step: filling, scheduling, sampling, stamping
        ("prefill_tokens", "<u4"),
        ("decode_tokens", "<u4"),
        ("sequences", "<u4"),  # sequences in this step
        ("outputs", "<u4"),  # rows flagged for logits
        ("ubatches", "<u4"),  # passes over the weights
        ("kv_useful_tokens", "<u8"),  # sum over the step's sequences of their KV length after the step
        ("kv_scanned_tokens", "<u8"),  # what llama.cpp's layout reads for them
        ("kv_used_cells", "<u4"),  # cells held after the step, by live sequences and by what a prefix cache keeps
        ("waiting", "<u4"),  # requests due and not yet started
        ("in_system", "<u4"),  # requests due and not yet ended, at the step's start
        ("cached_tokens", "<u4"),  # prompt tokens that requests which began with this step took from the prefix cache
        ("evictions", "<u4"),  # entries that the prefix cache gave up for them
    ]
)

COLUMN_DTYPES = {"request": REQUEST_DTYPE, "token": TOKEN_DTYPE, "step": STEP_DTYPE}


def reached(instants: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where an instant was reached."""
    return np.not_equal(instants, ABSENT_NS)


def to_columns(rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """A structured array as its columns, ready to be packed."""
    assert rows.dtype.names is not None
    return {name: rows[name] for name in rows.dtype.names}


def from_columns(columns: dict[str, NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Columns as a structured array; unknown columns are dropped, missing ones are an error (KeyError)."""
    assert dtype.names is not None
    rows = np.empty(len(columns[dtype.names[0]]), dtype)
    for name in dtype.names:
        rows[name] = columns[name]
    return rows


def no_rows(dtype: np.dtype[Any]) -> NDArray[Any]:
    """An empty structured array."""
    return np.empty(0, dtype)


@dataclass(frozen=True, slots=True)
class Samples:
    """Telemetry of one run: `times_ns` (since the origin) and one float64 column a channel, NaN where a reading failed.

    Channel names carry their unit. They are what the sources in `hardware.sources` tell on the machine:

    - the sampler itself: lateness_ms
    - the watched process: process_rss_bytes, process_cpu_percent, process_major_faults, process_drm_vram_bytes,
      process_drm_main_memory_bytes
    - the processor: cpu_percent, foreign_cpu_percent, cpu_percent_0 …, cpu_frequency_mhz_0 …, cpu_temperature_celsius
    - memory: memory_used_bytes, memory_available_bytes, swap_used_bytes, memory_stalled_ms, group_memory_used_bytes
    - limits: group_cpu_throttled_ms
    - each GPU, from its number on: gpu0_ (NVIDIA; a part of one gpu0_mig0_), amdgpu0_, intelgpu0_, macmon_gpu_, with
      utilization_percent, clock_mhz, power_watts, temperature_celsius, vram_used_bytes … as far as its driver tells
    - power and energy: rapl0_package_energy_joules, rapl0_dram_energy_joules, rapl_machine_energy_joules,
      macmon_machine_power_watts …, mains_online, battery0_percent, battery0_machine_power_watts
    """

    times_ns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    channels: dict[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunData:
    """All raw data of one run."""

    requests: NDArray[Any] = field(default_factory=lambda: no_rows(REQUEST_DTYPE))
    tokens: NDArray[Any] = field(default_factory=lambda: no_rows(TOKEN_DTYPE))
    steps: NDArray[Any] = field(default_factory=lambda: no_rows(STEP_DTYPE))
    samples: Samples = field(default_factory=Samples)
