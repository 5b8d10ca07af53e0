"""How each cell's latencies are spread: shares served within a time, and percentiles with the tail stretched out."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from profiler.exchange.charts.chart import Axis, Chart, Limit, Look, Point, Series, look_of
from profiler.exchange.charts.scale import Scale, from_zero
from profiler.exchange.findings.raw_latencies import CellDistribution, CellDistributions, Which
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.units import milliseconds_text, percent_text

LATENCIES = ("ttft_ms", "itl_ms", "e2e_ms")
MOST_SHOWN = 6
MOST_CELLS = 40
"""More curves cannot be told apart, and their readings would make the page heavy."""

_TITLES = {"ttft_ms": "First token", "itl_ms": "Between tokens", "e2e_ms": "Whole answer"}
_KEYS = {"ttft_ms": "first-token", "itl_ms": "between-tokens", "e2e_ms": "whole-answer"}
SHARE_KEYS = tuple(f"{key}-shares" for key in _KEYS.values())
SPECTRUM_KEYS = tuple(f"{key}-percentiles" for key in _KEYS.values())

_MOST_POINTS = 260
_MARKED = (0.1, 0.3, 0.5, 0.7, 0.9)
_FARTHEST_LIMIT = 2.0
_LEAST_TAIL = 0.99
_SEEN = 0.95  # of a distribution of which nothing is stated


def latency_charts(view: SessionView, distributions: Mapping[int, CellDistributions], first: Sequence[int]) -> list[Chart]:
    """For each latency its shares and its percentiles.

    Args:
        view: the session.
        distributions: of its cells, by number.
        first: the cells that are shown before somebody asks for others.
    """
    charts = []
    for latency in LATENCIES:
        found = {
            cell.cell_id: distributions[cell.cell_id][Which(latency)]
            for cell in view.measured
            if Which(latency) in distributions.get(cell.cell_id, {})
            and len(distributions[cell.cell_id][Which(latency)].values_ms)
        }
        if found:
            cells = sorted((cell for cell in view.measured if cell.cell_id in found), key=lambda cell: _rank(cell.cell_id, first))
            charts += [_shares(view, latency, cells, found, first), _spectrum(view, latency, cells, found, first)]
    return charts


def _shares(
    view: SessionView, latency: str, cells: Sequence[CellView], found: Mapping[int, CellDistribution], first: Sequence[int]
) -> Chart:
    limit = _limit(view, latency, is_x=True)
    reach = 1.25 * max(_seen_ms(found[cell.cell_id]) for cell in cells if _is_shown(cell, cells, first))
    if limit is not None and limit.value <= _FARTHEST_LIMIT * reach:
        reach = max(reach, 1.06 * limit.value)
    scale = from_zero(reach)
    series = [
        _share_curve(cell, found[cell.cell_id], scale, index, _is_shown(cell, cells, first)) for index, cell in enumerate(cells)
    ]
    return Chart(
        key=f"{_KEYS[latency]}-shares",
        title=f"{_TITLES[latency]}: shares within a time",
        told=f"% of {_of(latency)} within a time; dotted: more than so few values can state",
        x=Axis("ms", scale),
        y=Axis(f"% of {_of(latency)}", Scale(0.0, 112.0)),
        series=tuple(series),
        reading="last",
        latency=latency,
        limit=limit if limit is not None and scale.holds(limit.value) else None,
        note=_note(view, cells, limit if limit is not None and not scale.holds(limit.value) else None),
    )


def _spectrum(
    view: SessionView, latency: str, cells: Sequence[CellView], found: Mapping[int, CellDistribution], first: Sequence[int]
) -> Chart:
    most = max(len(distribution.values_ms) for distribution in found.values())
    tail = Scale(0.0, max(_LEAST_TAIL, 1 - 1 / (2 * most)), "tail")
    limit = _limit(view, latency, is_x=False)
    reach = max(float(found[cell.cell_id].values_ms[-1]) for cell in cells if _is_shown(cell, cells, first))
    if limit is not None and limit.value <= _FARTHEST_LIMIT * reach:
        reach = max(reach, limit.value)
    scale = from_zero(reach)
    series = [
        _tail_curve(cell, found[cell.cell_id], tail, scale.high, index, _is_shown(cell, cells, first))
        for index, cell in enumerate(cells)
    ]
    return Chart(
        key=f"{_KEYS[latency]}-percentiles",
        title=f"{_TITLES[latency]}: percentiles",
        told=f"ms that a share of the {_of(latency)} stays within, the slow tail stretched out; dotted: not stated",
        x=Axis(f"share of {_of(latency)}", tail),
        y=Axis("ms", scale),
        series=tuple(series),
        reading="next",
        latency=latency,
        limit=limit if limit is not None and scale.holds(limit.value) else None,
        note=_note(view, cells, limit if limit is not None and not scale.holds(limit.value) else None),
    )


def _rank(cell_id: int, first: Sequence[int]) -> int:
    """Those that are shown come first, so that their looks differ most."""
    return first.index(cell_id) if cell_id in first else len(first)


def _is_shown(cell: CellView, cells: Sequence[CellView], first: Sequence[int]) -> bool:
    """Whether a curve is there at first; where none of those has this latency, the first ones that have it."""
    some = [each.cell_id for each in cells if each.cell_id in first] or [each.cell_id for each in cells[:MOST_SHOWN]]
    return cell.cell_id in some


def _share_curve(cell: CellView, of: CellDistribution, scale: Scale, index: int, is_shown: bool) -> Series:
    """Steps: at each value the share rises. Only what is in view is drawn, whole up to the last step."""
    count = int(np.searchsorted(of.values_ms, scale.high, side="right"))
    if count == 0:
        return _curve(cell, look_of(index), [], 0, [], [], is_shown)
    kept = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(np.int64))
    places: list[tuple[float, float]] = [(float(of.values_ms[0]), 0.0)]
    for value, share in zip(of.values_ms[kept].tolist(), of.shares[kept].tolist(), strict=True):
        places += [(value, places[-1][1]), (value, 100 * share)]
    places.append((scale.high, places[-1][1]))
    stated = sum(y <= 100 * of.stated_share for _, y in places)
    readings = [
        _reading(of, share, value, (value, 100 * share))
        for value, share in zip(of.values_ms[kept].tolist(), of.shares[kept].tolist(), strict=True)
    ]
    marked = [int(np.searchsorted(of.shares, share)) for share in _MARKED if share <= of.shares[-1]]
    marks = [(float(of.values_ms[place]), 100 * share) for place, share in zip(marked, _MARKED, strict=False)]
    return _curve(cell, look_of(index), places, stated, readings, [mark for mark in marks if mark[0] <= scale.high], is_shown)


def _tail_curve(cell: CellView, of: CellDistribution, tail: Scale, most_ms: float, index: int, is_shown: bool) -> Series:
    """Steps: the value of rank r stands for all shares over (r - 1) / n up to r / n, the largest as far as the plane goes.

    It ends where it leaves the plane at the top.
    """
    whole = len(of.values_ms) / float(of.shares[-1]) if len(of.values_ms) else 1.0
    grid = 1 - 10 ** -np.linspace(0, -math.log10(1 - tail.high), _MOST_POINTS)
    ranks = np.unique(np.minimum(np.ceil(grid * whole - 1e-9).astype(np.int64), len(of.values_ms) + 1).clip(1))
    ranks = ranks[ranks <= len(of.values_ms)]
    places: list[tuple[float, float]] = []
    readings = []
    begin = 0.0
    for rank in ranks.tolist():
        value, end = float(of.values_ms[rank - 1]), min(rank / whole, tail.high)
        if value > most_ms:
            places.append((begin, most_ms))
            break
        places += [(begin, value), (end, value)]
        readings.append(_reading(of, rank / whole, value, (end, value)))
        begin = end
    stated = sum(x <= of.stated_share for x, _ in places)
    marked = [
        rank_of for rank_of in (math.ceil(share * whole - 1e-9) for share in (0.5, 0.9, 0.99)) if rank_of <= len(of.values_ms)
    ]
    marks = [(share, float(of.values_ms[rank - 1])) for share, rank in zip((0.5, 0.9, 0.99), marked, strict=False)]
    return _curve(
        cell,
        look_of(index),
        places,
        stated,
        readings,
        [mark for mark in marks if mark[0] <= tail.high and mark[1] <= most_ms],
        is_shown,
    )


def _curve(
    cell: CellView,
    look: Look,
    places: Sequence[tuple[float, float]],
    stated: int,
    readings: Sequence[Point],
    marks: Sequence[tuple[float, float]],
    is_shown: bool,
) -> Series:
    """A curve, dotted from where its values do not suffice to state it."""
    return Series(
        name=f"{cell.title} ▲" if cell.doubts else cell.title,
        look=look,
        points=tuple(Point(x, y, cell.title) for x, y in marks),
        line=tuple(places[:stated]),
        faint=tuple(places[max(0, stated - 1) :]),
        readings=tuple(readings),
        cell_id=cell.cell_id,
        is_shown=is_shown,
    )


def _reading(of: CellDistribution, share: float, value: float, at: tuple[float, float]) -> Point:
    caution = " (too few values to state)" if share > of.stated_share else ""
    told = "all" if share >= 1 else percent_text(share) if share < 0.99 else f"{100 * share:.4g} %"
    return Point(*at, f"{told} within {milliseconds_text(value)}{caution}")


def _seen_ms(of: CellDistribution) -> float:
    """A little of the tail is left out of sight: the few slowest values would squeeze all others."""
    place = int(np.searchsorted(of.shares, of.stated_share or _SEEN))
    return max(1e-3, float(of.values_ms[min(len(of.values_ms) - 1, place)]))


def _limit(view: SessionView, latency: str, *, is_x: bool) -> Limit | None:
    limit = next((limit for limit in view.slo if limit.metric == latency), None)
    if limit is None:
        return None
    return Limit(limit.threshold, f"limit on {limit.statistic}: {milliseconds_text(limit.threshold)}", is_x)


def _note(view: SessionView, cells: Sequence[CellView], far_limit: Limit | None) -> str:
    told = []
    if far_limit is not None:
        told.append(f"The {far_limit.words} lies beyond what is drawn.")
    missing = [cell.title for cell in view.measured if cell not in cells]
    if missing:
        told.append(f"Not drawn: {', '.join(missing)}.")
    unstable = [cell.title for cell in cells if cell.is_unstable]
    if unstable:
        told.append(f"Unstable, so that latencies from due grew with the run's length: {', '.join(unstable)}.")
    return " ".join(told)


def _of(latency: str) -> str:
    return "gaps" if latency == "itl_ms" else "requests"
