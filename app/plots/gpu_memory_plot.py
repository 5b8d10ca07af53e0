"""One GPU in the last minute: its memory, the engine's part of it, and its clock."""

import numpy as np
from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis import gpu_readings
from profiler.analysis.live_figures import LiveFigures
from profiler.records import gpu_channel


class GpuMemoryPlot(TimePlot):
    """Memory on the left axis, the clock on the right one.

    Args:
        device: as its channels begin ("gpu0").
    """

    def __init__(self, device: str, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            f"{gpu_channel.device_words(device)} memory",
            [
                CurveStyle("in use", "GB", color=0),
                CurveStyle("engine", "GB", color=2, marker="square"),
                CurveStyle("clock", "MHz", color=1, marker="triangle", is_right=True),
            ],
            cursor,
            least_top=1.0,
            right_least_top=500.0,
            parent=parent,
        )
        self._device = device
        self.setToolTip(
            "The GPU's own memory in use by all programs, what of it the engine's process holds where the driver tells, and the "
            "clock of its cores"
        )

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        samples = figures.samples
        times_s = samples.times_ns / 1e9
        every = gpu_channel.devices(samples.channels)
        series = (
            gpu_readings.memory_used_bytes(samples, self._device) / 1e9,
            gpu_readings.engine_memory_bytes(samples, self._device, every) / 1e9,
            samples.channels.get(f"{self._device}_clock_mhz", np.full(len(times_s), np.nan)),
        )
        for index, values in enumerate(series):
            self.restyle(index, is_available=bool(np.isfinite(values).any()) or not len(times_s))
            self.curve(index).set_points(times_s, values)
        self.draw(figures.now_s)
