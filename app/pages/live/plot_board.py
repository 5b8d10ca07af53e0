"""The plots of the Live page, the wide ones two in a row, the small ones three, with one time span and one crosshair."""

import re

from PySide6.QtWidgets import QGridLayout, QWidget

from app.plots.backdrop import Limit
from app.plots.bandwidth_plot import BandwidthPlot
from app.plots.batch_plot import BatchPlot
from app.plots.gpu_plot import GpuPlot
from app.plots.latency_plot import LatencyPlot
from app.plots.machine_plot import MachinePlot
from app.plots.memory_plot import MemoryPlot
from app.plots.step_tokens_plot import StepTokensPlot
from app.plots.throughput_plot import ThroughputPlot
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import TimePlot
from profiler.analysis.live_figures import LiveFigures
from profiler.plan.slo import Slo

_GPU_CHANNEL = re.compile(r"gpu(\d+)_utilization_percent")
_COLUMNS = 6  # of the grid: two plots take three each, three take two


LivePlot = LatencyPlot | ThroughputPlot | BatchPlot | StepTokensPlot | MemoryPlot | BandwidthPlot | MachinePlot | GpuPlot


class PlotBoard(QWidget):
    """What the load is like in large, the machine below it in small, and one plot more for each GPU that tells how busy it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Plots of the last minute")
        self._cursor = TimeCursor(self)
        self.latency = LatencyPlot(self._cursor)
        self.throughput = ThroughputPlot(self._cursor)
        self.batch = BatchPlot(self._cursor)
        self.step_tokens = StepTokensPlot(self._cursor)
        self.memory = MemoryPlot(self._cursor)
        self.bandwidth = BandwidthPlot(self._cursor)
        self.machine = MachinePlot(self._cursor)
        self._gpus: dict[int, GpuPlot] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        rows: tuple[tuple[TimePlot, ...], ...] = (
            (self.latency, self.throughput),
            (self.batch, self.step_tokens),
            (self.memory, self.bandwidth, self.machine),
        )
        for row, plots in enumerate(rows):
            span = _COLUMNS // len(plots)
            for place, plot in enumerate(plots):
                self._grid.addWidget(plot, row, place * span, 1, span)
        self._fixed_rows = len(rows)

    @property
    def plots(self) -> tuple[LivePlot, ...]:
        """All plots, in reading order."""
        fixed = (self.latency, self.throughput, self.batch, self.step_tokens, self.memory, self.bandwidth, self.machine)
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
        row, place = divmod(len(self._gpus) - 1, 2)
        self._grid.addWidget(self._gpus[number], self._fixed_rows + row, place * _COLUMNS // 2, 1, _COLUMNS // 2)
