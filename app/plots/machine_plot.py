"""How busy and how warm the machine is in the last minute, and how much of it other programs take."""

import numpy as np
from PySide6.QtWidgets import QWidget

from app.plots.curve import CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures

_CHANNELS = ("cpu_percent", "cpu_temperature_celsius", "foreign_cpu_percent")


class MachinePlot(TimePlot):
    """Processor load, temperature and foreign load on one scale of 100."""

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        super().__init__(
            "Machine",
            [
                CurveStyle("CPU", "%", color=0),
                CurveStyle("temperature", "°C", color=1, marker="square"),
                CurveStyle("other programs", "%", color=3, marker="triangle"),
            ],
            cursor,
            least_top=100.0,
            parent=parent,
        )
        self.setToolTip("Load of all cores, temperature of the processor, and load that is not the engine's")

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        samples = figures.samples
        times_s = samples.times_ns / 1e9
        for index, channel in enumerate(_CHANNELS):
            self.restyle(index, is_available=channel in samples.channels or not len(times_s))
            self.curve(index).set_points(times_s, samples.channels.get(channel, np.full(len(times_s), np.nan)))
        self.draw(figures.now_s)
