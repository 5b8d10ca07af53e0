"""One figure of a session's cells over two of the axes that vary; every place is one measured cell, none is an average."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.analysis.slo import UNBOUNDED
from profiler.analysis.stated import is_figure_stated
from profiler.exchange.findings.figure_words import figure_text, figure_title
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.exchange.findings.spoken import STEPS
from profiler.plan.cell_words import value_text
from profiler.records.axis import Axis, AxisValue
from profiler.records.metric import BY_NAME
from profiler.records.run_record import CellStatus
from profiler.units import half_width_text

FAILED_WORDS = "failed"
BROKEN_WORDS = "does not meet the need"
FEW_WORDS = "not enough data"


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One place.

    Attributes:
        row, column: its place.
        value: None where the figure was not measured.
        text: what stands in it: "812", "(812)" of too few values, "✕" failed, "–" not measured.
        share: where the value lies between the lowest (0) and the highest (1) that are shown; None without a value.
        is_failed, is_broken, is_few: it could not be measured, does not meet the need, has too few values for this percentile.
        words: all of it, for the tooltip and the screen reader.
    """

    cell_id: int
    row: int
    column: int
    value: float | None
    text: str
    share: float | None
    words: str
    interval: tuple[float, float] | None = None
    is_failed: bool = False
    is_broken: bool = False
    is_few: bool = False


@dataclass(frozen=True, slots=True)
class Heatmap:
    """The map.

    Attributes:
        title: of the figure, with its unit.
        better: "more is better", "less is better", or empty.
        low, high: the lowest and highest values shown, as text; empty without any.
    """

    title: str
    better: str
    row_title: str
    column_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[HeatCell, ...]
    low: str = ""
    high: str = ""


def other_axes(view: SessionView, across: str, down: str) -> tuple[Axis, ...]:
    """The axes that must be held at one value, since without that several cells would share a place."""
    found: list[Axis] = []
    for axis in view.varying:
        if axis.name in (across, down):
            continue
        held = [across, down, *(other.name for other in found)]
        places: dict[tuple[AxisValue, ...], set[AxisValue]] = {}
        for cell in view.cells:
            key = tuple(cell.configuration.get(name) for name in held)
            places.setdefault(key, set()).add(cell.configuration.get(axis.name))
        if any(len(values) > 1 for values in places.values()):
            found.append(axis)
    return tuple(found)


def values_on(view: SessionView, axis: str) -> tuple[AxisValue, ...]:
    """The values that cells have on an axis: numbers by size, words as they first appeared, "does not apply" first."""
    values = list(dict.fromkeys(cell.configuration.get(axis) for cell in view.cells))

    def rank(value: AxisValue) -> tuple[int, float]:
        if value is None:
            return 0, 0.0
        return (2, float(values.index(value))) if isinstance(value, str) else (1, float(value))

    return tuple(sorted(values, key=rank))


def first_axes(view: SessionView) -> tuple[str, str] | None:
    """The axes across and down that are looked at first: the load across; None where fewer than two vary."""
    names = [axis.name for axis in view.varying]
    if len(names) < 2:
        return None
    across = next((name for name in STEPS if name in names), names[0])
    return across, next(name for name in names if name != across)


def most_measured(view: SessionView, axis: str) -> AxisValue:
    """The value of an axis with most measured cells; of several the first."""
    values = values_on(view, axis)
    counts = [sum(cell.configuration.get(axis) == value for cell in view.measured) for value in values]
    return values[counts.index(max(counts))]


def held_parts(view: SessionView, across: str, down: str) -> list[dict[str, AxisValue]]:
    """The parts of the sweep that a map of these axes can show: values of the `other_axes` at which something was measured.

    The part with most measured cells comes first.
    """
    names = [axis.name for axis in other_axes(view, across, down)]
    counts: dict[tuple[AxisValue, ...], int] = {}
    for cell in view.measured:
        key = tuple(cell.configuration.get(name) for name in names)
        counts[key] = counts.get(key, 0) + 1
    return [dict(zip(names, key, strict=True)) for key in sorted(counts, key=lambda key: -counts[key])]


def held_words(view: SessionView, held: Mapping[str, AxisValue]) -> list[str]:
    """Where the other axes are held: "threads 4"."""
    labels = {axis.name: axis.label for axis in view.varying}
    return [f"{labels[name].lower()} {value_text(value)}" for name, value in held.items()]


def heatmap(view: SessionView, name: str, across: str, down: str, held: Mapping[str, AxisValue]) -> Heatmap:
    """The map of one figure.

    Args:
        view: the session.
        name: flat name of the figure ("ttft_ms.p95").
        across: name of the axis of the columns.
        down: of that of the rows.
        held: the value of each of `other_axes`.
    """
    cells = [cell for cell in view.cells if all(cell.configuration.get(axis) == value for axis, value in held.items())]
    rows, columns = values_on(view, down), values_on(view, across)
    values = [value for cell in cells if (value := _value(cell, name)) is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    axes = {axis.name: axis for axis in view.varying}
    better = {"higher": "more is better", "lower": "less is better"}.get(BY_NAME[name.partition(".")[0]].better, "")
    return Heatmap(
        figure_title(name),
        better,
        _axis_title(axes[down]),
        _axis_title(axes[across]),
        tuple(value_text(value) for value in rows),
        tuple(value_text(value) for value in columns),
        tuple(
            _cell(
                cell, name, rows.index(cell.configuration.get(down)), columns.index(cell.configuration.get(across)), (low, high)
            )
            for cell in cells
        ),
        figure_text(name, low) if values else "",
        figure_text(name, high) if values else "",
    )


def _axis_title(axis: Axis) -> str:
    return f"{axis.label}, {axis.unit}" if axis.unit else axis.label


def _value(cell: CellView, name: str) -> float | None:
    if cell.figures is None or (cell.is_unstable and name.partition(".")[0] in UNBOUNDED):
        return None
    return figure_value(cell.figures, name)


def _cell(cell: CellView, name: str, row: int, column: int, ends: tuple[float, float]) -> HeatCell:
    value = _value(cell, name)
    is_failed = cell.status is CellStatus.FAILED and value is None
    is_broken = cell.verdict is Verdict.BROKEN
    is_few = value is not None and not is_figure_stated(cell.figures or {}, name, cell.configuration)
    interval = cell.intervals.get(name) if value is not None else None
    low, high = ends
    share = None if value is None else (value - low) / (high - low) if high > low else 1.0
    return HeatCell(
        cell.cell_id,
        row,
        column,
        value,
        _text(cell, name, value, is_few=is_few),
        share,
        "\n".join(_words(cell, name, value, interval, is_few=is_few)),
        interval,
        is_failed,
        is_broken,
        is_few,
    )


def _text(cell: CellView, name: str, value: float | None, *, is_few: bool) -> str:
    if value is None:
        if cell.is_unstable and cell.figures is not None:
            return "▲ unstable"
        return {CellStatus.FAILED: "✕ failed", CellStatus.PENDING: "to come"}.get(cell.status, "–")
    text = figure_text(name, value)
    marks = [mark for mark, is_there in (("✕", cell.verdict is Verdict.BROKEN), ("▲", bool(cell.doubts))) if is_there]
    return " ".join([f"({text})" if is_few else text, *marks])


def _words(
    cell: CellView, name: str, value: float | None, interval: tuple[float, float] | None, *, is_few: bool
) -> Sequence[str]:
    title = figure_title(name)
    if value is None:
        why = "unstable, so not stated" if cell.is_unstable and cell.figures is not None else "not measured"
        return [f"{cell.title}: {title}: {why}", *([cell.reason] if cell.reason else [])]
    width = (
        f" {half_width_text(value, interval)}" if interval is not None and BY_NAME[name.partition(".")[0]].unit != "bytes" else ""
    )
    lines = [f"{cell.title}: {title}: {figure_text(name, value)}{width}"]
    lines += [f"In brackets: {FEW_WORDS} to be certain of this percentile"] if is_few else []
    lines += [check.sentence for check in cell.checks if check.verdict is Verdict.BROKEN]
    return [*lines, *(f"▲ {flag}" for flag in cell.doubts)]
