import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.plots.backdrop import Limit
from app.plots.bandwidth_plot import BandwidthPlot
from app.plots.batch_plot import BatchPlot
from app.plots.curve import Curve, CurveStyle, finite_stretches
from app.plots.gpu_memory_plot import GpuMemoryPlot
from app.plots.gpu_plot import GpuPlot
from app.plots.latency_plot import LatencyPlot
from app.plots.machine_plot import MachinePlot
from app.plots.memory_plot import MemoryPlot
from app.plots.step_tokens_plot import StepTokensPlot
from app.plots.throughput_plot import ThroughputPlot
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from app.theme import ThemeSwitch
from app.tokens import tokens
from profiler.analysis.device_buffers import MAIN_MEMORY, DeviceBuffers
from tests.helpers.live_minutes import live_minute

LINE = CurveStyle("speed", "tok/s", color=0)


def plot_of(qtbot: QtBot, *styles: CurveStyle, cursor: TimeCursor | None = None) -> TimePlot:
    plot = TimePlot("Throughput", styles or (LINE,), cursor or TimeCursor(), least_top=100)
    qtbot.addWidget(plot)
    plot.resize(420, 200)
    plot.show()
    return plot


def columns_with(image: QImage, color: str, row: int) -> list[int]:
    return [x for x in range(image.width()) if image.pixelColor(x, row).name() == color]


def test_a_level_is_drawn_at_its_height_and_a_gap_stays_open(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = plot_of(qtbot)
    times_s = np.arange(40.0, 100.25, 0.25)
    values = np.full(len(times_s), 50.0)
    values[(times_s > 60) & (times_s < 80)] = np.nan
    plot.curve(0).set_points(times_s, values)
    plot.draw(100.0)
    area = plot._standing().area
    row = round(plot._standing().y_of(50.0))
    drawn = columns_with(plot.grab().toImage(), tokens().series[0], row)
    assert drawn[0] == area.left()
    assert drawn[-1] in (area.right(), area.right() - 1)
    width = area.width()
    hole = [x for x in range(area.left(), area.right()) if x not in drawn]
    assert hole[0] == pytest.approx(area.left() + width * 20 / 60, abs=3)
    assert hole[-1] == pytest.approx(area.left() + width * 40 / 60, abs=3)


def test_time_moves_the_curve_to_the_left(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = plot_of(qtbot)
    plot.curve(0).set_points(np.array([90.0, 100.0]), np.array([50.0, 50.0]))
    row = round(plot._standing().y_of(50.0))
    plot.draw(100.0)
    first = columns_with(plot.grab().toImage(), tokens().series[0], row)
    plot.draw(130.0)
    second = columns_with(plot.grab().toImage(), tokens().series[0], row)
    area = plot._standing().area
    assert first[-1] >= area.right() - 1
    assert second[-1] - first[-1] == pytest.approx(-area.width() / 2, abs=2)


def test_the_scale_follows_curves_and_limit(qtbot: QtBot) -> None:
    plot = plot_of(qtbot)
    plot.curve(0).set_points(np.array([1.0]), np.array([180.0]))
    plot.draw(1.0)
    assert plot._left.ticks.top == 200
    plot.set_limit(Limit(900.0, "limit 900 ms", "broken"))
    plot.draw(1.0)
    assert plot._left.ticks.top == 1000
    plot.set_limit(None)
    plot.clear()
    assert plot._left.ticks.top == 100


def test_plots_of_one_width_have_one_time_axis(qtbot: QtBot) -> None:
    right = CurveStyle("power", "W", color=3, is_right=True)
    one, other = plot_of(qtbot), plot_of(qtbot, LINE, right)
    assert one._standing().area.left() == other._standing().area.left()
    assert one._standing().area.right() == other._standing().area.right()


def test_the_crosshair_is_shared_by_pointer_and_keys(qtbot: QtBot) -> None:
    cursor = TimeCursor()
    host = QWidget()
    qtbot.addWidget(host)
    layout = QVBoxLayout(host)
    one = ThroughputPlot(cursor)
    other = BandwidthPlot(cursor)
    for plot in (one, other):
        layout.addWidget(plot)
        plot.show_figures(live_minute())
    host.show()
    area = one._standing().area
    before = other.grab().toImage()
    qtbot.mouseMove(one, QPoint(area.center()))
    assert cursor.ago_s == pytest.approx(30, abs=0.5)
    assert other.grab().toImage() != before
    words = [text for _, text in one.readings(30.0)]
    assert words == ["output 178 tok/s", "prompt 89.2 tok/s"]
    qtbot.keyClick(one, Qt.Key.Key_Escape)
    assert cursor.ago_s is None
    assert other.grab().toImage() == before
    qtbot.keyClick(other, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(other, Qt.Key.Key_Left)
    assert cursor.ago_s == 2.75
    assert other.accessibleDescription().startswith("2.75 s ago: achieved 1")
    qtbot.keyClick(other, Qt.Key.Key_Right)
    assert cursor.ago_s == 2.5


def test_a_reading_is_the_nearest_and_never_a_far_one() -> None:
    curve = Curve(LINE)
    curve.set_points(np.array([1.0, 2.0, 3.0]), np.array([10.0, np.nan, 30.0]))
    assert curve.reading(1.2, 1.0) == 10.0
    assert curve.reading(2.1, 1.0) == 30.0
    assert curve.reading(5.0, 1.0) is None
    curve.set_points(np.array([1.0]), np.array([np.nan]))
    assert curve.reading(1.0, 1.0) is None
    assert curve.highest() == 0.0


def test_stretches_between_gaps() -> None:
    nan = np.nan
    assert finite_stretches(np.array([nan, 1.0, 2.0, nan, nan, 3.0])) == [slice(1, 3), slice(5, 6)]
    assert finite_stretches(np.array([nan, nan])) == []
    assert finite_stretches(np.array([1.0])) == [slice(0, 1)]


def test_every_live_figure_draws_a_minute_and_nothing(qtbot: QtBot, theme: ThemeSwitch) -> None:
    cursor = TimeCursor()
    gpu = {
        "gpu0_utilization_percent": 90.0,
        "gpu0_temperature_celsius": 66.0,
        "gpu0_power_watts": 210.0,
        "gpu0_vram_used_bytes": 5e8,
    }
    plots = [
        LatencyPlot(cursor),
        ThroughputPlot(cursor),
        BatchPlot(cursor),
        StepTokensPlot(cursor),
        MemoryPlot(cursor),
        BandwidthPlot(cursor),
        MachinePlot(cursor),
        GpuPlot("gpu0", cursor),
        GpuMemoryPlot("gpu0", cursor),
    ]
    for plot in plots:
        qtbot.addWidget(plot)
        plot.resize(420, 200)
        plot.show()
        empty = plot.grab().toImage()
        plot.show_figures(live_minute(**gpu))
        image = plot.grab().toImage()
        assert image != empty
        seen = {image.pixelColor(x, y).name() for x in range(420) for y in range(40, 170)}
        for curve in plot._curves:
            if curve.highest() > 0:
                assert tokens().series[curve.style.color] in seen, (plot.accessibleName(), curve.style.name)


def test_memory_changes_its_unit_with_its_size(qtbot: QtBot) -> None:
    plot = MemoryPlot(TimeCursor())
    qtbot.addWidget(plot)
    plot.set_levels({MAIN_MEMORY: DeviceBuffers(96_000_000, 20_000_000)})
    plot.show_figures(live_minute(process_rss_bytes=312e6))
    assert [text for _, text in plot.readings(5.0)] == ["process 312 MB", "KV and buffers 20.0 MB", "weights 96.0 MB"]
    plot.show_figures(live_minute(process_rss_bytes=24e9))
    assert plot.readings(5.0)[0][1] == "process 24.0 GB"


def test_memory_is_told_by_device(qtbot: QtBot) -> None:
    plot = MemoryPlot(TimeCursor())
    qtbot.addWidget(plot)
    plot.show_figures(live_minute())
    assert [item.words for item in plot._standing()._content.legend] == ["process MB", "KV and buffers MB", "weights MB"]
    plot.set_levels({MAIN_MEMORY: DeviceBuffers(97_000_000, 20_000_000), "Vulkan0": DeviceBuffers(50_000_000, 110_000_000)})
    plot.show_figures(live_minute(gpu0_vram_used_bytes=400e6))
    readings = [text for _, text in plot.readings(5.0)]
    assert readings == ["process 312 MB", "KV and buffers 20.0 MB", "weights 97.0 MB", "VRAM in use 400 MB", "on Vulkan0 160 MB"]
    plot.set_levels({})  # of the next run nothing is known
    plot.show_figures(live_minute())
    assert [text for _, text in plot.readings(5.0)] == ["process 312 MB"]
    assert [item.words for item in plot._standing()._content.legend] == ["process MB", "KV and buffers MB", "weights MB"]


def test_the_measured_peak_is_told(qtbot: QtBot) -> None:
    plot = BandwidthPlot(TimeCursor())
    qtbot.addWidget(plot)
    plot.set_peak(24.9)
    assert plot._limit == Limit(24.9, "measured peak 24.9 GB/s")
    plot.set_peak(None)
    assert plot._limit is None


def test_what_no_source_tells_is_said_in_the_legend(qtbot: QtBot) -> None:
    plot = MachinePlot(TimeCursor())
    qtbot.addWidget(plot)
    minute = live_minute()
    del minute.samples.channels["cpu_temperature_celsius"]
    plot.show_figures(minute)
    words = [item.words for item in plot._standing()._content.legend]
    assert words == ["CPU %", "temperature not available", "other programs %"]
    plot.show_figures(live_minute())
    assert plot._standing()._content.legend[1].words == "temperature °C"


def test_the_cache_has_a_curve_only_where_there_is_one(qtbot: QtBot) -> None:
    plot = StepTokensPlot(TimeCursor())
    qtbot.addWidget(plot)

    def legend() -> list[str]:
        return [item.words for item in plot._standing()._content.legend]

    plot.show_figures(live_minute())
    assert legend() == ["prompt", "decode", "KV used, right axis 0–100 %"]
    plot.set_cache(True)
    plot.show_figures(live_minute())
    assert legend() == ["prompt", "decode", "from cache", "KV used, right axis 0–100 %"]
    at_a_peak = 60 - 28.5  # sin(68.5 / 5) is 0.9
    words = [text for _, text in plot.readings(at_a_peak)]
    assert [text.rpartition(" ")[0] for text in words[:3]] == ["prompt", "decode", "from cache"]
    plot.set_cache(False)
    assert plot.curve(2).highest() == 0
    plot.show_figures(live_minute())
    assert len(plot.readings(at_a_peak)) == 3
