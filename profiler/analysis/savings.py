"""What the prefix cache saves: each cell that has it beside the one that differs in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.records.axis import AxisValue, Configuration
from profiler.records.run_record import Figures

_AXIS = "prefix_cache"


@dataclass(frozen=True, slots=True)
class Saving:
    """A cell with the prefix cache against its twin without; None where one of both has no such figure.

    Attributes:
        without: the twin's place in the sequence of cells.
        ttft_p50_ms, ttft_mean_ms: by how much the first token comes earlier; negative when it comes later.
        prefill_percent: prompt tokens that needed no prefill, of all (the figure `cache_hit_rate`).
    """

    without: int
    ttft_p50_ms: float | None
    ttft_mean_ms: float | None
    prefill_percent: float | None


def cache_savings(cells: Sequence[tuple[Configuration, Figures]]) -> dict[int, Saving]:
    """The saving of each cell with the prefix cache "on" that has a twin with it "off", by its place in `cells`."""
    twins = {
        _all_else(configuration): place for place, (configuration, _) in enumerate(cells) if configuration.get(_AXIS) == "off"
    }
    savings = {}
    for place, (configuration, figures) in enumerate(cells):
        twin = twins.get(_all_else(configuration)) if configuration.get(_AXIS) == "on" else None
        if twin is not None:
            slower = cells[twin][1]
            savings[place] = Saving(
                twin,
                _less(figures, slower, "ttft_ms.p50"),
                _less(figures, slower, "ttft_ms.mean"),
                figure_value(figures, "cache_hit_rate"),
            )
    return savings


def _all_else(configuration: Configuration) -> frozenset[tuple[str, AxisValue]]:
    return frozenset((name, value) for name, value in configuration.items() if name != _AXIS and value is not None)


def _less(figures: Figures, than: Figures, name: str) -> float | None:
    value, other = figure_value(figures, name), figure_value(than, name)
    return None if value is None or other is None else other - value
