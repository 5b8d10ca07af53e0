"""The plots of the Live page, two in a row, with one time axis and one crosshair."""

import re

from PySide6.QtWidgets import QGridLayout, QWidget

from app.plots.backdrop import Limit
from app.plots.bandwidth_plot import BandwidthPlot
from app.plots.batch_plot import BatchPlot
from app.plots.gpu_plot import GpuPlot
from app.plots.latency_plot import LatencyPlot
from app.plots.machine_plot import MachinePlot
from app.plots.memory_plot import MemoryPlot
from app.plots.throughput_plot import ThroughputPlot
from app.plots.time_cursor import TimeCursor
from profiler.analysis.live_figures import LiveFigures
from profiler.plan.slo import Slo

_GPU_CHANNEL = re.compile(r"gpu(\d+)_utilization_percent")


class PlotBoard(QWidget):
    """Latency, throughput, batch, memory, bandwidth, machine, and one more for each GPU that tells how busy it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Plots of the last minute")
        self._cursor = TimeCursor(self)
        self.latency = LatencyPlot(self._cursor)
        self.throughput = ThroughputPlot(self._cursor)
        self.batch = BatchPlot(self._cursor)
        self.memory = MemoryPlot(self._cursor)
        self.bandwidth = BandwidthPlot(self._cursor)
        self.machine = MachinePlot(self._cursor)
        self._gpus: dict[int, GpuPlot] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        for index, plot in enumerate(self.plots):
            self._grid.addWidget(plot, index // 2, index % 2)

    @property
    def plots(self) -> tuple[LatencyPlot | ThroughputPlot | BatchPlot | MemoryPlot | BandwidthPlot | MachinePlot | GpuPlot, ...]:
        """All plots, in reading order."""
        fixed = (self.latency, self.throughput, self.batch, self.memory, self.bandwidth, self.machine)
        return (*fixed, *(self._gpus[number] for number in sorted(self._gpus)))

    def set_limits(self, slo: Slo, peak_gb_s: float | None) -> None:
        """The plan's limit on the first token and the machine's measured bandwidth."""
        limit = next((limit for limit in slo if limit.metric == "ttft_ms"), None)
        words = f"limit {limit.threshold:g} ms at {limit.statistic}" if limit else ""
        self.latency.set_limit(Limit(limit.threshold, words) if limit else None)
        self.bandwidth.set_peak(peak_gb_s)

    def clear(self) -> None:
        """Empty all plots."""
        for plot in self.plots:
            plot.clear()

    def show_figures(self, figures: LiveFigures) -> None:
        """Draw these."""
        for channel in figures.samples.channels:
            match = _GPU_CHANNEL.fullmatch(channel)
            if match and int(match[1]) not in self._gpus:
                self._add_gpu(int(match[1]))
        for plot in self.plots:
            plot.show_figures(figures)

    def _add_gpu(self, number: int) -> None:
        self._gpus[number] = GpuPlot(number, self._cursor)
        index = 5 + len(self._gpus)
        self._grid.addWidget(self._gpus[number], index // 2, index % 2)
