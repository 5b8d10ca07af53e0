"""The planes of two figures as charts: each cell a point, cells that differ only in the load on one line."""

from profiler.exchange.charts.chart import Axis, Chart, Interval, Limit, Point, Series, look_of
from profiler.exchange.charts.scale import from_zero
from profiler.exchange.findings.marks import FrontierMark, FrontierSeries, Need
from profiler.exchange.findings.planes import FIRST_TOKEN_PLANE, SPEED, Plane, need_on, not_drawn, planes_of, series_of, told
from profiler.exchange.findings.session_view import SessionView
from profiler.records.metric import BY_NAME

_WIDEST_REACH = 1.3
_FARTHEST_NEED = 3.0  # times the farthest cell: a limit far beyond all of them would press them flat

FREEZE_KEY, SPEED_KEY, FIRST_TOKEN_KEY = "freeze", "speed-frontier", "first-token-against-output"
_TITLES = {SPEED_KEY: "Latency against throughput", FIRST_TOKEN_KEY: "First token against throughput"}
_AXES = {"output_tok_s": "tok/s in total", "user_tok_s": "tok/s for each"}


def plane_charts(view: SessionView) -> list[Chart]:
    """Those that have a cell to show."""
    charts = [_chart(view, plane) for plane in planes_of(view)]
    return [chart for chart in charts if chart.series]


def _chart(view: SessionView, plane: Plane) -> Chart:
    key = SPEED_KEY if plane == SPEED else FIRST_TOKEN_KEY if plane == FIRST_TOKEN_PLANE else FREEZE_KEY
    series = series_of(view, plane)
    need = need_on(view, plane)
    return Chart(
        key=key,
        title=_TITLES.get(key, plane.label),
        told=told(view, plane),
        x=Axis(_axis(plane.x, plane.x_class), from_zero(_reach(series, need, is_x=True))),
        y=Axis(_axis(plane.y, plane.y_class), from_zero(_reach(series, need, is_x=False))),
        series=tuple(_series(item, index) for index, item in enumerate(series)),
        limit=None if need is None else Limit(need.value, need.words, need.is_x, "above" if need.is_met_above else "below"),
        note=not_drawn(view, plane),
    )


def _series(item: FrontierSeries, index: int) -> Series:
    points = tuple(
        Point(
            mark.x,
            mark.y,
            mark.words,
            mark.cell_id,
            mark.label,
            is_hollow=not mark.is_on_frontier,
            x_interval=mark.x_interval,
            y_interval=mark.y_interval,
        )
        for mark in item.marks
    )
    return Series(item.name, look_of(index), points, tuple((mark.x, mark.y) for mark in item.marks))


def _reach(series: list[FrontierSeries], need: Need | None, *, is_x: bool) -> float:
    """How far the cells and their intervals go, and the place where the need begins where it is not far beyond."""
    marks = [mark for item in series for mark in item.marks]
    farthest = max((_end(mark, is_x=is_x) for mark in marks), default=1.0)
    if need is not None and need.is_x == is_x and (is_x or need.value <= _FARTHEST_NEED * farthest):
        farthest = max(farthest, need.value)
    return farthest


def _end(mark: FrontierMark, *, is_x: bool) -> float:
    """An interval of few runs may be so wide that it would squeeze all others."""
    value = mark.x if is_x else mark.y
    interval: Interval | None = mark.x_interval if is_x else mark.y_interval
    return min(interval[1], _WIDEST_REACH * value) if interval else value


def _axis(name: str, of_class: str) -> str:
    metric, _, statistic = name.partition(".")
    words = _AXES.get(name) or f"{BY_NAME[metric].label.lower()} {statistic}, {BY_NAME[metric].unit}"
    return f"{words} ({of_class})" if of_class else words
