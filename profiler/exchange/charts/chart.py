"""Figures before they are drawn: plots of series, maps of cells, bars of parts, with words for those who do not see them."""

from dataclasses import dataclass
from typing import Literal

from profiler.exchange.charts.elements import Pattern
from profiler.exchange.charts.ink import Role
from profiler.exchange.charts.scale import Scale
from profiler.exchange.findings.heatmap import Heatmap

Interval = tuple[float, float]
Marker = Literal["circle", "square", "triangle", "diamond"]

_MARKERS: tuple[Marker, ...] = ("circle", "square", "triangle", "diamond")
_DASHES = ("", "7 3", "2 3", "8 3 2 3")


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is told apart: a colour of the four, a marker, and a dash where the colours begin again.

    Attributes:
        is_hollow: its markers are, in the legend; in the figure each point tells for itself.
    """

    color: int
    marker: Marker
    dash: str
    is_hollow: bool = False


def look_of(index: int) -> Look:
    """The look of the `index`-th series, in the order of the window's figures."""
    return Look(index % 4, _MARKERS[(index + index // 4) % 4], _DASHES[index // 4 % 4])


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis; the title has its unit."""

    title: str
    scale: Scale


@dataclass(frozen=True, slots=True)
class Point:
    """One point.

    Attributes:
        words: what is said of it, a line each.
        cell_id: the cell that it is, None for a place on a curve.
        label: stands beside it, may be empty.
        is_hollow: another cell beats it, or it is of a second kind.
    """

    x: float
    y: float
    words: str
    cell_id: int | None = None
    label: str = ""
    is_hollow: bool = False
    x_interval: Interval | None = None
    y_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What belongs together.

    Attributes:
        points: drawn with markers, each readable.
        line: what is drawn through them; empty for none. `faint` goes on where it may not be claimed, dotted.
        readings: places on the line that can be read but have no marker.
        cell_id: of a curve that is one cell's.
        is_shown: False leaves it out until somebody asks for it.
    """

    name: str
    look: Look
    points: tuple[Point, ...] = ()
    line: tuple[tuple[float, float], ...] = ()
    faint: tuple[tuple[float, float], ...] = ()
    readings: tuple[Point, ...] = ()
    cell_id: int | None = None
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """A value that must be kept to.

    Attributes:
        words: at its line.
        is_x: it is a value along x, else along y.
        met_side: on which side it is kept to, drawn as a region; None draws the line only.
    """

    value: float
    words: str
    is_x: bool = True
    met_side: Literal["above", "below"] | None = None


@dataclass(frozen=True, slots=True)
class Guide:
    """A straight line of the plane itself, such as a roof."""

    start: tuple[float, float]
    end: tuple[float, float]
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot.

    Attributes:
        key: of a file's name and an element's id.
        told: what the axes, the numbers at the points and their marks are, in a line.
        reading: how it is read with a pointer: the nearest point; or of each curve the last reading up to the pointer's place
            along x, or the next one from there on.
        latency: of which it shows the distribution, None for other figures.
        note: what is not drawn, and why; may be empty.
    """

    key: str
    title: str
    told: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    reading: Literal["nearest", "last", "next"] = "nearest"
    latency: str | None = None
    limit: Limit | None = None
    guides: tuple[Guide, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class HeatChart:
    """One figure of the cells over two axes.

    Attributes:
        key, title, told, note: as of a `Chart`.
        name: what tells this map apart from others of the session: its figure, and where the other axes are held.
        map: the map.
    """

    key: str
    title: str
    told: str
    name: str
    map: Heatmap
    note: str = ""


@dataclass(frozen=True, slots=True)
class PartKind:
    """What the parts of all bars stand for, and how they are told apart."""

    name: str
    role: Role
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Bar:
    """One whole thing.

    Attributes:
        parts: of each kind, none below 0.
        figure: the whole, in words.
        words: all of it.
        cell_id: the cell that it is about.
    """

    label: str
    parts: tuple[float, ...]
    figure: str
    words: str
    cell_id: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """Lying bars of parts.

    Attributes:
        key, title, told, note: as of a `Chart`.
        axis: along which they lie, from 0.
    """

    key: str
    title: str
    told: str
    axis: Axis
    kinds: tuple[PartKind, ...]
    bars: tuple[Bar, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """What happened one after another.

    Attributes:
        spans: from when to when, along the axis, and of which kind; rising, not overlapping.
        shares: of the whole time, each kind's part of 1.
    """

    label: str
    spans: tuple[tuple[float, float, int], ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LaneChart:
    """Lanes beneath each other over one axis of time.

    Attributes:
        key, title, told, note: as of a `Chart`.
        axis: of time.
        kinds: what the spans stand for.
    """

    key: str
    title: str
    told: str
    axis: Axis
    kinds: tuple[PartKind, ...]
    lanes: tuple[Lane, ...]
    note: str = ""


Figure = Chart | HeatChart | BarChart | LaneChart
