"""Where a figure's values lie on its drawing, in pixels; the same for what is drawn and for what a pointer reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.exchange.charts.chart import Chart
from profiler.exchange.charts.elements import width_px
from profiler.exchange.charts.scale import Tick, ticks

WIDTH_PX, HEIGHT_PX = 600, 360
_AIR_PX = 14
_BELOW_PX = 44
_MOST_TICKS_X, _MOST_TICKS_Y = 7, 6


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot's rectangle within a drawing of WIDTH_PX, and the ticks at it."""

    chart: Chart
    left: float
    top: float
    right: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of two values; what lies beyond an axis is drawn at its end."""
        x_share = self.chart.x.scale.share(self.chart.x.scale.clamped(x))
        y_share = self.chart.y.scale.share(self.chart.y.scale.clamped(y))
        return self.left + x_share * (self.right - self.left), self.bottom - y_share * (self.bottom - self.top)

    def path(self, places: Sequence[tuple[float, float]]) -> str:
        """An SVG path through these values."""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (self.at(*place) for place in places))


def frame_of(chart: Chart, head_px: float) -> Frame:
    """The frame below a head (title and legend) of that height; the y axis's title stands above the plot."""
    x_ticks, y_ticks = ticks(chart.x.scale, _MOST_TICKS_X), ticks(chart.y.scale, _MOST_TICKS_Y)
    left = _AIR_PX + max((width_px(tick.text) for tick in y_ticks), default=0.0) + 8
    return Frame(chart, left, head_px + 30, WIDTH_PX - _AIR_PX - 14, HEIGHT_PX + head_px - _BELOW_PX, x_ticks, y_ticks)
