"""What of a machine's memory bounds a step, beside its kernels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemorySpeed:
    """One machine's main memory.

    Attributes:
        bandwidth_gb_s: its measured peak of reading; None when it was not measured.
        last_level_cache_bytes: None where it is not told.
    """

    bandwidth_gb_s: float | None
    last_level_cache_bytes: int | None
