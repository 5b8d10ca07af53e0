"""The frontier of speed, memory and quality as charts: each model at its best cell, its loss over speed and over memory."""

from collections.abc import Sequence

from profiler.exchange.charts.chart import Axis, Chart, Interval, Point, Series, look_of
from profiler.exchange.charts.scale import Scale, from_zero
from profiler.exchange.findings.contenders import Contenders, axis_words, contenders, marks, quality_base, remark
from profiler.exchange.findings.marks import AxisWords, Reading, ThreeWayMark
from profiler.exchange.findings.session_view import SessionView

SPEED_KEY, MEMORY_KEY = "quality-over-speed", "quality-over-memory"
_GIGA_FROM = 2e9
_DECADE = 10.0
_WIDEST_REACH = 1.3
_BASE = "The base, whose divergence is 0, stands at the lower edge: a logarithm has no place for 0."


def three_way_charts(view: SessionView) -> list[Chart]:
    """Quality over speed and over memory; speed over memory where no quality is known; none with fewer than two models."""
    of = contenders(view)
    drawn = marks(of)
    if len(drawn) < 2:
        return []
    words = axis_words(of)
    unit, unit_name = (1e9, "GB") if max(mark.memory.value for mark in drawn) >= _GIGA_FROM else (1e6, "MB")
    memory_title = f"{words.memory}, {unit_name}; less is better"
    ids = {each.model.model_id: each.cell.cell_id for each in of.models if each.cell is not None}
    speeds = [mark.speed for mark in drawn]
    memories = [mark.memory.scaled(unit) for mark in drawn]
    note = remark(of)
    if not of.has_quality:
        axes = Axis(memory_title, _linear(memories)), Axis(f"{words.speed}; more is better", _linear(speeds))
        return [_chart(MEMORY_KEY, "Speed and memory", of, axes, _series(drawn, ids, memories, speeds), note)]
    losses = [mark.loss for mark in drawn if mark.loss is not None]
    scale, has_edge = _loss_scale(drawn, words)
    note = " ".join(filter(None, (note, _BASE if has_edge else "")))
    loss = Axis(f"{words.loss}; less is better", scale)
    speed = Axis(f"{words.speed}; more is better", _linear(speeds)), loss
    memory = Axis(memory_title, _linear(memories)), loss
    return [
        _chart(SPEED_KEY, "Quality over speed", of, speed, _series(drawn, ids, speeds, losses), note),
        _chart(MEMORY_KEY, "Quality over memory", of, memory, _series(drawn, ids, memories, losses), note),
    ]


def _chart(key: str, title: str, of: Contenders, axes: tuple[Axis, Axis], series: tuple[Series, ...], note: str) -> Chart:
    base = quality_base(of)
    told = ["each model at its best cell"]
    told += [f"quality against {base}"] if base and of.has_quality else []
    told += ["hollow: another one is as good or better in all"] if any(each.beaten_by for each in of.drawn) else []
    told += ["▲ flagged"] if any(each.cell is not None and each.cell.doubts for each in of.drawn) else []
    return Chart(key=key, title=title, told=" · ".join(told), x=axes[0], y=axes[1], series=series, note=note)


def _series(
    drawn: Sequence[ThreeWayMark], cell_ids: dict[int, int], across: Sequence[Reading], up: Sequence[Reading]
) -> tuple[Series, ...]:
    made = []
    for mark, x, y in zip(drawn, across, up, strict=True):
        name = f"{mark.name} · base" if mark.is_base else mark.name
        point = Point(
            x.value,
            y.value,
            mark.words,
            cell_ids.get(mark.key),
            name,
            mark.is_beaten,
            x_interval=x.interval,
            y_interval=y.interval,
        )
        made.append(Series(name, look_of(mark.index), (point,)))
    return tuple(made)


def _linear(values: Sequence[Reading]) -> Scale:
    return from_zero(max(_end(each.value, each.interval) for each in values))


def _end(value: float, interval: Interval | None) -> float:
    """An interval of few runs may be so wide that it would squeeze all others."""
    return min(interval[1], _WIDEST_REACH * value) if interval else value


def _loss_scale(drawn: Sequence[ThreeWayMark], words: AxisWords) -> tuple[Scale, bool]:
    """Logarithmic where the losses span a decade; and whether the base stands at its lower edge."""
    losses = [mark.loss for mark in drawn if mark.loss is not None and not mark.is_base]
    values = [loss.value for loss in losses if loss.value > 0]
    reach = max([_end(loss.value, loss.interval) for loss in losses], default=1.0)
    if words.is_loss_from_zero and values and max(values) >= _DECADE * min(values):
        return Scale(min(values) / 3, reach * 1.3, "log"), any(mark.is_base for mark in drawn)
    if words.is_loss_from_zero or not values:
        return from_zero(reach), False
    low = min([loss.interval[0] if loss.interval else loss.value for loss in losses])
    span = (reach - low) or reach
    return Scale(max(0.0, low - 0.1 * span), reach + 0.15 * span), False
