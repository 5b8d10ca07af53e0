"""Lays the cells of a sweep out as rows and columns, and names them in a user's words. Pure: no widget is touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.plan.cells import varying_axes
from profiler.plan.plan import AS_IS
from profiler.records.axis import AXES, BY_NAME, AxisValue, Configuration

_COLUMN_AXES = ("concurrency", "slots")
"""Axes that make good columns, the best first; else the last axis that varies."""

_ALWAYS_NAMED = ("quant", "concurrency")


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
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told(axis: str, value: AxisValue) -> str:
    """A value beside others, so that it says what it is of: "8 users", "threads 2", "Q4_K_M"."""
    if axis == "concurrency" and value is not None:
        return "1 user" if value == 1 else f"{value} users"
    if axis in ("model", "quant"):
        return value_text(value)
    return f"{BY_NAME[axis].label.lower()} {value_text(value)}"


def _sort_key(key: tuple[AxisValue, ...]) -> tuple[tuple[bool, float], ...]:
    """Numbers rise; texts keep the plan's order, since the sort is stable."""
    return tuple((isinstance(value, int | float), float(value) if isinstance(value, int | float) else 0.0) for value in key)


def _ordered(keys: Sequence[tuple[AxisValue, ...]]) -> list[tuple[AxisValue, ...]]:
    return sorted(dict.fromkeys(keys), key=_sort_key)


def arrange(configurations: Sequence[Configuration]) -> SweepGrid:
    """Rows and columns for these cells: users across when they vary, everything else that varies down."""
    varying = [axis.name for axis in varying_axes(configurations)]
    column_axis = next((axis for axis in _COLUMN_AXES if axis in varying), varying[-1] if varying else "concurrency")
    row_axes = [axis for axis in varying if axis != column_axis] or ["quant"]
    row_keys = _ordered([_key(configuration, row_axes) for configuration in configurations])
    column_keys = _ordered([_key(configuration, [column_axis]) for configuration in configurations])
    row_of = {key: index for index, key in enumerate(row_keys)}
    column_of = {key: index for index, key in enumerate(column_keys)}
    if len(row_axes) == 1:
        rows = tuple(value_text(key[0]) for key in row_keys)
    else:
        rows = tuple(" · ".join(_told(axis, value) for axis, value in zip(row_axes, key, strict=True)) for key in row_keys)
    return SweepGrid(
        row_title=" · ".join(BY_NAME[axis].label for axis in row_axes),
        column_title=BY_NAME[column_axis].label,
        rows=rows,
        columns=tuple(value_text(key[0]) for key in column_keys),
        positions=tuple(
            (row_of[_key(configuration, row_axes)], column_of[_key(configuration, [column_axis])])
            for configuration in configurations
        ),
    )


def cell_title(configuration: Configuration, varying: Sequence[str] = ()) -> str:
    """A cell in words, with its quantization, users and what else tells it apart: "Q4_K_M · 8 users · threads 2"."""
    named = [axis.name for axis in AXES if axis.name in _ALWAYS_NAMED or axis.name in varying]
    if configuration.get("quant") == AS_IS and "model" not in named:
        named[named.index("quant")] = "model"  # "as is" says nothing by itself
    parts = [_told(axis, configuration.get(axis)) for axis in named if configuration.get(axis) is not None]
    if configuration.get("arrival") == "offline":
        parts.append("all at once")
    return " · ".join(parts)
