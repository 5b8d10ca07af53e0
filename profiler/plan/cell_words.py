"""Cells and their axes in a user's words, as titles and within sentences."""

from collections.abc import Sequence

from profiler.plan.plan import AS_IS
from profiler.records.axis import AXES, BY_NAME, AxisValue, Configuration

_ARRIVALS = {
    "closed": "users in a loop",
    "offline": "all at once",
    "poisson": "Poisson",
    "gamma": "clumps",
    "burst": "bursts",
}
"""Arrivals in a user's words, where they are not their own names."""

_TOLD_UNITS = ("req/s", "s", "ms")


def value_text(value: AxisValue) -> str:
    """A value as it stands in a label: "8", "0.5", "Q4_K_M", "–" where the axis does not apply."""
    if value is None:
        return "–"
    if value == AS_IS:
        return "as is"
    if isinstance(value, str):
        return _ARRIVALS.get(value, value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def axis_words(axis: str) -> str:
    """An axis within a sentence: "flash attention", "unified KV", "K cache"."""
    first, space, rest = BY_NAME[axis].label.partition(" ")
    return f"{first if first.isupper() else first.lower()}{space}{rest}"


def _told(axis: str, configuration: Configuration) -> str:
    """A value beside others, so that it says what it is of: "8 users", "threads 2", "Q4_K_M"; empty where it says nothing."""
    value = configuration.get(axis)
    if value is None:
        return ""
    text = value_text(value)
    if axis in ("concurrency", "slots"):
        noun = "user" if axis == "concurrency" and has_users(configuration) else "slot"
        return f"{text} {noun}{'' if value == 1 else 's'}"
    if axis == "turns":
        return f"{text} turn{'' if value == 1 else 's'}"
    if axis == "static_batch_size":
        return f"static {text}"
    if axis == "prefix_cache":
        return f"cache {text}"
    if axis in ("model", "quant", "arrival", "batching"):
        return text
    unit = BY_NAME[axis].unit
    return f"{axis_words(axis)} {text}{f' {unit}' if unit in _TOLD_UNITS else ''}"


def told_together(axes: Sequence[str], configuration: Configuration) -> str:
    """Several values: "cache on · prompt 128"; a static batch's size says already that it is static."""
    if "static_batch_size" in axes and configuration.get("static_batch_size") is not None:
        axes = [axis for axis in axes if axis != "batching"]
    return " · ".join(filter(None, (_told(axis, configuration) for axis in axes))) or value_text(None)


def has_users(configuration: Configuration) -> bool:
    """Whether somebody comes back for answers; elsewhere concurrency is another word for slots."""
    return configuration.get("arrival") in (None, "closed")


def cell_title(configuration: Configuration, varying: Sequence[str] = ()) -> str:
    """A cell in words: its quantization, users (or how else requests come) and what else tells it apart.

    "Q4_K_M · 8 users · threads 2", "Q4_K_M · Poisson · rate 2 req/s".
    """
    always = ("quant", "concurrency") if has_users(configuration) else ("quant", "arrival", "rate")
    named = [axis.name for axis in AXES if axis.name in always or axis.name in varying]
    if configuration.get("quant") == AS_IS and "model" not in named:
        named[named.index("quant")] = "model"  # "as is" says nothing by itself
    return told_together(named, configuration)
