from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.plots.heatmap_plot import HeatmapPlot, heat_color
from app.theme import ThemeSwitch
from app.tokens import DARK, LIGHT, tokens
from profiler.exchange.findings.heatmap import heatmap
from profiler.exchange.findings.session_view import SessionView, read_session
from tests.helpers.written_session import write_session


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SessionView:
    return read_session(write_session(tmp_path_factory.mktemp("heat") / "chat.inferometer"))


@pytest.fixture
def plot(qtbot: QtBot, view: SessionView) -> HeatmapPlot:
    plot = HeatmapPlot()
    qtbot.addWidget(plot)
    plot.resize(700, 200)
    plot.show_map(heatmap(view, "ttft_ms.p95", "concurrency", "quant", {}))
    plot.show()
    return plot


def test_the_keyboard_goes_everywhere_and_chooses(qtbot: QtBot, plot: HeatmapPlot) -> None:
    for key in (Qt.Key.Key_Down, Qt.Key.Key_End):
        qtbot.keyClick(plot, key)
    assert "✕" not in plot.accessibleDescription()
    assert "could not allocate" in plot.accessibleDescription()
    with qtbot.waitSignal(plot.cell_chosen) as chosen:
        qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert chosen.args == [6]
    for _ in range(5):
        qtbot.keyClick(plot, Qt.Key.Key_Right)
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    with qtbot.waitSignal(plot.cell_chosen) as chosen:
        qtbot.keyClick(plot, Qt.Key.Key_Space)
    assert chosen.args == [4]


def test_a_click_chooses_and_one_beside_does_not(qtbot: QtBot, plot: HeatmapPlot) -> None:
    with qtbot.waitSignal(plot.cell_chosen) as chosen:
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.place_of(0, 1).center().toPoint())
    assert chosen.args == [2]
    with qtbot.assertNotEmitted(plot.cell_chosen):
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.rect().bottomRight())


def test_places_differ_by_colour_and_hatching(theme: ThemeSwitch, plot: HeatmapPlot) -> None:
    image = plot.grab().toImage()

    def colors_of(row: int, column: int) -> set[str]:
        place = plot.place_of(row, column).toRect().adjusted(4, 4, -4, -4)
        y = place.top()
        return {image.pixelColor(x, y).name() for x in range(place.left(), place.left() + 30)}

    assert heat_color(tokens(), 0.0).name() in colors_of(0, 0)
    assert heat_color(tokens(), 1.0).name() in colors_of(0, 2)
    assert len(colors_of(0, 2)) > 1
    assert tokens().surface in colors_of(1, 2)
    assert len(colors_of(1, 2)) > 1


def test_what_is_chosen_is_framed(plot: HeatmapPlot) -> None:
    before = plot.grab().toImage()
    plot.select([5])
    assert plot.grab().toImage() != before
    assert "Q4_K_M · 2 users" in plot.accessibleDescription()


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_the_scale_goes_one_way_in_lightness(colors: object) -> None:
    light = [heat_color(colors, share / 10).lightnessF() for share in range(11)]  # type: ignore[arg-type]
    assert light in (sorted(light), sorted(light, reverse=True))
    assert abs(light[0] - light[-1]) > 0.2


def test_narrow_places_leave_their_text_to_the_tooltip(plot: HeatmapPlot) -> None:
    plot.resize(180, 200)
    assert not plot.grab().isNull()
    assert plot.told(0, 0).startswith("Q8_0 · 1 user: First token p95, ms: 120")
    assert plot.told(9, 9) == "No such cell in this sweep"


def test_a_session_without_anything_is_no_trouble(qtbot: QtBot, tmp_path: Path) -> None:
    empty = HeatmapPlot()
    qtbot.addWidget(empty)
    qtbot.keyClick(empty, Qt.Key.Key_Right)
    assert not empty.grab().isNull()
