"""Shares of requests (or gaps) served within a time: empirical distributions, dotted where too few values back them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget

from app.plots.figure import SYMBOLS, Figure
from app.plots.legend import LegendItem
from app.tokens import Tokens, mixed
from app.typeface import font
from profiler.units import milliseconds_text

Line = Literal["solid", "dashed", "dash-dotted"]

PENS: dict[Line, Qt.PenStyle] = {
    "solid": Qt.PenStyle.SolidLine,
    "dashed": Qt.PenStyle.DashLine,
    "dash-dotted": Qt.PenStyle.DashDotLine,
}
_MOST_POINTS = 2000
_MARKED_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
_FARTHEST_LIMIT = 2.0
_LEFT_SHARE = 0.3
_SEEN_SHARE = 0.95  # of a distribution of which nothing is stated


@dataclass(frozen=True, slots=True)
class EcdfSeries:
    """One distribution (`analysis.distribution.ecdf`).

    Attributes:
        look: its name, colour and marker.
        values_ms: ascending.
        shares: of one, ascending; the last is below 1 where some requests never got there.
        stated_share: the highest share that so many values can state; the curve is dotted above it.
        independent: how many these values are.
        line: tells apart what has one colour.
        doubt: what casts doubt on it, for the readout; may be empty.
    """

    look: LegendItem
    values_ms: NDArray[np.float64]
    shares: NDArray[np.float64]
    stated_share: float
    independent: int = 0
    line: Line = "solid"
    doubt: str = ""

    @property
    def name(self) -> str:
        """Its name in the legend."""
        return self.look.words


class EcdfPlot(Figure):
    """Percent of the values at or below each time in ms.

    Attributes:
        is_limit_in_view: False when the limit lies so far to the right that showing it would squeeze the curves.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._series: tuple[EcdfSeries, ...] = ()
        self._limit_ms: float | None = None
        self._has_one_subject = False
        self.is_limit_in_view = True
        super().__init__(name, "ms", "% within", parent)

    def show_series(self, series: Sequence[EcdfSeries], limit_ms: float | None = None, *, has_one_subject: bool = False) -> None:
        """Show these.

        Args:
            series: the distributions.
            limit_ms: a limit, None where there is none.
            has_one_subject: they are views of the same, so that none may be left out of sight for being long.
        """
        self._series = tuple(series)
        self._has_one_subject = has_one_subject
        self._limit_ms = limit_ms
        self.legend.set_items([item.look for item in self._series])
        self.redraw()

    def paint_content(self, colors: Tokens) -> None:
        """The limit, then each curve in two parts."""
        if self._limit_ms is not None:
            side = 0 if self._limit_ms < _LEFT_SHARE * self._reach_ms() else 1  # there is no room for words at the very left
            line = pyqtgraph.InfiniteLine(
                self._limit_ms,
                pen=pyqtgraph.mkPen(colors.muted, width=1, style=Qt.PenStyle.DashLine),
                label=f"limit {milliseconds_text(self._limit_ms)}",
                labelOpts={"position": 0.08, "color": colors.muted, "anchors": [(side, 0.5), (side, 0.5)]},
            )
            line.label.setFont(font("label"))
            self.plot.addItem(line, ignoreBounds=True)
        for item in reversed(self._series):  # the first one on top
            if len(item.values_ms):
                self._paint_series(colors, item.look, item)
        self.plot.setLimits(xMin=0, yMin=0, yMax=104)

    def _reach_ms(self) -> float:
        """A little beyond what can be stated, and a limit that is not far.

        The few slowest values, a far limit, or a latency that grew with its run would squeeze all others.
        """
        stated = [item for item in self._series if item.stated_share > 0 or self._has_one_subject]
        ends = [
            float(
                item.values_ms[min(len(item.values_ms) - 1, int(np.searchsorted(item.shares, item.stated_share or _SEEN_SHARE)))]
            )
            for item in stated or self._series
            if len(item.values_ms)
        ]
        right = 1.25 * max([*ends, 1e-3])
        if self._limit_ms is not None and self._limit_ms <= _FARTHEST_LIMIT * right:
            right = max(right, 1.06 * self._limit_ms)
        return right

    def fit(self) -> None:
        """From 0 as far as it reaches."""
        right = self._reach_ms()
        self.is_limit_in_view = self._limit_ms is None or self._limit_ms <= right
        self.plot.setRange(xRange=(0, right), yRange=(0, 103), padding=0)

    def _paint_series(self, colors: Tokens, look: LegendItem, item: EcdfSeries) -> None:
        ink = colors.series[look.color]
        # Beyond some thousand steps nothing is left to see; the ends stay exact.
        kept = np.unique(np.linspace(0, len(item.values_ms) - 1, min(len(item.values_ms), _MOST_POINTS)).round().astype(np.int64))
        x = np.repeat(np.concatenate((item.values_ms[:1], item.values_ms[kept])), 2)[1:]
        y = 100 * np.repeat(np.concatenate(([0.0], item.shares[kept])), 2)[:-1]
        stated = y <= 100 * item.stated_share
        until = max(1, int(np.count_nonzero(stated)))
        self.plot.addItem(pyqtgraph.PlotCurveItem(x[:until], y[:until], pen=pyqtgraph.mkPen(ink, width=1, style=PENS[item.line])))
        if until < len(x):
            faint = pyqtgraph.mkPen(mixed(colors.surface, ink, 0.55), width=1, style=Qt.PenStyle.DotLine)
            self.plot.addItem(pyqtgraph.PlotCurveItem(x[until - 1 :], y[until - 1 :], pen=faint))
        marked = [int(np.searchsorted(item.shares, share)) for share in _MARKED_SHARES if share <= item.shares[-1]]
        self.plot.addItem(
            pyqtgraph.ScatterPlotItem(
                item.values_ms[marked],
                100 * np.array(_MARKED_SHARES[: len(marked)]),
                symbol=SYMBOLS[look.marker],
                size=7,
                pen=pyqtgraph.mkPen(None),
                brush=pyqtgraph.mkBrush(ink),
            )
        )

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """What share each distribution has reached at the pointer's time."""
        lines = []
        for item in self._series:
            count = int(np.searchsorted(item.values_ms, position.x(), side="right"))
            share = float(item.shares[count - 1]) if count else 0.0
            caution = " (too few values to state)" if share > item.stated_share else ""
            caution += f" {item.doubt}" if item.doubt else ""
            lines.append(f"{item.name}: {100 * share:.3g} % within {milliseconds_text(position.x())}{caution}")
        return "\n".join(lines) if position.x() > 0 else ""
