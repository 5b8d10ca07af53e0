"""What is drawn of cells on a plane of two figures: the same for the window's plots and the report's."""

from dataclasses import dataclass

from profiler.analysis.roofline import Phase

PHASE_WORDS = {Phase.DECODE: "decode", Phase.PREFILL: "prefill"}


@dataclass(frozen=True, slots=True)
class FrontierMark:
    """One cell.

    Attributes:
        x, y: its figures; `x_interval` and `y_interval` their 95 % intervals, None where there is none.
        words: for the tooltip.
        is_on_frontier: no other cell beats it on both figures; drawn filled, the others hollow.
        label: stands beside the point.
    """

    cell_id: int
    x: float
    y: float
    words: str
    is_on_frontier: bool
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class FrontierSeries:
    """Cells that belong together, in the order in which the line joins them."""

    name: str
    marks: tuple[FrontierMark, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """Where a need is met: on one side of a value of one of the two figures.

    Attributes:
        value: the limit.
        words: at its line.
        is_x: it is a limit on the figure along x, else on that along y.
        is_met_above: which side meets it.
    """

    value: float
    words: str
    is_x: bool = True
    is_met_above: bool = True


@dataclass(frozen=True, slots=True)
class RoofMark:
    """One cell in one phase.

    Attributes:
        intensity: FLOPs for a byte, above 0.
        gflop_s: achieved, above 0.
        label: stands beside the point.
        words: for the tooltip.
    """

    cell_id: int
    phase: Phase
    intensity: float
    gflop_s: float
    label: str
    words: str


@dataclass(frozen=True, slots=True)
class RoofPath:
    """The cells of one line, in the order in which it joins them.

    Attributes:
        name: what the line stands for.
        marks: of both phases; each phase is joined by itself.
    """

    name: str
    marks: tuple[RoofMark, ...]
