"""Lays the cells of a sweep out as rows and columns. Pure: no widget is touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.plan.cell_words import has_users, told_together, value_text
from profiler.plan.cells import varying_axes
from profiler.records.axis import BY_NAME, AxisValue, Configuration

_COLUMN_AXES = ("concurrency", "rate", "slots")
"""Axes that make good columns, the best first; else the last axis that varies."""


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
        rows = tuple(told_together(row_axes, dict(zip(row_axes, key, strict=True))) for key in row_keys)
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
    have_users = {has_users(configuration) for configuration in configurations}
    return {frozenset({False}): "Slots", frozenset({True, False}): "Users or slots"}.get(frozenset(have_users), label)
