"""The latency-throughput frontier: the cells that no other cell beats on both of two figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from profiler.analysis.figure_name import figure_value
from profiler.records.metric import BY_NAME
from profiler.records.run_record import Figures


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One cell on the plane of two figures.

    Attributes:
        x, y: its values of the two figures, in their metrics' units.
        is_on_frontier: no other cell is at least as good on both and better on one.
    """

    cell_id: int
    x: float
    y: float
    is_on_frontier: bool


def frontier(cells: Mapping[int, Figures], x: str = "user_tok_s", y: str = "output_tok_s") -> tuple[FrontierPoint, ...]:
    """All cells that have both figures, by rising x; cells that tie on both are on the frontier together.

    Args:
        cells: figures by cell.
        x: name of a figure ("user_tok_s", "ttft_ms.p95"); its metric says which way is better.
        y: likewise.

    Raises:
        ValueError: when a figure's metric has no better direction.
    """
    gain_x, gain_y = _gain(x), _gain(y)
    points = [
        (cell_id, at_x, at_y)
        for cell_id, figures in cells.items()
        if (at_x := figure_value(figures, x)) is not None and (at_y := figure_value(figures, y)) is not None
    ]
    points.sort(key=lambda point: (-gain_x * point[1], -gain_y * point[2]))
    on_frontier = set()
    best: tuple[float, float] | None = None  # the newest on the frontier: the best y so far, at the best x that has it
    for cell_id, at_x, at_y in points:
        if best is None or gain_y * at_y > gain_y * best[1] or (at_x, at_y) == best:
            best = (at_x, at_y)
            on_frontier.add(cell_id)
    points.sort(key=lambda point: (point[1], point[2]))
    return tuple(FrontierPoint(cell_id, at_x, at_y, cell_id in on_frontier) for cell_id, at_x, at_y in points)


def _gain(name: str) -> int:
    better = BY_NAME[name.partition(".")[0]].better
    if better == "neither":
        raise ValueError(f"{name} has no better direction, so it has no frontier")
    return 1 if better == "higher" else -1
