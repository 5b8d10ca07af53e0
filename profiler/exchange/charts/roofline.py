"""The roofline as a chart: how fast cells compute over how much they compute for a byte, under the measured ceilings."""

from dataclasses import replace

from profiler.analysis.roofline import Phase, Roofs
from profiler.exchange.charts.chart import Axis, Chart, Guide, Marker, Point, Series, look_of
from profiler.exchange.charts.scale import Scale
from profiler.exchange.findings.marks import RoofPath
from profiler.exchange.findings.roofline_reading import RooflineReading
from profiler.exchange.findings.roofline_words import not_drawn, paths_of, told
from profiler.exchange.findings.session_view import SessionView
from profiler.units import significant

KEY = "roofline"
_AIR = 1.8  # times
_HEADROOM = 4.0  # times, where no compute roof ends the plane
_MARKERS: dict[Phase, Marker] = {Phase.DECODE: "circle", Phase.PREFILL: "square"}


def roofline_chart(view: SessionView, reading: RooflineReading) -> Chart | None:
    """The plane; None where no cell has a place on it, or no roof was measured."""
    paths = paths_of(view, reading)
    roofs = reading.roofs
    if not any(path.marks for path in paths) or (roofs.bandwidth_gb_s is None and roofs.compute_gflop_s is None):
        return None
    x, y = _scales(paths, roofs)
    return Chart(
        key=KEY,
        title="Roofline",
        told=told(view),
        x=Axis("FLOP/byte", x),
        y=Axis("GFLOP/s", y),
        series=tuple(_series(path, phase, index) for index, path in enumerate(paths) for phase in Phase if _has(path, phase)),
        guides=tuple(_guides(roofs, x, y)),
        note=not_drawn(view, reading.cells),
    )


def _has(path: RoofPath, phase: Phase) -> bool:
    return any(mark.phase is phase for mark in path.marks)


def _series(path: RoofPath, phase: Phase, index: int) -> Series:
    marks = [mark for mark in path.marks if mark.phase is phase]
    points = tuple(
        Point(
            mark.intensity,
            mark.gflop_s,
            mark.words,
            mark.cell_id,
            mark.label,
            is_hollow=phase is Phase.PREFILL,
        )
        for mark in marks
    )
    look = replace(look_of(index), marker=_MARKERS[phase], is_hollow=phase is Phase.PREFILL)
    return Series(f"{path.name}, {phase}", look, points, tuple((point.x, point.y) for point in points))


def _scales(paths: list[RoofPath], roofs: Roofs) -> tuple[Scale, Scale]:
    marks = [mark for path in paths for mark in path.marks]
    across = [mark.intensity for mark in marks] + ([roofs.ridge] if roofs.ridge else [])
    rates = [mark.gflop_s for mark in marks]
    x = Scale(min(across) / _AIR, max(across) * _AIR, "log")
    top = max([roofs.compute_gflop_s, *rates]) * _AIR if roofs.compute_gflop_s else max(rates) * _HEADROOM
    return x, Scale(min(rates) / _AIR, top, "log")


def _guides(roofs: Roofs, x: Scale, y: Scale) -> list[Guide]:
    bandwidth, compute = roofs.bandwidth_gb_s, roofs.compute_gflop_s
    guides = []
    if bandwidth:
        begin = max(x.low, y.low / bandwidth)
        end = min(roofs.ridge or x.high, y.high / bandwidth, x.high)
        guides.append(Guide((begin, begin * bandwidth), (end, end * bandwidth), f"memory {significant(bandwidth)} GB/s"))
    if compute:
        begin = roofs.ridge or x.low
        guides.append(Guide((begin, compute), (x.high, compute), f"compute {significant(compute)} GFLOP/s"))
    return guides
