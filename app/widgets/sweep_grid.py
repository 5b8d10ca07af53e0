"""Lays the cells of a sweep out as rows and columns, and names them in a user's words. Pure: no widget is touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.plan.cells import varying_axes
from profiler.plan.plan import AS_IS
from profiler.records.axis import AXES, BY_NAME, AxisValue, Configuration

_COLUMN_AXES = ("concurrency", "rate", "slots")
"""Axes that make good columns, the best first; else the last axis that varies."""

_ARRIVALS = {
    "closed": "users in a loop",
    "offline": "all at once",
    "poisson": "Poisson",
    "gamma": "clumps",
    "burst": "bursts",
}
"""Arrivals in a user's words, where they are not their own names."""

_TOLD_UNITS = ("req/s", "s", "ms")


@dataclass(frozen=True, slots=True)
class SweepGrid:
    """Where each cell goes.

    Attributes:
        row_title, column_title: what varies down and across, in words.
        rows, columns: labels.
        positions: (row, column) of each configuration, in the order given.
    """

    row_title: str
    column_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    positions: tuple[tuple[int, int], ...]


def _key(configuration: Configuration, axes: Sequence[str]) -> tuple[AxisValue, ...]:
    return tuple(configuration.get(axis) for axis in axes)


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
        noun = "user" if axis == "concurrency" and _has_users(configuration) else "slot"
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


def _told_together(axes: Sequence[str], configuration: Configuration) -> str:
    """Several values: "cache on · prompt 128"; a static batch's size says already that it is static."""
    if "static_batch_size" in axes and configuration.get("static_batch_size") is not None:
        axes = [axis for axis in axes if axis != "batching"]
    return " · ".join(filter(None, (_told(axis, configuration) for axis in axes))) or value_text(None)


def _has_users(configuration: Configuration) -> bool:
    """Whether somebody comes back for answers; elsewhere concurrency is another word for slots."""
    return configuration.get("arrival") in (None, "closed")


def _ordered(keys: Sequence[tuple[AxisValue, ...]]) -> list[tuple[AxisValue, ...]]:
    """Each key once: on every axis numbers rise, behind them texts in the plan's order; what does not apply comes first."""
    appeared = [{value: place for place, value in enumerate(dict.fromkeys(values))} for values in zip(*keys, strict=True)]

    def rank(key: tuple[AxisValue, ...]) -> list[tuple[int, float]]:
        ranks: list[tuple[int, float]] = []
        for value, places in zip(key, appeared, strict=True):
            if value is None:
                ranks.append((0, 0.0))
            elif isinstance(value, int | float):
                ranks.append((1, float(value)))
            else:
                ranks.append((2, float(places[value])))
        return ranks

    return sorted(dict.fromkeys(keys), key=rank)


def arrange(configurations: Sequence[Configuration], across: str | None = None) -> SweepGrid:
    """Rows and columns for these cells: users across when they vary, everything else that varies down.

    Args:
        configurations: of the cells.
        across: the axis of the columns where it is known beforehand: a search's, along which there is one value at first.
    """
    varying = [axis.name for axis in varying_axes(configurations)]
    column_axis = across or next((axis for axis in _COLUMN_AXES if axis in varying), varying[-1] if varying else "concurrency")
    row_axes = [axis for axis in varying if axis != column_axis] or ["quant"]
    row_keys = _ordered([_key(configuration, row_axes) for configuration in configurations])
    column_keys = _ordered([_key(configuration, [column_axis]) for configuration in configurations])
    row_of = {key: index for index, key in enumerate(row_keys)}
    column_of = {key: index for index, key in enumerate(column_keys)}
    if len(row_axes) == 1:
        rows = tuple(value_text(key[0]) for key in row_keys)
    else:
        rows = tuple(_told_together(row_axes, dict(zip(row_axes, key, strict=True))) for key in row_keys)
    return SweepGrid(
        row_title=" · ".join(BY_NAME[axis].label for axis in row_axes),
        column_title=_column_title(column_axis, configurations),
        rows=rows,
        columns=tuple(value_text(key[0]) for key in column_keys),
        positions=tuple(
            (row_of[_key(configuration, row_axes)], column_of[_key(configuration, [column_axis])])
            for configuration in configurations
        ),
    )


def _column_title(axis: str, configurations: Sequence[Configuration]) -> str:
    label, unit = BY_NAME[axis].label, BY_NAME[axis].unit
    if axis != "concurrency":
        return f"{label}, {unit}" if unit else label
    have_users = {_has_users(configuration) for configuration in configurations}
    return {frozenset({False}): "Slots", frozenset({True, False}): "Users or slots"}.get(frozenset(have_users), label)


def cell_title(configuration: Configuration, varying: Sequence[str] = ()) -> str:
    """A cell in words: its quantization, users (or how else requests come) and what else tells it apart.

    "Q4_K_M · 8 users · threads 2", "Q4_K_M · Poisson · rate 2 req/s".
    """
    always = ("quant", "concurrency") if _has_users(configuration) else ("quant", "arrival", "rate")
    named = [axis.name for axis in AXES if axis.name in always or axis.name in varying]
    if configuration.get("quant") == AS_IS and "model" not in named:
        named[named.index("quant")] = "model"  # "as is" says nothing by itself
    return _told_together(named, configuration)
