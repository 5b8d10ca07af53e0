"""The roofline: how fast cells compute over how much they compute for a byte, under the machine's measured ceilings."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, QTimer, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from app.plots.figure import SYMBOLS, Figure
from app.plots.label_places import Box, Pixels, Wanted, is_led_to, label_places
from app.plots.legend import LegendItem, Marker
from app.tokens import Tokens, tokens
from app.typeface import font
from profiler.analysis.roofline import Phase, Roofs
from profiler.exchange.findings.marks import PHASE_WORDS, RoofMark, RoofPath
from profiler.units import significant

MARKERS: dict[Phase, Marker] = {Phase.DECODE: "circle", Phase.PREFILL: "square"}

_AIR = 0.25  # decades around the points
_HEADROOM = 0.6  # decades above the points where no compute roof ends the plane
_NEAR = 0.03  # of the plane: points nearer than that lie on one another and share a label
_REPLACING_MS = 40  # after a move of the plane, labels look for places again
_LINE_STEP_PX = 5.0
_MOST_LABELS = 60
_MOST_TICKS = {"bottom": 8, "left": 6}
_MANTISSAS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
_MARKER_PX = 9


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
        self._roof_words: list[pyqtgraph.TextItem] = []
        self._point_labels: list[tuple[float, float, pyqtgraph.TextItem]] = []
        self._leaders = pyqtgraph.PlotCurveItem(connect="pairs")
        super().__init__("Roofline", "FLOP/byte", "GFLOP/s", parent)
        self.plot.vb.addItem(self._leaders, ignoreBounds=True)
        self._replacing = QTimer(self)
        self._replacing.setSingleShot(True)
        self._replacing.setInterval(_REPLACING_MS)
        self._replacing.timeout.connect(self._place_labels)
        self.plot.vb.sigRangeChanged.connect(self._on_range_changed)
        self.plot.vb.sigResized.connect(self._on_range_changed)

    def show_paths(self, paths: Sequence[RoofPath], roofs: Roofs) -> None:
        """Show these cells under these roofs; a roof of None is not drawn."""
        self._paths, self._roofs = tuple(paths), roofs
        lines = [LegendItem(path.name, number % 4) for number, path in enumerate(self._paths)]
        self.legend.set_items(lines if len(lines) > 1 else [])
        self.setAccessibleDescription("; ".join(mark.words.replace("\n", ", ") for path in self._paths for mark in path.marks))
        self.redraw()

    @property
    def paths(self) -> tuple[RoofPath, ...]:
        """What is shown."""
        return self._paths

    def select(self, cell_ids: Iterable[int]) -> None:
        """Ring the points of these cells."""
        self._selected = frozenset(cell_ids)
        self._ring(tokens())

    def paint_content(self, colors: Tokens) -> None:
        """Roofs, lines, points, labels, rings."""
        self._roof_words, self._point_labels = [], []
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
        self._place_labels()

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
        self._roof_words.append(label)
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
        """Make them, those with the lines' names first; they are placed when it is known where the points come to lie."""
        (left, right), (bottom, top) = self._ranges()
        near = _NEAR * (right - left), _NEAR * (top - bottom)
        found = [label for phase in Phase for label in labels_of(self._paths, phase, near)]
        for x, y, words in sorted(found, key=lambda label: -len(label[2])):
            label = pyqtgraph.TextItem(words, color=colors.muted, anchor=(0.0, 0.0))
            label.setFont(font("label"))
            label.textItem.document().setDocumentMargin(0)
            self._point_labels.append((x, y, label))
            self.plot.addItem(label, ignoreBounds=True)
        self._leaders.setPen(pyqtgraph.mkPen(colors.muted, width=1))

    @Slot()
    def _place_labels(self) -> None:
        """Where no label covers a point, another label or a roof's words; one without room is left to the tooltip."""
        view = self.plot.vb
        frame = view.sceneBoundingRect()
        if not self._point_labels or frame.width() < 1 or frame.height() < 1:
            self._leaders.setData([], [])
            return

        def pixels(x: float, y: float) -> tuple[float, float]:
            place = view.mapViewToScene(QPointF(x, y))
            return place.x(), place.y()

        wanted = []
        for x, y, label in self._point_labels:
            size = label.textItem.boundingRect()
            wanted.append(Wanted(*pixels(x, y), size.width(), size.height()))
        marks = [(math.log10(mark.intensity), math.log10(mark.gflop_s)) for path in self._paths for mark in path.marks]
        points = np.array([pixels(*mark) for mark in marks]).reshape(-1, 2)
        taken = [_box(label.textItem.sceneBoundingRect()) for label in self._roof_words]
        places = label_places(wanted, points, self._line_pixels(pixels), taken, _box(frame))
        ends: list[tuple[float, float]] = []
        for of, place, (x, y, label) in zip(wanted, places, self._point_labels, strict=True):
            label.setVisible(place is not None)
            if place is None:
                continue
            at = view.mapSceneToView(QPointF(place.left, place.top))
            label.setPos(at.x(), at.y())
            if is_led_to(of, place):
                end = view.mapSceneToView(QPointF(*place.nearest(of.x, of.y)))
                ends += [(x, y), (end.x(), end.y())]
        self._leaders.setData([x for x, _ in ends], [y for _, y in ends])

    def _line_pixels(self, pixels: Callable[[float, float], tuple[float, float]]) -> Pixels:
        """Places along the roofs and along the lines between points."""
        found = [np.empty((0, 2))]
        for item in self.plot.items:
            if isinstance(item, pyqtgraph.PlotCurveItem):
                x, y = item.getData()
                corners = np.array([pixels(*place) for place in zip(x, y, strict=True)]).reshape(-1, 2)
                found += [_between(*ends) for ends in pairwise(corners)]
        return np.concatenate(found)

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
        self._replacing.start()

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


def _box(rect: QRectF) -> Box:
    return Box(rect.left(), rect.top(), rect.width(), rect.height())


def _between(start: Pixels, end: Pixels) -> Pixels:
    """Places from one to the other, a few pixels apart; both included."""
    count = min(2000, max(2, int(np.hypot(*(end - start)) / _LINE_STEP_PX)))
    return np.linspace(start, end, count)


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
