"""One curve of a time plot: how it is told apart, and its points in memory that is kept between frames."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtGui import QPolygonF

from app.plots.axis import Ticks
from app.plots.legend import LegendItem, Marker

Shape = Literal["line", "dots", "band"]
Series = NDArray[np.float64]

EMPTY: Series = np.empty(0)


@dataclass(frozen=True, slots=True)
class CurveStyle:
    """What a curve is and how it is drawn.

    Attributes:
        name: words of the legend.
        unit: behind the name and behind every reading.
        color: index into the theme's series.
        shape: "band" fills between a lower and an upper series and draws the lower one as the line.
        marker: a second way to tell it apart than colour.
        is_right: read on an axis of its own, whose range the legend tells.
        is_available: False when nothing can be read of it here; the legend says so.
    """

    name: str
    unit: str
    color: int
    shape: Shape = "line"
    marker: Marker = "none"
    is_right: bool = False
    is_available: bool = True

    def legend_item(self, right: Ticks) -> LegendItem:
        """Its entry in the legend; `right` is the scale of the right axis."""
        if not self.is_available:
            return LegendItem(f"{self.name} not available", self.color, sample="none")
        range_text = f", right axis 0–{right.texts()[-1]}" if self.is_right else ""
        words = f"{self.name}{range_text} {self.unit}".strip()
        return LegendItem(words, self.color, self.marker, "dots" if self.shape == "dots" else "line")


class Curve:
    """A style and its present points.

    Attributes:
        style: may be replaced when the unit changes.
        is_shown: False where there is nothing to be told of it; then it is in no legend and has no points.
        times_s: ascending.
        values: NaN where there is nothing; `upper` likewise, empty unless the shape is a band.
    """

    def __init__(self, style: CurveStyle) -> None:
        self.style = style
        self.is_shown = True
        self.times_s = EMPTY
        self.values = EMPTY
        self.upper = EMPTY
        self._polygon = QPolygonF()

    def set_points(self, times_s: Series, values: Series, upper: Series = EMPTY) -> None:
        """Have these points from now on; the arrays are kept, not copied."""
        self.times_s, self.values, self.upper = times_s, values, upper

    def highest(self) -> float:
        """The highest value, 0 when there is none."""
        highest = 0.0
        for series in (self.values, self.upper):
            finite = series[np.isfinite(series)]
            if len(finite):
                highest = max(highest, float(finite.max()))
        return highest

    def reading(self, time_s: float, within_s: float) -> float | None:
        """The value nearest to an instant, None when there is none within `within_s`."""
        near = np.abs(self.times_s - time_s)
        near[~np.isfinite(self.values)] = np.inf
        if not len(near):
            return None
        place = int(near.argmin())
        return float(self.values[place]) if near[place] <= within_s else None

    def polygon(self, x: Series, y: Series) -> QPolygonF:
        """The points as Qt draws them; one polygon a curve is reused, so that a frame allocates next to nothing."""
        self._polygon.resize(len(x))
        memory = shiboken6.VoidPtr(self._polygon.data(), len(x) * 16, True)  # type: ignore[call-arg,arg-type]  # stubs lag
        points = np.frombuffer(memory, np.float64).reshape(-1, 2)  # type: ignore[call-overload]
        points[:, 0] = x
        points[:, 1] = y
        return self._polygon


def finite_stretches(values: Series) -> list[slice]:
    """The stretches without NaN, so that a gap in the data is a gap in the line."""
    is_finite = np.isfinite(values)
    if is_finite.all():  # the usual case, several times faster
        return [slice(0, len(values))]
    edges = np.flatnonzero(np.diff(is_finite, prepend=False, append=False))
    return [slice(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
