"""This machine's memory as a prediction takes it."""

from profiler.hardware import ceilings, cpu
from profiler.records.fingerprint import Ceilings
from profiler.records.memory_speed import MemorySpeed


def kept_memory_speed(measured: Ceilings | None = None) -> MemorySpeed:
    """What is known of it without measuring; `measured` stands in for the kept ceilings, a session's for instance."""
    ceiling = ceilings.cached() if measured is None else measured
    return MemorySpeed(None if ceiling is None else ceiling.bandwidth_gb_s, cpu.read().last_level_cache_bytes)
