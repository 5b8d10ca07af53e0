from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.pages.live.plot_board import PlotBoard
from app.pages.live.tile_strip import TileStrip
from tests.helpers.live_minutes import live_minute

NVIDIA = {
    "gpu0_vram_used_bytes": 5e9,
    "gpu0_process_vram_bytes": 3.5e9,
    "gpu0_utilization_percent": 97.0,
    "gpu0_power_watts": 285.5,
    "gpu0_temperature_celsius": 72.0,
    "gpu0_clock_mhz": 2520.0,
    "gpu0_memory_clock_mhz": 10501.0,
    "gpu0_throttle_reasons": 4.0,
}
INTEL = {"intelgpu0_awake_percent": 40.0, "intelgpu0_clock_mhz": 2050.0, "intelgpu0_held_back": 1.0}


def test_tiles_of_a_gpu_come_with_its_channels(qtbot: QtBot) -> None:
    strip = TileStrip()
    qtbot.addWidget(strip)
    strip.show_figures(live_minute())
    assert not strip.gpus
    strip.show_figures(live_minute(**NVIDIA))
    tiles = strip.gpus["gpu0"]
    assert [(tile.figure, tile.context) for tile in tiles.tiles] == [
        ("5.00", "engine 3.50 GB"),
        ("97 · 2.52", "memory 10.50 GHz"),
        ("286 · 72", ""),
    ]
    assert "share of time in which a kernel ran" in tiles.busy.toolTip()
    strip.show_figures(live_minute(**{**NVIDIA, "gpu0_throttle_reasons": 0x44}))
    assert tiles.busy.context == "▲ slows itself down"
    strip.clear("the last run failed")
    assert tiles.memory.figure == "–"


def test_what_a_maker_does_not_tell_is_said(qtbot: QtBot) -> None:
    strip = TileStrip()
    qtbot.addWidget(strip)
    strip.show_figures(live_minute(**INTEL))
    tiles = strip.gpus["intelgpu0"]
    assert [(tile.figure, tile.context) for tile in tiles.tiles] == [
        ("–", "the driver does not tell"),
        ("40 · 2.05", "▲ slows itself down"),
        ("–", "no power meter"),
    ]
    assert "a GPU that is awake may do little" in tiles.busy.toolTip()


def test_each_gpu_has_two_plots_in_its_makers_words(qtbot: QtBot) -> None:
    board = PlotBoard()
    qtbot.addWidget(board)
    board.resize(1000, 900)
    board.show()
    board.show_figures(live_minute(**NVIDIA, **INTEL))
    assert list(board.gpus) == ["gpu0", "intelgpu0"]
    (nvidia, nvidia_memory), (intel, intel_memory) = board.gpus.values()
    assert [(style.name, words) for style, words in nvidia.readings(1.0)] == [
        ("busy", "busy 97.0 %"),
        ("temperature", "temperature 72.0 °C"),
        ("power", "power 286 W"),
    ]
    assert [words for _, words in nvidia_memory.readings(1.0)] == ["in use 5.00 GB", "engine 3.50 GB", "clock 2520 MHz"]
    assert [style.name for style, _ in intel.readings(1.0)] == ["awake"]
    assert [words for _, words in intel_memory.readings(1.0)] == ["clock 2050 MHz"]
    assert "Intel" in intel.accessibleName()


def test_all_rows_of_tiles_have_room_in_a_narrow_window(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    strip = TileStrip()
    column = QVBoxLayout(window)
    column.addWidget(strip)
    column.addWidget(QWidget(), 1)
    window.resize(700, 900)
    window.show()
    strip.show_figures(live_minute(**NVIDIA))

    def lowest() -> int:
        return max(tile.geometry().bottom() for tile in strip.gpus["gpu0"].tiles)

    qtbot.waitUntil(lambda: 200 < lowest() < strip.height(), timeout=2000)
