"""One GPU in the last minute: how busy by its maker's measure, how warm, how much power."""

import numpy as np
from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis import gpu_readings
from profiler.analysis.live_figures import LiveFigures
from profiler.records import gpu_channel


class GpuPlot(TimePlot):
    """Load and temperature on the left axis, power on the right one.

    Args:
        device: as its channels begin ("gpu0").
    """

    def __init__(self, device: str, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        maker = gpu_channel.maker(device)
        super().__init__(
            f"{gpu_channel.device_words(device)} · {maker.name}",
            [
                CurveStyle(maker.busy_word, "%", color=0),
                CurveStyle("temperature", "°C", color=1, marker="square"),
                CurveStyle("power", "W", color=3, marker="triangle", is_right=True),
            ],
            cursor,
            least_top=100.0,
            right_least_top=50.0,
            parent=parent,
        )
        self._device = device
        words = f"{maker.busy_word.capitalize()}: {maker.busy_term}. Power: {maker.power_term}."
        self.setToolTip(f"{words} Meters of different makers are not to be compared.")

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        samples = figures.samples
        times_s = samples.times_ns / 1e9
        nothing = np.full(len(times_s), np.nan)
        series = (
            gpu_readings.busy_percent(samples, self._device),
            samples.channels.get(f"{self._device}_temperature_celsius", nothing),
            gpu_readings.power_watts(samples, self._device),
        )
        for index, values in enumerate(series):
            self.restyle(index, is_available=bool(np.isfinite(values).any()) or not len(times_s))
            self.curve(index).set_points(times_s, values)
        self.draw(figures.now_s)
