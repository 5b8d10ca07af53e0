"""Draws lanes of spans over one axis of time."""

from profiler.exchange.charts.chart import LaneChart
from profiler.exchange.charts.elements import hatching, rectangle, text, width_px
from profiler.exchange.charts.frame import WIDTH_PX
from profiler.exchange.charts.ink import Ink
from profiler.exchange.charts.scale import ticks

_AIR_PX = 14
_ROW_PX = 16
_SPAN_PX = 12
_LEAST_PX = 0.4
_MOST_TICKS = 6


def lane_content(chart: LaneChart, head_px: float, ink: Ink) -> tuple[str, float]:
    """The lanes below a head with their axis, and where it ends."""
    gutter = max((width_px(lane.label) for lane in chart.lanes), default=0.0) + 8
    left, right, top = _AIR_PX + gutter, WIDTH_PX - _AIR_PX, head_px + 8
    bottom = top + _ROW_PX * len(chart.lanes)
    parts = []
    for tick in ticks(chart.axis.scale, _MOST_TICKS):
        x = left + chart.axis.scale.share(tick.value) * (right - left)
        parts.append(f'<path d="M{x:.1f} {top:.1f}V{bottom + 4:.1f}"{ink.paint(stroke="grid")}/>')
        parts.append(text(x, bottom + 17, tick.text, ink, "muted", anchor="middle"))
    for row, lane in enumerate(chart.lanes):
        y = top + row * _ROW_PX
        parts.append(text(left - 8, y + 12, lane.label, ink, "text", anchor="end"))
        for start, end, number in lane.spans:
            kind = chart.kinds[number]
            x, stop = (left + chart.axis.scale.share(place) * (right - left) for place in (start, end))
            wide = max(stop - x, _LEAST_PX)
            parts.append(rectangle(x, y + (_ROW_PX - _SPAN_PX) / 2, wide, _SPAN_PX, ink.paint(kind.role)))
            parts.append(hatching(x, y + (_ROW_PX - _SPAN_PX) / 2, wide, _SPAN_PX, kind.pattern, ink, "surface"))
    parts.append(text(right, bottom + 34, f"{chart.axis.title} →", ink, "muted", anchor="end"))
    return "".join(parts), bottom + 44
