"""What the engine holds in memory in the last minute, beside what its weights and its KV cache take."""

from collections.abc import Iterable, Mapping

import numpy as np
from PySide6.QtWidgets import QWidget

from app.plots.curve import EMPTY, Curve, CurveStyle, Series
from app.plots.legend import Marker
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import SPAN_S, TimePlot
from profiler.analysis.device_buffers import MAIN_MEMORY, DeviceBuffers
from profiler.analysis.live_figures import LiveFigures

_PROCESS, _KV, _WEIGHTS, _VRAM = range(4)
_GPU_LOOKS: tuple[tuple[int, Marker], ...] = ((1, "circle"), (0, "diamond"), (2, "triangle"), (3, "square"))
_GIGABYTES_FROM_BYTES = 10e9


class MemoryPlot(TimePlot):
    """The engine's resident memory and the GPUs' used memory as curves; what llama.cpp holds on each device as levels.

    The levels come from the load log: weights and other buffers of main memory each by itself, of a GPU together.
    """

    def __init__(self, cursor: TimeCursor, parent: QWidget | None = None) -> None:
        styles = [
            CurveStyle("process", "MB", color=0),
            CurveStyle("KV and buffers", "MB", color=2, marker="square"),
            CurveStyle("weights", "MB", color=3, marker="triangle"),
            CurveStyle("VRAM in use", "MB", color=1),
        ]
        super().__init__("Memory", styles, cursor, least_top=100.0, parent=parent)
        self.set_shown(_VRAM, False)
        self._levels_bytes: dict[int, int | None] = {_KV: None, _WEIGHTS: None}
        self._gpus: dict[str, int] = {}
        self.setToolTip(
            "Resident set of the engine process; buffers as llama.cpp's load log names them: weights and all others in main "
            "memory, and what each GPU holds"
        )

    def set_levels(self, held: Mapping[str, DeviceBuffers]) -> None:
        """What the present run holds on each device (`device_buffers.by_device`); empty: not known."""
        in_main = held.get(MAIN_MEMORY, DeviceBuffers()) if held else None
        self._levels_bytes[_WEIGHTS] = None if in_main is None else in_main.weights_bytes
        self._levels_bytes[_KV] = None if in_main is None else in_main.other_bytes
        for device in held:
            if device != MAIN_MEMORY and device not in self._gpus:
                color, marker = _GPU_LOOKS[len(self._gpus) % len(_GPU_LOOKS)]
                self._gpus[device] = self.curve_count
                self.add_curve(CurveStyle(f"on {device}", "MB", color, marker=marker))
        for device, index in self._gpus.items():
            of_device = held.get(device)
            self._levels_bytes[index] = None if of_device is None else of_device.weights_bytes + of_device.other_bytes
            self.set_shown(index, of_device is not None)

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        times_s = figures.samples.times_ns / 1e9
        channels = figures.samples.channels
        process_bytes = channels.get("process_rss_bytes", np.full(len(times_s), np.nan))
        gpus_bytes = [column for name, column in channels.items() if name.endswith("_vram_used_bytes")]
        self.set_shown(_VRAM, bool(gpus_bytes))
        readings_bytes = {_PROCESS: process_bytes, **({_VRAM: np.sum(gpus_bytes, axis=0)} if gpus_bytes else {})}
        unit, bytes_per_unit = self._unit(readings_bytes.values())
        for index in range(self.curve_count):
            self.restyle(index, unit=unit)
        for index, series_bytes in readings_bytes.items():
            self.curve(index).set_points(times_s, series_bytes / bytes_per_unit)
        for index, level_bytes in self._levels_bytes.items():
            self._set_level(self.curve(index), figures.now_s, None if level_bytes is None else level_bytes / bytes_per_unit)
        self.draw(figures.now_s)

    def _unit(self, readings_bytes: Iterable[Series]) -> tuple[str, float]:
        """Gigabytes as soon as anything shown is that large."""
        levels = [level for level in self._levels_bytes.values() if level is not None]
        peak = max([0.0, *levels, *(float(series[np.isfinite(series)].max(initial=0.0)) for series in readings_bytes)])
        return ("GB", 1e9) if peak >= _GIGABYTES_FROM_BYTES else ("MB", 1e6)

    @staticmethod
    def _set_level(curve: Curve, now_s: float, level: float | None) -> None:
        if level is None:
            curve.set_points(EMPTY, EMPTY)
        else:
            times_s = np.linspace(max(0.0, now_s - SPAN_S), now_s, 61)
            curve.set_points(times_s, np.full(len(times_s), level))
