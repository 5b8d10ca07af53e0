"""What is drawn of cells and models on planes of two figures: the same for the window's plots and the report's."""

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


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure with its 95 % interval, None where there is none."""

    value: float
    interval: tuple[float, float] | None = None

    def scaled(self, unit: float) -> "Reading":
        """The same in another unit."""
        ends = self.interval
        return Reading(self.value / unit, None if ends is None else (ends[0] / unit, ends[1] / unit))


@dataclass(frozen=True, slots=True)
class ThreeWayMark:
    """One model file.

    Attributes:
        index: of its colour and marker.
        speed: tokens a second.
        memory: bytes.
        loss: None where it is not known.
        is_base: its loss is 0, since the others are held against it.
        is_beaten: another one is as good in all of them and better in one.
        words: for the tooltip.
    """

    key: int
    index: int
    name: str
    speed: Reading
    memory: Reading
    loss: Reading | None
    words: str
    is_base: bool = False
    is_beaten: bool = False


@dataclass(frozen=True, slots=True)
class AxisWords:
    """What the axes are called, without the unit of memory, which goes by its size."""

    speed: str
    memory: str
    loss: str
    is_loss_from_zero: bool = True
