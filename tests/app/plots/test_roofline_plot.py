import math

import pyqtgraph
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, Qt
from pytestqt.qtbot import QtBot

from app.plots.roofline_plot import RooflinePlot, RoofMark, RoofPath, decade_ticks, labels_of
from app.theme import ThemeSwitch
from app.tokens import tokens
from profiler.analysis.roofline import Phase, Roofs

ROOFS = Roofs(bandwidth_gb_s=20.0, compute_gflop_s=100.0)
NEAR = 0.1, 0.1


def mark(cell_id: int, phase: Phase, intensity: float, gflop_s: float) -> RoofMark:
    return RoofMark(cell_id, phase, intensity, gflop_s, str(cell_id), f"cell {cell_id}, {phase.value}")


def path(name: str, first_id: int = 1, factor: float = 1.0) -> RoofPath:
    decodes = [mark(first_id + place, Phase.DECODE, 2.0 * 2**place, factor * 20 * 2**place) for place in range(2)]
    prefills = [mark(first_id + place, Phase.PREFILL, 60.0, factor * 80) for place in range(2)]
    return RoofPath(name, (*decodes, *prefills))


@pytest.fixture
def plot(qtbot: QtBot) -> RooflinePlot:
    made = RooflinePlot()
    qtbot.addWidget(made)
    made.resize(700, 260)
    made.show()
    return made


def lines(plot: RooflinePlot) -> list[tuple[list[float], list[float]]]:
    """The ends of every line, out of the decades."""
    found = []
    for item in plot.plot.items:
        if isinstance(item, pyqtgraph.PlotCurveItem):
            x, y = item.getData()
            found.append(([10**value for value in x], [10**value for value in y]))
    return found


def words(plot: RooflinePlot) -> list[str]:
    return [item.toPlainText() for item in plot.plot.items if isinstance(item, pyqtgraph.TextItem)]


def test_roofs_are_where_they_belong(plot: RooflinePlot) -> None:
    plot.show_paths([path("Q8_0")], ROOFS)
    slope, roof = lines(plot)[:2]
    for x, y in zip(*slope, strict=True):
        assert y / x == pytest.approx(20)
    assert slope[0][1] == pytest.approx(5)  # the ridge: 100 GFLOP/s over 20 GB/s
    assert (roof[0][0], roof[1]) == (pytest.approx(5), pytest.approx([100, 100]))
    assert {"memory 20.0 GB/s", "compute 100 GFLOP/s"} <= set(words(plot))
    (left, right), (bottom, top) = plot.plot.vb.viewRange()
    assert 10**left < 2
    assert 10**right > 60
    assert 10**bottom < 20
    assert 10**top > 100


def test_a_missing_roof_is_not_drawn(plot: RooflinePlot) -> None:
    plot.show_paths([path("Q8_0")], Roofs(20.0, None))
    slope, decode, prefill = lines(plot)
    assert slope[1][-1] / slope[0][-1] == pytest.approx(20)
    assert "memory 20.0 GB/s" in words(plot)
    assert not any("compute" in text for text in words(plot))
    assert decode == ([pytest.approx(2), pytest.approx(4)], [pytest.approx(20), pytest.approx(40)])
    assert prefill[0] == pytest.approx([60, 60])
    plot.show_paths([path("Q8_0")], Roofs(None, 100.0))
    assert lines(plot)[0][1] == pytest.approx([100, 100])
    plot.show_paths([], Roofs(None, None))
    assert lines(plot) == []


def test_the_phases_have_shapes_and_fillings_of_their_own(plot: RooflinePlot, theme: ThemeSwitch) -> None:
    plot.show_paths([path("Q8_0")], ROOFS)
    dots = [item for item in plot.plot.items if isinstance(item, pyqtgraph.ScatterPlotItem) and item.opts["symbol"] != "o"]
    circles = [item for item in plot.plot.items if isinstance(item, pyqtgraph.ScatterPlotItem) and item.opts["size"] == 9]
    assert [item.opts["symbol"] for item in circles] == ["o", "s"]
    assert dots == [circles[1]]
    assert circles[0].opts["brush"].color().name() == tokens().series[0]
    assert circles[1].opts["brush"].color().name() == tokens().surface


def test_labels_say_which_line_and_share_a_place() -> None:
    one, other = path("Q8_0"), path("Q4_K_M", first_id=3, factor=0.5)
    decodes = labels_of([one, other], Phase.DECODE, NEAR)
    assert [text for _, _, text in decodes] == ["1", "Q8_0 · 2", "3", "Q4_K_M · 4"]
    assert decodes[0][:2] == (pytest.approx(math.log10(2)), pytest.approx(math.log10(20)))
    assert [text for _, _, text in labels_of([one], Phase.DECODE, NEAR)] == ["1", "2"]
    assert [text for _, _, text in labels_of([one], Phase.PREFILL, NEAR)] == ["prefill"]
    assert [text for _, _, text in labels_of([one, other], Phase.PREFILL, NEAR)] == ["1, Q8_0 · 2", "3, Q4_K_M · 4"]


def test_a_point_is_chosen_and_ringed(qtbot: QtBot, plot: RooflinePlot) -> None:
    plot.show_paths([path("Q8_0")], ROOFS)
    place = plot.plot.vb.mapViewToScene(pyqtgraph.Point(math.log10(4), math.log10(40)))
    with qtbot.waitSignal(plot.cell_chosen) as told:
        qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert told.args == [2]
    plot.select([2])
    x, y = plot._rings.getData()
    assert sorted(10**value for value in x) == pytest.approx([4, 60])
    assert sorted(10**value for value in y) == pytest.approx([40, 80])
    assert "cell 2, decode" in plot.accessibleDescription()


def shown_labels(plot: RooflinePlot) -> list[QRectF]:
    return [label.textItem.sceneBoundingRect() for _, _, label in plot._point_labels if label.isVisible()]


@pytest.mark.parametrize("spread", [1.0, 1.04, 1.15, 1.6])
def test_labels_of_five_loads_and_three_quantizations_cover_nothing(qtbot: QtBot, plot: RooflinePlot, spread: float) -> None:
    paths = []
    for number, name in enumerate(("Q8_0", "Q4_K_M", "Q2_K")):
        factor = spread**number
        of_line = [
            mark
            for place in range(5)
            for mark in (
                RoofMark(5 * number + place, Phase.DECODE, 2 * 1.9**place * factor, 20 * 1.5**place * factor, str(2**place), "d"),
                RoofMark(5 * number + place, Phase.PREFILL, 70 * factor * 1.02**place, 90 / factor, str(2**place), "p"),
            )
        ]
        paths.append(RoofPath(name, tuple(of_line)))
    plot.show_paths(paths, ROOFS)
    marks = [(math.log10(mark.intensity), math.log10(mark.gflop_s)) for path in paths for mark in path.marks]

    def check() -> None:
        labels = shown_labels(plot)
        assert len(labels) >= 5
        words = [label.textItem.sceneBoundingRect() for label in plot._roof_words]
        points = [plot.plot.vb.mapViewToScene(QPointF(*mark)) for mark in marks]
        for number, label in enumerate(labels):
            assert not any(label.intersects(other) for other in [*labels[:number], *words])
            assert not any(label.contains(point) for point in points)

    check()
    before = shown_labels(plot)
    plot.resize(520, 300)  # another shape: they look for places again
    qtbot.waitUntil(lambda: shown_labels(plot) != before and not plot._replacing.isActive())
    check()


def test_keys_zoom_and_the_ticks_follow(qtbot: QtBot, plot: RooflinePlot) -> None:
    plot.show_paths([path("Q8_0")], ROOFS)
    plot.setFocus()
    (left, right), _ = plot.plot.vb.viewRange()
    for _ in range(8):
        qtbot.keyClick(plot, Qt.Key.Key_Plus)
    (near_left, near_right), _ = plot.plot.vb.viewRange()
    assert near_right - near_left < (right - left) / 4
    ticks = [place for place, _ in plot.plot.getAxis("bottom")._tickLevels[0]]
    assert all(near_left <= place <= near_right for place in ticks)
    qtbot.keyClick(plot, Qt.Key.Key_F)
    assert plot.plot.vb.viewRange()[0] == pytest.approx([left, right])


def test_ticks_by_hand() -> None:
    assert [text for _, text in decade_ticks(0.0, 2.0, 8)] == ["1", "2", "5", "10", "20", "50", "100"]
    assert [text for _, text in decade_ticks(-1.0, 4.0, 6)] == ["0.1", "1", "10", "100", "1000", "10000"]
    assert decade_ticks(1.0, 2.0, 8)[1] == (pytest.approx(math.log10(20)), "20")


@given(st.floats(-12, 12), st.floats(0.5, 12), st.integers(3, 9))
@settings(max_examples=100, deadline=None)
def test_ticks_lie_inside_and_are_few(low: float, span: float, most: int) -> None:
    ticks = decade_ticks(low, low + span, most)
    assert 0 < len(ticks) <= most
    for place, text in ticks:
        assert low <= place <= low + span
        assert float(text) == pytest.approx(10**place, rel=1e-5)
