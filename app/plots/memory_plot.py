"""What the engine holds in memory in the last minute, beside what its weights and its KV cache take."""

import numpy as np
from PySide6.QtWidgets import QWidget

from app.plots.curve import EMPTY, Curve, CurveStyle
from app.plots.time_cursor import TimeCursor
from app.plots.time_plot import SPAN_S, TimePlot
from profiler.analysis.live_figures import LiveFigures

_PROCESS, _KV, _WEIGHTS, _VRAM = range(4)
_GIGABYTES_FROM_BYTES = 10e9


class MemoryPlot(TimePlot):
    """The engine's resident memory and the GPUs' used memory as curves; KV cache and weights as levels from the load log."""

    def __init__(self, cursor: TimeCursor, *, has_vram: bool, parent: QWidget | None = None) -> None:
        styles = [
            CurveStyle("process", "MB", color=0),
            CurveStyle("KV and buffers", "MB", color=2, marker="square"),
            CurveStyle("weights", "MB", color=3, marker="triangle"),
        ]
        if has_vram:
            styles.append(CurveStyle("VRAM in use", "MB", color=1))
        super().__init__("Memory", styles, cursor, least_top=100.0, parent=parent)
        self._has_vram = has_vram
        self._levels_bytes: dict[int, int | None] = {_KV: None, _WEIGHTS: None}
        self.setToolTip("Resident set of the engine process; buffers as llama.cpp's load log names them")

    def set_levels(self, weights_bytes: int | None, kv_bytes: int | None) -> None:
        """What the present run's weights, and its KV cache with the other buffers, take; None: not known."""
        self._levels_bytes = {_WEIGHTS: weights_bytes, _KV: kv_bytes}

    def show_figures(self, figures: LiveFigures) -> None:
        """Show these."""
        samples = figures.samples
        times_s = samples.times_ns / 1e9
        process_bytes = samples.channels.get("process_rss_bytes", np.full(len(times_s), np.nan))
        vram_bytes = sum(
            (column for name, column in samples.channels.items() if name.endswith("_vram_used_bytes")), np.zeros(len(times_s))
        )
        known = [float(np.nanmax(process_bytes, initial=0.0)), *(level or 0 for level in self._levels_bytes.values())]
        if self._has_vram:
            known.append(float(np.nanmax(vram_bytes, initial=0.0)))
        unit, bytes_per_unit = ("GB", 1e9) if max(known) >= _GIGABYTES_FROM_BYTES else ("MB", 1e6)
        for index in range(len(self._curves)):
            self.restyle(index, unit=unit)
        self.curve(_PROCESS).set_points(times_s, process_bytes / bytes_per_unit)
        if self._has_vram:
            self.curve(_VRAM).set_points(times_s, vram_bytes / bytes_per_unit)
        for index, level_bytes in self._levels_bytes.items():
            self._set_level(self.curve(index), figures.now_s, None if level_bytes is None else level_bytes / bytes_per_unit)
        self.draw(figures.now_s)

    @staticmethod
    def _set_level(curve: Curve, now_s: float, level: float | None) -> None:
        if level is None:
            curve.set_points(EMPTY, EMPTY)
        else:
            times_s = np.linspace(max(0.0, now_s - SPAN_S), now_s, 61)
            curve.set_points(times_s, np.full(len(times_s), level))
