import math

import pytest
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot

from app.plots.loss_scale import BASE, loss_scale
from app.plots.three_way_plot import ThreeWayPlot
from app.theme import ThemeSwitch
from profiler.exchange.findings.marks import AxisWords, Reading, ThreeWayMark

AXES = AxisWords("Output, tok/s", "Peak memory", "KL divergence from F16, nat")


def mark(key: int, speed: float, memory_mb: float, loss: float | None, **changes: bool) -> ThreeWayMark:
    known = None if loss is None else Reading(loss, None if changes.get("is_base") else (0.8 * loss, 1.2 * loss))
    memory = Reading(memory_mb * 1e6, (memory_mb * 0.99e6, memory_mb * 1.01e6))
    return ThreeWayMark(
        key, key - 1, f"Q{key}", Reading(speed, (speed - 2, speed + 2)), memory, known, f"words of {key}", **changes
    )


MARKS = (
    mark(1, 51, 600, 0.0, is_base=True),
    mark(2, 63, 320, 0.0009),
    mark(3, 67, 230, 0.021),
    mark(4, 60, 250, 0.34, is_beaten=True),
)


@pytest.fixture
def plot(qtbot: QtBot) -> ThreeWayPlot:
    plot = ThreeWayPlot()
    qtbot.addWidget(plot)
    plot.resize(740, 280)
    plot.show_marks(MARKS, AXES)
    plot.show()
    qtbot.waitExposed(plot)
    return plot


def test_a_loss_over_decades_is_logarithmic_with_a_place_for_the_base() -> None:
    scale = loss_scale([0.001, 0.01, 0.3], has_base=True)
    assert scale.is_log
    assert [scale.place(value) for value in (0.001, 0.01, 0.1)] == pytest.approx([-3, -2, -1])
    assert scale.place(0.0) == scale.zero < scale.place(0.001)
    assert scale.ticks[0] == (scale.zero, BASE)
    assert {text: place for place, text in scale.ticks}["0.05"] == pytest.approx(math.log10(0.05))
    assert scale.bottom < scale.zero
    assert scale.top > math.log10(0.3)
    assert loss_scale([0.001, 0.3], has_base=False).ticks[0][1] != BASE


def test_a_loss_within_a_decade_is_linear_from_the_base() -> None:
    scale = loss_scale([0.02, 0.09], has_base=True)
    assert not scale.is_log
    assert scale.place(0.09) == 0.09
    assert scale.ticks[0] == (0.0, BASE)
    assert scale.bottom < 0 < scale.top


def test_bits_a_byte_do_not_begin_at_nothing() -> None:
    scale = loss_scale([0.9, 14.0], has_base=False, is_from_zero=False)
    assert not scale.is_log
    assert 0 < loss_scale([0.9, 1.1], has_base=False, is_from_zero=False).bottom < 0.9
    assert loss_scale([1.0], has_base=False, is_from_zero=False).top > 1.0


def test_all_three_are_positions_with_whiskers(plot: ThreeWayPlot, theme: ThemeSwitch) -> None:
    speed = {point.key: point for point in plot.first._points}
    memory = {point.key: point for point in plot.second._points}
    assert (speed[2].x, speed[2].x_interval) == (63, (61, 65))
    assert (memory[2].x, memory[2].x_interval) == (320, pytest.approx((316.8, 323.2)))
    assert speed[2].y == memory[2].y == pytest.approx(math.log10(0.0009))
    assert speed[2].y_interval == pytest.approx((math.log10(0.0008 * 0.9), math.log10(0.0012 * 0.9)))
    assert speed[1].name == "Q1 · base"
    assert speed[1].y_interval is None
    assert [point.is_faded for point in plot.first._points] == [False, False, False, True]
    assert plot.second._labels["bottom"] == "Peak memory, MB · ← less is better"
    assert plot.first.plot.vb.viewRange()[1] == plot.second.plot.vb.viewRange()[1]
    assert not plot.grab().isNull()


def test_pointing_at_a_model_draws_the_crosshair_in_both_planes(qtbot: QtBot, plot: ThreeWayPlot) -> None:
    target = plot.first._points[2]

    def is_near(place: QPointF) -> bool:
        return place == QPointF(target.x, target.y)

    assert plot.first.words_at(QPointF(0, 0), is_near) == "words of 3"
    assert [line.value() for line in plot.first._cross] == [67, target.y]
    assert [line.value() for line in plot.second._cross] == [230, target.y]
    assert plot.second._cross[0].isVisible()
    assert plot.first.words_at(QPointF(0, 0), lambda _: False) == ""
    assert not plot.second._cross[0].isVisible()


def test_labels_keep_apart(qtbot: QtBot, plot: ThreeWayPlot) -> None:
    near = [mark(number, 60 + 0.2 * number, 300 + number, 0.01) for number in range(1, 5)]
    plot.show_marks(near, AXES)
    qtbot.wait(1)
    boxes = [label.mapRectToScene(label.boundingRect()).adjusted(4, 6, -4, -6) for label in plot.first._labels_shown]
    assert len(boxes) == 4
    assert not [1 for index, box in enumerate(boxes) for other in boxes[index + 1 :] if box.intersects(other)]
    plot.resize(500, 220)
    assert len(plot.first._labels_shown) == 4


def test_large_memory_is_told_in_gigabytes_and_two_figures_need_one_plane(plot: ThreeWayPlot) -> None:
    plot.show_marks([mark(1, 10, 8000, None), mark(2, 20, 4000, None)], AXES)
    assert plot.second.isHidden()
    assert plot.first._labels["bottom"] == "Peak memory, GB · ← less is better"
    assert [(point.x, point.y) for point in plot.first._points] == [(8.0, 10), (4.0, 20)]
    assert plot._up_words.text() == "↑ Output, tok/s: more is better"
