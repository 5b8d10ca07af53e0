import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.plots.ecdf_plot import EcdfPlot, EcdfSeries
from app.plots.frontier_plot import FrontierPlot
from app.plots.legend import LegendLine, series_item
from app.plots.queue_plot import QueuePlot
from app.theme import ThemeSwitch
from app.tokens import tokens
from profiler.exchange.findings.marks import FrontierMark, FrontierSeries, Need


def frontier(qtbot: QtBot) -> FrontierPlot:
    plot = FrontierPlot("tok/s for each user", "tok/s in total")
    qtbot.addWidget(plot)
    plot.resize(500, 300)
    plot.show_series(
        [
            FrontierSeries("Q8_0", (FrontierMark(1, 30, 30, "Q8_0 · 1 user", True, (28, 32), (29, 31)),)),
            FrontierSeries("Q4_K_M", (FrontierMark(2, 60, 100, "Q4_K_M · 2 users", False),)),
        ]
    )
    plot.show()
    return plot


def test_the_frontier_starts_at_zero_and_holds_every_cell(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = frontier(qtbot)
    (left, right), (bottom, top) = plot.plot.vb.viewRange()
    assert (left, bottom) == (0, 0)
    assert right > 60
    assert top > 100
    assert plot.accessibleDescription() == "Q8_0 · 1 user; Q4_K_M · 2 users"
    assert plot.legend.accessibleName() == "Q8_0, Q4_K_M"


def test_a_click_chooses_the_cell_under_it(qtbot: QtBot) -> None:
    plot = frontier(qtbot)
    qtbot.waitExposed(plot)
    viewport = plot._view.viewport()
    point = plot._view.mapFromScene(plot.plot.vb.mapViewToScene(QPointF(60, 100)))
    with qtbot.waitSignal(plot.cell_chosen, timeout=2000) as chosen:
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=point)
    assert chosen.args == [2]
    with qtbot.assertNotEmitted(plot.cell_chosen, wait=30):
        qtbot.mouseClick(
            viewport, Qt.MouseButton.LeftButton, pos=plot._view.mapFromScene(plot.plot.vb.mapViewToScene(QPointF(5, 90)))
        )


def test_keys_zoom_pan_and_fit(qtbot: QtBot) -> None:
    plot = frontier(qtbot)
    whole = plot.plot.vb.viewRect()
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    assert plot.plot.vb.viewRect().width() == pytest.approx(0.8 * whole.width())
    before = plot.plot.vb.viewRect().left()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.plot.vb.viewRect().left() > before
    qtbot.keyClick(plot, Qt.Key.Key_F)
    assert plot.plot.vb.viewRect().width() == pytest.approx(whole.width())


def test_the_need_is_a_region_with_its_words(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = frontier(qtbot)
    without = plot.grab().toImage()
    plot.set_need(Need(10, "meets the need →"))
    assert plot.grab().toImage() != without
    plot.set_need(None)
    assert not [item for item in plot.plot.items if hasattr(item, "getRegion")]


def test_a_distribution_reaches_its_share_and_says_what_is_not_stated(qtbot: QtBot) -> None:
    plot = EcdfPlot("First token: share of requests served")
    qtbot.addWidget(plot)
    values = np.arange(1.0, 101.0)
    plot.show_series([EcdfSeries(series_item("Q8_0", 0), values, values / 100, 0.95)], limit_ms=200.0)
    assert plot.words_at(QPointF(50.5, 0), lambda _: False) == "Q8_0: 50 % within 50.5 ms"
    assert plot.words_at(QPointF(98.2, 0), lambda _: False) == "Q8_0: 98 % within 98.2 ms (too few values to state)"
    assert plot.plot.vb.viewRange()[0][1] > 200
    curves = [item.getData() for item in plot.plot.items if hasattr(item, "getData")]
    assert curves[0][1].max() <= 95
    assert curves[1][1].max() == pytest.approx(100)
    assert curves[0][0][-1] == curves[1][0][0]


def test_figures_follow_the_theme(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = frontier(qtbot)
    assert plot.grab().toImage().pixelColor(4, 4).name() == tokens().surface
    theme.choose("dark" if theme.choice == "light" else "light")
    assert plot.grab().toImage().pixelColor(4, 4).name() == tokens().surface


def test_series_beyond_four_differ_by_marker(qtbot: QtBot) -> None:
    looks = {(series_item("", index).color, series_item("", index).marker) for index in range(16)}
    assert len(looks) == 16
    line = LegendLine()
    qtbot.addWidget(line)
    line.set_items([series_item("Q8_0", 0)])
    assert line.accessibleName() == "Q8_0"


def test_a_need_may_lie_along_the_other_figure(qtbot: QtBot) -> None:
    plot = frontier(qtbot)
    plot.set_need(Need(120, "120 ms or less", is_x=False, is_met_above=False))
    (region,) = [item for item in plot.plot.items if hasattr(item, "getRegion")]
    assert (region.orientation, region.getRegion()) == ("horizontal", (0, 120))
    assert plot.plot.vb.viewRange()[1][1] > 120
    plot.set_need(Need(100_000, "far above all of them", is_x=False, is_met_above=False))
    assert plot.plot.vb.viewRange()[1][1] < 1000


def test_points_beside_each_other_share_a_label(qtbot: QtBot) -> None:
    plot = FrontierPlot("", "")
    qtbot.addWidget(plot)
    near = [FrontierMark(number, 100 + number, 50, "", True, label=str(number)) for number in (1, 2)]
    plot.show_series([FrontierSeries("", (*near, FrontierMark(3, 40, 50, "", True, label="3")))])
    labels = [item.toPlainText() for item in plot.plot.items if hasattr(item, "toPlainText")]
    assert labels == ["1, 2", "3"]


def test_what_is_not_stated_does_not_squeeze_the_rest(qtbot: QtBot) -> None:
    plot = EcdfPlot("First token")
    qtbot.addWidget(plot)
    values = np.arange(1.0, 101.0)
    steady = EcdfSeries(series_item("continuous", 0), values, values / 100, 0.95)
    grown = EcdfSeries(series_item("static", 1), 1000 * values, values / 100, 0.0)
    plot.show_series([steady, grown])
    assert plot.plot.vb.viewRange()[0][1] < 200
    plot.show_series([steady, grown], has_one_subject=True)
    assert plot.plot.vb.viewRange()[0][1] > 90_000
    plot.show_series([grown])
    assert plot.plot.vb.viewRange()[0][1] > 90_000


def test_a_wrapped_legend_grows_where_it_is_narrow(qtbot: QtBot) -> None:
    line = LegendLine()
    qtbot.addWidget(line)
    line.set_items([series_item("prefill chunk 64 · chat", index) for index in range(4)])
    assert not line.hasHeightForWidth()
    line.set_wrapping()
    assert line.heightForWidth(10_000) == 18
    assert line.heightForWidth(400) == 36
    assert line.heightForWidth(100) == 4 * 18


def test_the_queue_over_a_run(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = QueuePlot("Queue")
    qtbot.addWidget(plot)
    plot.resize(400, 200)
    empty = plot.grab().toImage()
    plot.show_counts(np.array([0.0, 1.0, 1.0, 5.0]), np.array([2.0, 2.0, 7.0, 0.0]), np.array([0.0, 0.0, 5.0, 0.0]), 4.0)
    image = plot.grab().toImage()
    assert image != empty
    seen = {image.pixelColor(x, y).name() for x in range(400) for y in range(200)}
    assert set(tokens().series[:2]) <= seen
    assert plot.words_at(QPointF(2.0, 0.0), lambda _: False) == "2.0 s: 7 in the system, 5 waiting"
    assert plot.words_at(QPointF(-1.0, 0.0), lambda _: False) == ""
    assert plot.legend.accessibleName() == "in the system, waiting"
