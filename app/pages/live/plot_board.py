"""The plots of the Live page, the wide ones two in a row, the small ones three, with one time span and one crosshair."""

from PySide6.QtWidgets import QGridLayout, QWidget

from app.plots.backdrop import Limit
from app.plots.bandwidth_plot import BandwidthPlot
from app.plots.batch_plot import BatchPlot
from app.plots.gpu_memory_plot import GpuMemoryPlot
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
from profiler.records import gpu_channel

_COLUMNS = 6  # of the grid: two plots take three each, three take two


LivePlot = (
    LatencyPlot | ThroughputPlot | BatchPlot | StepTokensPlot | MemoryPlot | BandwidthPlot | MachinePlot | GpuPlot | GpuMemoryPlot
)


class PlotBoard(QWidget):
    """What the load is like in large, the machine below it in small, and two plots more for each GPU that telemetry reads."""

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
        self.gpus: dict[str, tuple[GpuPlot, GpuMemoryPlot]] = {}
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
        return (*fixed, *(plot for plots in self.gpus.values() for plot in plots))

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
        for device in gpu_channel.devices(figures.samples.channels):
            if device not in self.gpus:
                self._add_gpu(device)
        for plot in self.plots:
            plot.show_figures(figures)

    def _add_gpu(self, device: str) -> None:
        plots = self.gpus[device] = GpuPlot(device, self._cursor), GpuMemoryPlot(device, self._cursor)
        row = self._fixed_rows + len(self.gpus) - 1
        for place, plot in enumerate(plots):
            self._grid.addWidget(plot, row, place * _COLUMNS // 2, 1, _COLUMNS // 2)
