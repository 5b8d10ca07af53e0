"""The percentile spectrum: the time that a share of the values stays within, the slow tail stretched out.

Along x goes log10(1 / (1 - p)): 90 %, 99 % and 99.9 % lie one step apart each, as HdrHistogram draws it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget

from app.plots.ecdf_plot import PENS, EcdfSeries
from app.plots.figure import SYMBOLS, Figure
from app.tokens import Tokens, mixed
from app.typeface import font
from profiler.units import milliseconds_text

_TICKS = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
_MARKED_SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)
_LEAST_RIGHT = 2.0  # the axis goes to 99 % at the least
_MOST_POINTS = 2000
_FARTHEST_LIMIT = 2.0

Places = NDArray[np.float64]


def tail_place(share: float) -> float:
    """Where a share, from 0 and below 1, lies on the axis: log10(1 / (1 - share))."""
    return float(-np.log10(1 - share))


def spectrum_steps(values_ms: Places, shares: Places) -> tuple[Places, Places]:
    """The curve as steps: the value of rank r stands for all shares over (r - 1) / n up to r / n.

    Args:
        values_ms: ascending.
        shares: at or below each; where the last is 1, which lies infinitely far, its step ends half a rank earlier.

    Returns:
        Places along the axis, and ms.
    """
    count = len(shares)
    ends = shares.copy()
    if count and ends[-1] >= 1:
        ends[-1] = 1 - 1 / (2 * count)
    begins = np.concatenate(([0.0], shares[:-1]))[:count]
    x = -np.log10(1 - np.column_stack((begins, ends)).ravel())
    return x, np.repeat(values_ms, 2)


class SpectrumPlot(Figure):
    """Times over shares; dotted from where too few values stand behind a percentile."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._series: tuple[EcdfSeries, ...] = ()
        self._limit_ms: float | None = None
        super().__init__(name, "% of them within, tail stretched out", "ms", parent)

    def show_series(self, series: Sequence[EcdfSeries], limit_ms: float | None = None) -> None:
        """Show these distributions, and a limit where there is one; the looks are those of the shares beside."""
        self._series, self._limit_ms = tuple(series), limit_ms
        self.setAccessibleDescription("; ".join(self._told(item) for item in self._series))
        self.redraw()

    def paint_content(self, colors: Tokens) -> None:
        """The limit, then each curve in two parts."""
        if self._limit_ms is not None:
            line = pyqtgraph.InfiniteLine(
                self._limit_ms,
                angle=0,
                pen=pyqtgraph.mkPen(colors.muted, width=1, style=Qt.PenStyle.DashLine),
                label=f"limit {milliseconds_text(self._limit_ms)}",
                labelOpts={"position": 0.98, "color": colors.muted, "anchors": [(1, 1), (1, 1)]},
            )
            line.label.setFont(font("label"))
            self.plot.addItem(line, ignoreBounds=True)
        for item in reversed(self._series):  # the first one on top
            if len(item.values_ms):
                self._paint_series(colors, item)
        self.plot.getAxis("bottom").setTicks([[(tail_place(share), f"{100 * share:.6g}") for share in _TICKS]])
        self.plot.setLimits(xMin=0, yMin=0)

    def _paint_series(self, colors: Tokens, item: EcdfSeries) -> None:
        ink = colors.series[item.look.color]
        x, y = spectrum_steps(item.values_ms, item.shares)
        stated_at, at_ms = tail_place(item.stated_share), value_at(item, item.stated_share)
        before, after = x < stated_at, x >= stated_at
        # The step that is stated in part only is cut.
        seam = ([stated_at], [at_ms]) if at_ms is not None and before.any() and after.any() else ([], [])
        if before.any():
            pen = pyqtgraph.mkPen(ink, width=1, style=PENS[item.line])
            solid = np.append(x[before], seam[0]), np.append(y[before], seam[1])
            self.plot.addItem(pyqtgraph.PlotCurveItem(*_thinned(*solid), pen=pen))
        if after.any():
            pen = pyqtgraph.mkPen(mixed(colors.surface, ink, 0.55), width=1, style=Qt.PenStyle.DotLine)
            faint = np.append(seam[0], x[after]), np.append(seam[1], y[after])
            self.plot.addItem(pyqtgraph.PlotCurveItem(*_thinned(*faint), pen=pen))
        marked = [share for share in _MARKED_SHARES if share <= item.shares[-1] and tail_place(share) <= x[-1]]
        self.plot.addItem(
            pyqtgraph.ScatterPlotItem(
                [tail_place(share) for share in marked],
                [value_at(item, share) or 0.0 for share in marked],
                symbol=SYMBOLS[item.look.marker],
                size=7,
                pen=pyqtgraph.mkPen(None),
                brush=pyqtgraph.mkBrush(ink),
            )
        )

    def fit(self) -> None:
        """From 0 to the slowest value, and a limit that is not far."""
        ends = [spectrum_steps(item.values_ms, item.shares)[0][-1] for item in self._series if len(item.values_ms)]
        top = max([float(item.values_ms[-1]) for item in self._series if len(item.values_ms)] or [1.0])
        if self._limit_ms is not None and self._limit_ms <= _FARTHEST_LIMIT * top:
            top = max(top, self._limit_ms)
        self.plot.setRange(xRange=(0, max([_LEAST_RIGHT, *ends]) * 1.02), yRange=(0, 1.08 * top), padding=0)

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """What each distribution stays within at the pointer's share."""
        if position.x() < 0:
            return ""
        share = 1 - 10 ** -position.x()
        lines = []
        for item in self._series:
            value = value_at(item, share)
            told = "some never got there" if value is None else milliseconds_text(value)
            caution = " (too few values to state)" if share > item.stated_share else ""
            caution += f" {item.doubt}" if item.doubt else ""
            lines.append(f"{item.name}: {share_text(share)} within {told}{caution}")
        return "\n".join(lines)

    def _told(self, item: EcdfSeries) -> str:
        parts = [
            f"p{100 * share:g} {milliseconds_text(value)}"
            for share in (0.5, 0.9, 0.99)
            if share <= item.stated_share and (value := value_at(item, share)) is not None
        ]
        return f"{item.name}: {', '.join(parts) or 'too few values to state a percentile'}"


def value_at(item: EcdfSeries, share: float) -> float | None:
    """The percentile by nearest rank; None where it falls on one that never got there, or there are no values."""
    place = int(np.searchsorted(item.shares, share - 1e-12))
    return float(item.values_ms[place]) if place < len(item.values_ms) else None


def share_text(share: float) -> str:
    """A share with as many digits as tell it from 100 %: 95 %, 99.93 %."""
    digits = max(1, int(np.ceil(tail_place(min(share, 1 - 1e-12)) - 1e-9)) - 1)
    return f"{100 * share:.{digits}f} %"


def _thinned(x: Places, y: Places) -> tuple[Places, Places]:
    """Beyond some thousand points nothing is left to see; they are taken evenly along the axis, and the ends stay."""
    if len(x) <= _MOST_POINTS:
        return x, y
    grid = np.linspace(x[0], x[-1], _MOST_POINTS)
    kept = np.unique(np.concatenate(([0], np.searchsorted(x, grid).clip(0, len(x) - 1), [len(x) - 1])))
    return x[kept], y[kept]
