"""The roofline: how fast cells compute over how much they compute for a byte, under the machine's measured ceilings."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app.plots.figure import SYMBOLS, Figure
from app.plots.legend import LegendItem, Marker
from app.tokens import Tokens, tokens
from app.typeface import font
from profiler.analysis.roofline import Phase, Roofs
from profiler.units import significant

MARKERS: dict[Phase, Marker] = {Phase.DECODE: "circle", Phase.PREFILL: "square"}
PHASE_WORDS = {Phase.DECODE: "decode", Phase.PREFILL: "prefill"}

_AIR = 0.25  # decades around the points
_HEADROOM = 0.6  # decades above the points where no compute roof ends the plane
_NEAR = 0.05  # of the plane: labels nearer than that would cover each other
_MOST_LABELS = 60
_MOST_TICKS = {"bottom": 8, "left": 6}
_MANTISSAS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
_MARKER_PX = 9


@dataclass(frozen=True, slots=True)
class RoofMark:
    """One cell in one phase.

    Attributes:
        intensity: FLOPs for a byte, above 0.
        gflop_s: achieved, above 0.
        label: stands beside the point.
        words: for the tooltip.
    """

    cell_id: int
    phase: Phase
    intensity: float
    gflop_s: float
    label: str
    words: str


@dataclass(frozen=True, slots=True)
class RoofPath:
    """The cells of one line, in the order in which it joins them.

    Attributes:
        name: what the line stands for.
        marks: of both phases; each phase is joined by itself.
    """

    name: str
    marks: tuple[RoofMark, ...]


class RooflinePlot(Figure):
    """Both axes are logarithmic. Decode is filled circles, prefill hollow squares.

    Signals:
        cell_chosen: the id of a cell whose point was clicked.
    """

    cell_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._paths: tuple[RoofPath, ...] = ()
        self._roofs = Roofs(None, None)
        self._selected: frozenset[int] = frozenset()
        self._rings = pyqtgraph.ScatterPlotItem(pxMode=True)
        super().__init__("Roofline", "FLOP/byte", "GFLOP/s", parent)
        self.plot.vb.sigRangeChanged.connect(self._on_range_changed)

    def show_paths(self, paths: Sequence[RoofPath], roofs: Roofs) -> None:
        """Show these cells under these roofs; a roof of None is not drawn."""
        self._paths, self._roofs = tuple(paths), roofs
        lines = [LegendItem(path.name, number % 4) for number, path in enumerate(self._paths)]
        self.legend.set_items(lines if len(lines) > 1 else [])
        self.setAccessibleDescription("; ".join(mark.words.replace("\n", ", ") for path in self._paths for mark in path.marks))
        self.redraw()

    def select(self, cell_ids: Iterable[int]) -> None:
        """Ring the points of these cells."""
        self._selected = frozenset(cell_ids)
        self._ring(tokens())

    def paint_content(self, colors: Tokens) -> None:
        """Roofs, lines, points, labels, rings."""
        self._paint_roofs(colors)
        for number, path in enumerate(self._paths):
            for phase in Phase:
                marks = [mark for mark in path.marks if mark.phase is phase]
                if marks:
                    self._paint_line(colors, QColor(colors.series[number % 4]), phase, marks)
        if sum(len(path.marks) for path in self._paths) <= _MOST_LABELS:
            self._paint_labels(colors)
        self.plot.addItem(self._rings)
        self._ring(colors)

    def fit(self) -> None:
        """All points, and the ridge and the compute roof with their words."""
        (left, right), (bottom, top) = self._ranges()
        self.plot.setRange(xRange=(left, right), yRange=(bottom, top), padding=0)
        self._show_ticks()

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """In decades."""
        places = [(math.log10(mark.intensity), math.log10(mark.gflop_s)) for path in self._paths for mark in path.marks]
        x, y = [place[0] for place in places], [place[1] for place in places]
        ridge, compute, bandwidth = self._roofs.ridge, self._roofs.compute_gflop_s, self._roofs.bandwidth_gb_s
        top = [max(y, default=1.0) + _HEADROOM]
        if compute:
            top = [max(math.log10(compute), max(y, default=0.0)) + _AIR]
        if ridge and x:
            x.append(math.log10(ridge))
        if not x:
            x = [0.0, 2.0]
        left, right = min(x) - _AIR, max(x) + _AIR
        if not y:
            y = [math.log10(bandwidth) + left] if bandwidth else [0.0]
        return (left, right), (min(y) - _AIR, top[0])

    def _paint_roofs(self, colors: Tokens) -> None:
        bandwidth, compute, ridge = self._roofs.bandwidth_gb_s, self._roofs.compute_gflop_s, self._roofs.ridge
        (left, right), (bottom, top) = self._ranges()
        low, high = left - 10, right + 10  # far enough to be panned along
        pen = pyqtgraph.mkPen(colors.text, width=1)
        if bandwidth:
            until = math.log10(ridge) if ridge else high
            slope = math.log10(bandwidth)
            self._paint_roof([low, until], [low + slope, until + slope], pen)
            # Above the slope nothing can lie, so that its words are in nobody's way there.
            end = min(until, top - slope)
            begin = max(left, bottom - slope)
            at = begin + 0.6 * (end - begin)
            self._paint_words(colors, f"memory {significant(bandwidth)} GB/s", at, at + slope)
        if compute:
            level = math.log10(compute)
            self._paint_roof([math.log10(ridge) if ridge else low, high], [level, level], pen)
            self._paint_words(colors, f"compute {significant(compute)} GFLOP/s", right, level)

    def _paint_roof(self, x: list[float], y: list[float], pen: "pyqtgraph.QtGui.QPen") -> None:
        self.plot.addItem(pyqtgraph.PlotCurveItem(np.array(x), np.array(y), pen=pen, antialias=True), ignoreBounds=True)

    def _paint_words(self, colors: Tokens, words: str, x: float, y: float) -> None:
        """Left of the place and above it."""
        label = pyqtgraph.TextItem(words, color=colors.text, anchor=(1.0, 1.0))
        label.setFont(font("label"))
        label.setPos(x, y)
        self.plot.addItem(label, ignoreBounds=True)

    def _paint_line(self, colors: Tokens, color: QColor, phase: Phase, marks: Sequence[RoofMark]) -> None:
        x, y = np.log10([mark.intensity for mark in marks]), np.log10([mark.gflop_s for mark in marks])
        self.plot.addItem(pyqtgraph.PlotCurveItem(x, y, pen=pyqtgraph.mkPen(color, width=1), antialias=True))
        self.plot.addItem(
            pyqtgraph.ScatterPlotItem(
                x,
                y,
                symbol=SYMBOLS[MARKERS[phase]],
                size=_MARKER_PX,
                pen=pyqtgraph.mkPen(color, width=1.5),
                brush=pyqtgraph.mkBrush(color if phase is Phase.DECODE else QColor(colors.surface)),
            )
        )

    def _paint_labels(self, colors: Tokens) -> None:
        """Under their points, where no roof is, on the side where there is more room."""
        (left, right), (bottom, top) = self._ranges()
        near = _NEAR * (right - left), _NEAR * (top - bottom)
        for phase in Phase:
            for x, y, words in labels_of(self._paths, phase, near):
                is_left = x < (left + right) / 2
                label = pyqtgraph.TextItem(words, color=colors.muted, anchor=(-0.1, 0.0) if is_left else (1.0, -0.2))
                label.setFont(font("label"))
                label.setPos(x, y)
                self.plot.addItem(label, ignoreBounds=True)

    def _ring(self, colors: Tokens) -> None:
        chosen = [mark for path in self._paths for mark in path.marks if mark.cell_id in self._selected]
        self._rings.setData(
            [math.log10(mark.intensity) for mark in chosen],
            [math.log10(mark.gflop_s) for mark in chosen],
            symbol="o",
            size=17,
            pen=pyqtgraph.mkPen(colors.text, width=1),
            brush=None,
        )

    @Slot()
    def _on_range_changed(self) -> None:
        self._show_ticks()

    def _show_ticks(self) -> None:
        for side, (low, high) in zip(("bottom", "left"), self.plot.vb.viewRange(), strict=True):
            self.plot.getAxis(side).setTicks([decade_ticks(low, high, _MOST_TICKS[side])])

    def _mark_at(self, is_near: Callable[[QPointF], bool]) -> RoofMark | None:
        marks = (mark for path in self._paths for mark in path.marks)
        return next((mark for mark in marks if is_near(QPointF(math.log10(mark.intensity), math.log10(mark.gflop_s)))), None)

    def words_at(self, position: QPointF, is_near: Callable[[QPointF], bool]) -> str:
        """The cell under the pointer."""
        mark = self._mark_at(is_near)
        return mark.words if mark else ""

    def chosen_at(self, is_near: Callable[[QPointF], bool]) -> None:
        """Choose the cell under the pointer."""
        mark = self._mark_at(is_near)
        if mark:
            self.cell_chosen.emit(mark.cell_id)


def labels_of(paths: Sequence[RoofPath], phase: Phase, near: tuple[float, float]) -> list[tuple[float, float, str]]:
    """The labels of a phase's points: (x, y, words), in decades; points nearer than `near` to each other share one.

    A line's last point says which line it is, where there are several. Where all points of the phase lie together it is named.
    """
    groups: list[tuple[float, float, list[str]]] = []
    for path in paths:
        marks = [mark for mark in path.marks if mark.phase is phase]
        for mark in marks:
            is_last = mark is marks[-1] and len(paths) > 1
            words = " · ".join(filter(None, (path.name, mark.label))) if is_last else mark.label
            x, y = math.log10(mark.intensity), math.log10(mark.gflop_s)
            group = next((each for each in groups if abs(each[0] - x) < near[0] and abs(each[1] - y) < near[1]), None)
            if group is None:
                groups.append((x, y, [words]))
            else:
                group[2].append(words)
    if len(groups) == 1 and len(groups[0][2]) > 1:
        return [(groups[0][0], groups[0][1], PHASE_WORDS[phase])]
    return [(x, y, ", ".join(dict.fromkeys(filter(None, words)))) for x, y, words in groups]


def decade_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round ticks of a logarithmic axis from 10^low to 10^high: (place in decades, text), at most about `most` of them."""
    first, last = math.floor(low), math.ceil(high)
    stride = 1
    places: list[float] = []
    for mantissas in _MANTISSAS:
        places = [decade + math.log10(mantissa) for decade in range(first, last + 1) for mantissa in mantissas]
        places = [place for place in places if low <= place <= high]
        if len(places) <= most:
            break
    else:
        stride = -(-len(places) // most)
    return [(place, f"{10**place:.6g}") for place in places[::stride]]
