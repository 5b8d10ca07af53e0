"""Draws a plot: axes, limit, series with their intervals, labels that do not cover each other."""

from collections.abc import Iterable

from profiler.exchange.charts.chart import Chart, Limit, Look, Marker, Point, Series
from profiler.exchange.charts.elements import rectangle, text, width_px
from profiler.exchange.charts.frame import WIDTH_PX, Frame, frame_of
from profiler.exchange.charts.ink import SERIES_ROLES, Ink, Role
from profiler.exchange.markup import escaped

SAMPLE_PX = 26
_MARKER_PX = 4.2
_MOST_LABELS = 60

_BESIDE = ((9, -6, "start"), (-9, 14, "end"), (9, 14, "start"), (-9, -6, "end"), (11, 4, "start"), (-11, 4, "end"))
"""Where a point's label may stand, and which end of it is there."""

Box = tuple[float, float, float, float]
Place = tuple[float, float, str]
"""Where words stand, and which end of them is there."""


def plot_content(chart: Chart, head_px: float, ink: Ink, *, is_page: bool) -> str:
    """All of it, below a head of that height."""
    frame = frame_of(chart, head_px)
    parts = [*_axes(chart, frame, ink)]
    if chart.limit is not None:
        parts += _limit(chart.limit, frame, ink)
    for guide in chart.guides:
        parts.append(f'<path d="{frame.path([guide.start, guide.end])}"{ink.paint(stroke="muted")} stroke-width="1.5"/>')
    parts += _guide_words(chart, frame, ink)
    labels = _labels(chart, frame)
    for number, series in enumerate(chart.series):
        if not series.is_shown and not is_page:
            continue
        off = "" if series.is_shown else " off"
        cell = "" if series.cell_id is None else f' data-cell="{series.cell_id}"'
        parts.append(f'<g class="series{off}" data-series="{number}"{cell}>' if is_page else "<g>")
        parts += _series(series, frame, ink, labels, is_page=is_page)
        parts.append("</g>")
    return "".join(parts)


def _axes(chart: Chart, frame: Frame, ink: Ink) -> Iterable[str]:
    for tick in frame.y_ticks:
        _, y = frame.at(chart.x.scale.low, tick.value)
        yield f'<path d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}"{ink.paint(stroke="grid")}/>'
        yield text(frame.left - 8, y + 4, tick.text, ink, "muted", anchor="end")
    for tick in frame.x_ticks:
        x, _ = frame.at(tick.value, chart.y.scale.low)
        yield f'<path d="M{x:.1f} {frame.bottom:.1f}v4"{ink.paint(stroke="line")}/>'
        yield text(x, frame.bottom + 17, tick.text, ink, "muted", anchor="middle")
    yield f'<path d="M{frame.left:.1f} {frame.bottom:.1f}H{frame.right:.1f}"{ink.paint(stroke="line")}/>'
    yield text(14, frame.top - 14, f"↑ {chart.y.title}", ink, "muted")
    yield text(frame.right, frame.bottom + 35, f"{chart.x.title} →", ink, "muted", anchor="end")


def _limit(limit: Limit, frame: Frame, ink: Ink) -> Iterable[str]:
    scale = frame.chart.x.scale if limit.is_x else frame.chart.y.scale
    x, y = frame.at(limit.value, limit.value)
    if limit.met_side is not None:
        left, top, right, bottom = frame.left, frame.top, frame.right, frame.bottom
        if limit.is_x:
            left, right = (x, right) if limit.met_side == "above" else (left, x)
        else:
            top, bottom = (top, y) if limit.met_side == "above" else (y, bottom)
        if right > left and bottom > top:
            yield rectangle(left, top, right - left, bottom - top, f'{ink.paint("met")} fill-opacity="0.1"')
    if not scale.holds(limit.value):
        return
    role: Role = "muted" if limit.met_side is None else "met"
    paint = f'{ink.paint(stroke=role)} stroke-dasharray="5 4"'
    end = f"V{frame.bottom:.1f}" if limit.is_x else f"H{frame.right:.1f}"
    yield f'<path d="M{x if limit.is_x else frame.left:.1f} {frame.top if limit.is_x else y:.1f}{end}"{paint}/>'
    words_x, words_y, anchor = _limit_words(limit, frame)
    yield text(words_x, words_y, limit.words, ink, role, anchor=anchor)


def _limit_words(limit: Limit, frame: Frame) -> Place:
    """Beside its line, where no point lies; the first such place that is within the plane."""
    x, y = frame.at(limit.value, limit.value)
    wide = width_px(limit.words)
    if limit.is_x:
        rows = (frame.top + 12, frame.bottom - 8, (frame.top + frame.bottom) / 2)
        places = [(x + dx, row, anchor) for row in rows for dx, anchor in ((6, "start"), (-6, "end"))]
    else:
        ends = ((frame.right - 4, "end"), (frame.left + 6, "start"))
        places = [(end, y + dy, anchor) for dy in (-6, 14) for end, anchor in ends]
    points = _point_boxes(frame)
    free = [place for place in places if _fits(_box(place, wide), frame)]
    return next((place for place in free if not any(_overlap(_box(place, wide), other) for other in points)), (free or places)[0])


def _box(place: Place, wide: float) -> Box:
    """The room that words take."""
    x, y, anchor = place
    left = x if anchor == "start" else x - wide
    return left, y - 9, left + wide, y + 2


def _fits(box: Box, frame: Frame) -> bool:
    return box[0] >= frame.left and box[2] <= WIDTH_PX - 2 and box[1] >= frame.top - 8 and box[3] <= frame.bottom


def _point_boxes(frame: Frame) -> list[Box]:
    places = (frame.at(point.x, point.y) for series in frame.chart.series for point in series.points)
    return [(x - 6, y - 6, x + 6, y + 6) for x, y in places]


def _guide_words(chart: Chart, frame: Frame, ink: Ink) -> Iterable[str]:
    """Above the right end of a level line; along the middle of a slanting one, below it."""
    for guide in chart.guides:
        (x1, y1), (x2, y2) = frame.at(*guide.start), frame.at(*guide.end)
        if abs(y1 - y2) < 1:
            yield text(x2 - 4, y2 - 7, guide.words, ink, "muted", anchor="end")
        else:
            yield text(x1 + 0.35 * (x2 - x1) + 12, y1 + 0.35 * (y2 - y1) + 12, guide.words, ink, "muted")


def _series(series: Series, frame: Frame, ink: Ink, labels: dict[int, Place], *, is_page: bool) -> Iterable[str]:
    role = SERIES_ROLES[series.look.color]
    if len(series.line) > 1:
        dash = f' stroke-dasharray="{series.look.dash}"' if series.look.dash else ""
        yield f'<path d="{frame.path(series.line)}"{ink.paint(stroke=role)} stroke-width="1.5"{dash} stroke-linejoin="round"/>'
    if len(series.faint) > 1:
        yield (
            f'<path d="{frame.path(series.faint)}"{ink.paint(stroke=role)} stroke-width="1.3" stroke-dasharray="1.5 3" '
            f'stroke-opacity="0.75"/>'
        )
    for point in series.points:
        cell = f' data-cell="{point.cell_id}"' if is_page and point.cell_id is not None else ""
        yield f"<g{cell}>"
        yield from _intervals(point, frame, ink, role)
        x, y = frame.at(point.x, point.y)
        yield _marker(x, y, series.look.marker, ink, role, is_hollow=point.is_hollow)
        if is_page and point.cell_id is not None:
            yield f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
        else:
            yield f"<title>{escaped(point.words)}</title>"
        if id(point) in labels:
            label_x, label_y, anchor = labels[id(point)]
            yield text(label_x, label_y, point.label, ink, "muted", anchor=anchor)
        yield "</g>"


def _intervals(point: Point, frame: Frame, ink: Ink, role: Role) -> Iterable[str]:
    """An end that lies beyond the plane has no bar across it."""
    paint = ink.paint(stroke=role)
    x, y = frame.at(point.x, point.y)
    if point.x_interval is not None:
        places = [(frame.at(end, point.y)[0], frame.chart.x.scale.holds(end)) for end in point.x_interval]
        bars = "".join(f"M{at:.1f} {y - 3:.1f}v6" for at, is_end in places if is_end)
        yield f'<path d="M{places[0][0]:.1f} {y:.1f}H{places[1][0]:.1f}{bars}"{paint} stroke-opacity="0.7"/>'
    if point.y_interval is not None:
        places = [(frame.at(point.x, end)[1], frame.chart.y.scale.holds(end)) for end in point.y_interval]
        bars = "".join(f"M{x - 3:.1f} {at:.1f}h6" for at, is_end in places if is_end)
        yield f'<path d="M{x:.1f} {places[0][0]:.1f}V{places[1][0]:.1f}{bars}"{paint} stroke-opacity="0.7"/>'


def _marker(x: float, y: float, marker: Marker, ink: Ink, role: Role, *, is_hollow: bool) -> str:
    paint = f'{ink.paint("surface" if is_hollow else role, role)} stroke-width="1.5"'
    half = _MARKER_PX
    match marker:
        case "circle":
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{half}"{paint}/>'
        case "square":
            return rectangle(x - half, y - half, 2 * half, 2 * half, paint)
        case "triangle":
            return f'<path d="M{x:.1f} {y - half - 1:.1f}l{half + 1} {2 * half + 1}h{-2 * half - 2}z"{paint}/>'
        case "diamond":
            reach = half + 1
            return f'<path d="M{x:.1f} {y - reach:.1f}l{reach} {reach}l{-reach} {reach}l{-reach} {-reach}z"{paint}/>'


def _labels(chart: Chart, frame: Frame) -> dict[int, Place]:
    """Where each point's label goes, by its identity: the first place beside it that is free; none where all are taken."""
    points = [point for series in chart.series for point in series.points if point.label]
    if len(points) > _MOST_LABELS:
        return {}
    taken = _point_boxes(frame)
    if chart.limit is not None:
        taken.append(_box(_limit_words(chart.limit, frame), width_px(chart.limit.words)))
    found: dict[int, Place] = {}
    for point in points:
        x, y = frame.at(point.x, point.y)
        wide = width_px(point.label)
        for dx, dy, anchor in _BESIDE:
            place = (x + dx, y + dy, anchor)
            box = _box(place, wide)
            if _fits(box, frame) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                found[id(point)] = place
                break
    return found


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def sample(x: float, y: float, look: Look, ink: Ink) -> str:
    """A series' line and marker, for a legend."""
    role = SERIES_ROLES[look.color]
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    line = f'<path d="M{x:.1f} {y:.1f}h{SAMPLE_PX}"{ink.paint(stroke=role)} stroke-width="1.5"{dash}/>'
    return line + _marker(x + SAMPLE_PX / 2, y, look.marker, ink, role, is_hollow=look.is_hollow)
