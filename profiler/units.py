"""Numbers as text, for people: sensible digits, the unit beside them, "not available" for what was not measured."""

import math

NOT_AVAILABLE = "not available"

_ROUNDING = 1e-9  # of a value: below it a width is how numbers are stored, not how they vary


def significant(value: float, digits: int = 3) -> str:
    """`value` with about `digits` significant digits and no exponent: 0.0123, 1.23, 12.3, 123, 1230."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    rounded = float(f"{value:.{digits - 1}e}")  # 0.9996 has its first digit before the point once it is rounded
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{decimals}f}"


def half_width_text(value: float, interval: tuple[float, float]) -> str:
    """Half an interval's width behind its value, with the value's own decimals while these show something: ± 3, ± 0.04.

    An interval wider than its value says no more than that: few repetitions that disagree give any number. A value at an end of
    its interval (100 %) has all of the width on one side, and is told with all of it.
    """
    low, high = interval
    half = high - low if value in interval else (high - low) / 2
    if half > abs(value) > 0:
        return "± over 100 %"
    decimals = len(significant(value).partition(".")[2])
    text = f"{half:.{decimals}f}"
    is_told = float(text) == 0 and half > _ROUNDING * abs(value)
    return f"± {significant(half, 1) if is_told else text}"


def bytes_text(value: float | None) -> str:
    """Bytes in decimal units as disks and llama.cpp's file sizes are told: 98.0 MB, 1.23 GB."""
    if value is None:
        return NOT_AVAILABLE
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" else f"{significant(size)} {unit}"
        size /= 1000
    return f"{significant(size)} TB"


def milliseconds_text(value: float | None) -> str:
    """Milliseconds, as seconds from ten thousand on: 0.412 ms, 41.2 ms, 412 ms, 12.3 s."""
    if value is None:
        return NOT_AVAILABLE
    return f"{significant(value)} ms" if abs(value) < 10_000 else f"{significant(value / 1000)} s"


def rate_text(value: float | None, unit: str = "tok/s") -> str:
    """A rate with three digits: 98.7 tok/s."""
    return NOT_AVAILABLE if value is None else f"{significant(value)} {unit}"


def duration_text(seconds: float | None) -> str:
    """A stretch of time as one would say it: 40 s, 3 min 40 s, 2 h 5 min."""
    if seconds is None:
        return NOT_AVAILABLE
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def count_text(value: float | None) -> str:
    """A large count in short: 135 M, 1.24 B; below ten thousand in full."""
    if value is None:
        return NOT_AVAILABLE
    size = float(value)
    if abs(size) < 10_000:
        return f"{size:.0f}"
    for unit in ("k", "M", "B"):
        size /= 1000
        if abs(size) < 999.5:
            return f"{significant(size)} {unit}"
    return f"{significant(size / 1000)} T"


def percent_text(share: float | None) -> str:
    """A share of one as a percentage: 0.712 → 71 %."""
    return NOT_AVAILABLE if share is None else f"{significant(share * 100, 2)} %"
