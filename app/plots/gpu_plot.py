"""One GPU in the last minute: how busy, how warm, how much power."""

import numpy as np
from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures


class GpuPlot(TimePlot):
    """Load and temperature on the left axis, power on the right one."""

    def __init__(self, number: int, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            f"GPU {number}",
            [
                CurveStyle("load", "%", color=0),
                CurveStyle("temperature", "°C", color=1, marker="square"),
                CurveStyle("power", "W", color=3, marker="triangle", is_right=True),
            ],
            cursor,
            least_top=100.0,
            right_least_top=50.0,
            parent=parent,
        )
        self._channels = tuple(f"gpu{number}_{name}" for name in ("utilization_percent", "temperature_celsius", "power_watts"))
        self.setToolTip("Share of time in which a kernel ran, temperature, and power drawn")

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        samples = figures.samples
        times_s = samples.times_ns / 1e9
        for index, channel in enumerate(self._channels):
            self.restyle(index, is_available=channel in samples.channels or not len(times_s))
            self.curve(index).set_points(times_s, samples.channels.get(channel, np.full(len(times_s), np.nan)))
        self.draw(figures.now_s)
